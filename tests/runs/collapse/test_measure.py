"""Runs whose policy holds for a cause that was planted: the answer names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.runs.conftest import silent

from regimen.errors import RunError
from regimen.records import RunDirectory, resolve
from regimen.records.report import write_report
from regimen.runs import collapse_of, start
from regimen.simulators import HysteresisConfig, MartingaleConfig

OWN = """
from typing import NamedTuple

from regimen.features import Bar, Feature
from regimen.jit import jit


class Nothing(NamedTuple):
    seen: int = 0


@jit
def show(state: Nothing, bar: Bar, signal: float):
    return Nothing(state.seen + 1), signal


SHOWN = Feature(("shown",), "mine", show, Nothing(), inputs=("signal",))


def hold(observation):
    return 0.0
"""
EDGE, DEAR = HysteresisConfig(cost=0.1), HysteresisConfig(cost=10.0, noise=5.0)
HIDING = {"kind": "indicators", "columns": ["volume_sma_ratio", "volatility_20d"]}
CONTINUOUS = {"actions": "continuous"}
MODELS: dict[str, dict[str, Any]] = {
    "timid": {"kind": "ppo", "hidden": [8], "rollout_steps": 16, "log_std": -5.0},
    "deaf": {"kind": "sac", "hidden": [8], "rollout_steps": 16, "temperature": 0.01, "update_ratio": 0.01},
}


def run(folder: Path, market: Any, bps: float, shown: bool, model: str = "", **environment: Any) -> RunDirectory:
    bars = market.simulate(2000, 3).bars
    bars.write(folder / "bars.parquet")
    (folder / "own.py").write_text(OWN)
    values: dict[str, Any] = {
        "data": {"path": str(folder / "bars.parquet"), "keep": list(bars.extras)},
        "features": {"kind": "custom", "features": [f"{folder}/own.py:SHOWN"]} if shown else HIDING,
        "splits": {"train": 1200, "test": 600},
        "model": MODELS.get(model, {"kind": "function", "source": f"{folder}/own.py:hold"}),
        "market": {"costs": {"commission_bps": bps, "half_spread_bps": 0.0}},
        "judge": {"bootstrap_draws": 100, "random_controls": 20},
        "tracking": "none",
    }
    if model:
        sizes = {"steps": 2048, "n_envs": 32, "episode_length": 64, "evaluations": 0}
        values["environment"] = sizes | CONTINUOUS | environment
    return start(resolve(values), folder / "runs", silent)[0]


@pytest.mark.parametrize(
    ("market", "bps", "shown", "cause"),
    [
        pytest.param(DEAR, DEAR.cost_bps, True, "costs", marks=pytest.mark.slow),
        pytest.param(MartingaleConfig(), 10.0, False, "no edge", marks=pytest.mark.slow),
        (EDGE, EDGE.cost_bps, False, "features"),
        pytest.param(EDGE, EDGE.cost_bps, True, "learning", marks=pytest.mark.slow),
    ],
)
def test_a_rule_that_never_trades(market: Any, bps: float, shown: bool, cause: str, tmp_path: Path) -> None:
    directory = run(tmp_path, market, bps, shown)
    before = directory.trials.rows()
    collapse = collapse_of(directory, silent)
    assert (collapse.cause, collapse.right) == (cause, cause in ("costs", "no edge"))
    assert directory.trials.rows() == before
    page = write_report(directory)[1].read_text()
    assert "Why it holds" in page
    (directory.path / "judgement.json").write_text("{}")
    with pytest.raises(RunError, match=r"judgement\.json"):
        collapse_of(directory, silent)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "environment", "cause"),
    [
        ("timid", {}, "exploration"),
        ("deaf", {"reward": {"kind": "log_wealth", "scale": 1e-6}}, "rewards"),
    ],
)
def test_an_agent_that_could_not_learn(model: str, environment: dict[str, Any], cause: str, tmp_path: Path) -> None:
    """The market pays and its signal is shown; what the agent lacks is a number of its config."""
    collapse = collapse_of(run(tmp_path, EDGE, EDGE.cost_bps, True, model, **environment), silent, twin=False)
    assert collapse.cause == cause
    assert collapse.evidence.holds
