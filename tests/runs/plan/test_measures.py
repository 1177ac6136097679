"""The gate on a known market trains the phase's agent there: what has learned passes, what has not does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.runs.conftest import silent
from tests.runs.plan.test_running import GATES, SMALL, values

from regimen.records import RunConfig, resolve
from regimen.runs.plan import start_plan
from regimen.runs.plan.measures import share_of_optimum

BASE: dict[str, Any] = {"data": {"sample": "sp500"}, "training": {}}


def config(**model: Any) -> RunConfig:
    return resolve({**BASE, "model": model})


def test_only_what_has_learned_has_a_large_share_of_the_optimum() -> None:
    short = config(kind="ppo", gamma=0.0, minibatch_size=512)
    assert share_of_optimum(short, "ou", 100_000) > 0.9
    assert share_of_optimum(config(kind="ppo", rollout_steps=2, hidden=[8]), "ou", 1) < 0.8  # 256 steps
    assert share_of_optimum(short, "martingale", 100_000) > 0.9  # of which trading at random has none


def test_what_the_known_market_does_not_have_is_left_out() -> None:
    """A bonus on the account's columns, tasks of real bars, an expert of indicators; a rule has nothing to learn."""
    bonus = {"kind": "rnd", "columns": ["cash", "drawdown"]}
    plain, paid = (config(kind="ppo", **more) for more in ({}, {"bonus": bonus}))
    assert share_of_optimum(plain, "ou", 1) == share_of_optimum(paid, "ou", 1)
    assert share_of_optimum(config(kind="cloned", expert="votes"), "ou", 50_000) > 0.9
    assert share_of_optimum(config(kind="momentum"), "ou", 1) == 1.0


@pytest.mark.parametrize(("least", "end"), [(0.9, "baseline"), (-9.0, "passed")])
def test_a_phase_must_reach_its_share(tmp_path: Path, least: float, end: str) -> None:
    """One step of learning is no 90 % of the optimum."""
    gate = {"kind": "optimum", "market": "ou", "least": least, "steps": 1}
    model = {"kind": "ppo", "hidden": [8], "rollout_steps": 8}
    phase = {"name": "A", "changes": {"model": model}, "gates": [*GATES, gate]}
    file = {**values(tmp_path, phase, attempts=1, baseline="momentum"), "environment": SMALL}
    planned = start_plan(file, tmp_path / "runs", silent)
    (attempt,) = planned.attempts
    assert (attempt.passed, planned.place.end) == (end == "passed", end)
    assert "of the optimum on ou (at least" in attempt.reasons[1]
    assert attempt.reasons[1].startswith("not passed") == (end == "baseline")
