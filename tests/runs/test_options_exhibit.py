"""A run of options: which were taken in the test spans, for how long, and what followed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regimen.agents import OptionsConfig
from regimen.envs import EnvSpec, VectorMarketConfig
from regimen.policies import AgentPolicy
from regimen.records import load_config
from regimen.runs import start
from regimen.runs.families.agent_exhibits.options import Watched

from .conftest import silent
from .test_agent import YAML
from .test_sizing_exhibit import exhibits_of

MODEL = "{kind: options, hidden: [8], rollout_steps: 8, warmup_steps: 128, batch_size: 32, learned: 1}"


@pytest.mark.slow
def test_a_run_shows_its_options(tmp_path: Path, market_file: Path) -> None:
    path = tmp_path / "options.yaml"
    path.write_text(YAML.format(path=market_file))
    words = ["seeds=1", f"model={MODEL}", "environment.evaluations=1", "environment.steps=1024"]
    directory, _ = start(load_config(path, words), tmp_path / "runs", silent)
    exhibit = exhibits_of(directory)["options"]
    assert exhibit.columns == ("Option", "share of bars", "ended", "mean bars", "followed most by")
    assert [row[0] for row in exhibit.rows] == ["open long", "close", "trend", "scalp", "wait", "learned"]
    shares = [float(row[1].removesuffix("%").strip()) for row in exhibit.rows]
    assert sum(shares) == pytest.approx(100.0, abs=0.5)
    assert "In the test spans" in exhibit.sentences[0]


def test_options_are_counted_bar_by_bar() -> None:
    """Written out: of two symbols, options 0 0 1 1 and 2 2 2 1, the first of each not seen to begin."""
    agent = OptionsConfig().build(EnvSpec(columns=("position", "cash", "drawdown"), choices=3))
    watched = Watched(AgentPolicy(agent, VectorMarketConfig(actions="levels")))
    for options, elapsed in (((1, 3), (1, 1)), ((1, 3), (2, 2)), ((2, 3), (1, 3)), ((2, 2), (2, 1)), ((0, 2), (0, 1))):
        memory = np.array([*zip(options, elapsed, (0, 0), strict=True)], np.float32)
        watched.policy.watching((np.zeros((2, 3), np.float32), memory))  # type: ignore[misc]
    bars, switches = watched.counts(4)
    assert bars.tolist() == [1, 4, 2, 0]
    expected = np.zeros((4, 4), np.int64)
    expected[0, 1], expected[2, 1], expected[1, 1] = 1, 1, 1
    np.testing.assert_array_equal(switches, expected)
