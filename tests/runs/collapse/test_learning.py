"""How much was tried is a share of what a decision is one of: choices, options, or a range for every number."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.runs.conftest import silent

from regimen.agents import OptionsConfig, PPOConfig
from regimen.envs import EnvSpec
from regimen.records import resolve
from regimen.records.layout import HISTORY
from regimen.runs import start
from regimen.runs.collapse.learning import exploration
from regimen.runs.prepare import prepare
from regimen.simulators import HysteresisConfig


def test_a_decision_is_one_of_the_options_or_of_the_choices() -> None:
    spec = EnvSpec(columns=("return_1",), choices=3)
    assert PPOConfig().alternatives(spec) == 3
    assert OptionsConfig().alternatives(spec) == 7
    assert PPOConfig().alternatives(EnvSpec(columns=("return_1",))) is None


@pytest.mark.parametrize(
    ("model", "actions", "entropy", "share"),
    [
        ({"kind": "options", "hidden": [4], "warmup_steps": 10**5}, "levels", np.log(7.0), 1.0),
        ({"kind": "ppo", "hidden": [4], "rollout_steps": 32}, "levels", np.log(2.0), 0.5),
        ({"kind": "ppo", "hidden": [4], "rollout_steps": 32}, "continuous", np.log(0.5), 0.25),
    ],
)
def test_the_share_that_was_tried(
    model: dict[str, object], actions: str, entropy: float, share: float, tmp_path: Path
) -> None:
    HysteresisConfig(cost=0.1).simulate(600, 3).bars.write(tmp_path / "bars.parquet")
    values = {
        "data": {"path": str(tmp_path / "bars.parquet")},
        "features": {"kind": "indicators", "columns": ["volume_sma_ratio"]},
        "splits": {"train": 400, "test": 150},
        "model": model,
        "environment": {"steps": 256, "n_envs": 4, "episode_length": 32, "evaluations": 0, "actions": actions},
        "judge": {"bootstrap_draws": 100, "random_controls": 20},
        "tracking": "none",
    }
    directory = start(resolve(values), tmp_path / "runs", silent)[0]
    prepared = prepare(directory.located_config())
    for window in prepared.windows:
        (directory.window(window.number) / HISTORY).write_text(json.dumps({"entropy": [entropy] * 4}))
    assert exploration(prepared, directory) == pytest.approx((share, share))
