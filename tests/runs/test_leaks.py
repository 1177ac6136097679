"""A purge that is missing is caught whatever the splits, the labels and the market are; an honest config passes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from regimen.leakage import LeakReport
from regimen.policies import Constant
from regimen.records import RunConfig
from regimen.runs import find_run_leaks

from .conftest import silent, simulated

walking = importlib.import_module("regimen.splits.walk_forward")
leaking = importlib.import_module("regimen.runs.leaks")
Configured = Callable[..., RunConfig]
Usable = Callable[..., NDArray[np.bool_]]

SPLITS = [
    "splits={train: 300, test: 120}",
    "splits={train: 300, test: 120, embargo: 0}",
    "splits={train: 211, test: 333, embargo: 5}",
    "splits={train: 10d, test: 7d, expanding: true, embargo: 2}",
    "splits={train: '50%', test: '10%', validation: 0.3, embargo: 0}",
    "splits={train: 400, test: 1000, embargo: 0}",  # one window
]
LABELS = [
    *(f"labels={{kind: fixed_horizon, horizon: {horizon}, volatility_bars: 20}}" for horizon in (1, 2, 7, 24)),
    "labels={kind: triple_barrier, horizon: 12, upper: 2.0, lower: 2.0, volatility_bars: 20}",
]


class Flat:
    """A model that learns nothing: only the rows are looked at."""

    policy = Constant(0.0)
    was_chosen = True

    def save(self, folder: Path) -> None:
        """Nothing to keep."""


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains nothing, which is what takes long."""
    monkeypatch.setattr(leaking, "fit_model", lambda *_: Flat())


def unpurged(t_end: NDArray[np.int64], start: int, stop: int, *_: int) -> NDArray[np.bool_]:
    """Every labelled row, wherever its label ends."""
    return np.asarray(t_end[start:stop] >= 0)


def unpurged_at(place: int) -> Usable:
    """Purges everywhere but at one boundary: 0, where training ends, or 1, where validation ends."""
    honest, calls = walking.usable_for_training, 0

    def usable(*arguments: Any) -> NDArray[np.bool_]:
        nonlocal calls
        calls += 1  # three for each window: training, validation, embargo
        return (unpurged if (calls - 1) % 3 == place else honest)(*arguments)

    return usable


def caught(report: LeakReport) -> set[str]:
    return {row.name.partition(": ")[2] for row in report.leaks if row.kind == "rows"}


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("splits", SPLITS)
def test_a_missing_purge_is_caught_at_any_splits(
    splits: str, labels: str, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(splits, labels)
    honest = find_run_leaks(config, silent)
    assert honest.leaks == ()
    assert len(honest.edges) in (2, 4, 6)
    monkeypatch.setattr(walking, "usable_for_training", unpurged)
    broken = find_run_leaks(config, silent)
    assert "training" in caught(broken)
    assert "leaks: bar" in broken.leaks[0].sentence


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(("horizon", "embargo"), [(1, 0), (1, 1), (1, 2), (5, 0), (5, 5), (5, 6), (20, 3), (20, 0)])
def test_each_boundary_is_looked_at_for_itself(
    horizon: int, embargo: int, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the embargo is as long as labels look, none reaches the test span, and there is nothing to be caught."""
    labels = f"labels={{kind: fixed_horizon, horizon: {horizon}, volatility_bars: 20}}"
    config = configured(labels, f"splits={{train: 300, test: 120, embargo: {embargo}}}")
    with monkeypatch.context() as patch:
        patch.setattr(walking, "usable_for_training", unpurged_at(0))
        assert caught(find_run_leaks(config, silent)) == {"training"}
    with monkeypatch.context() as patch:
        patch.setattr(walking, "usable_for_training", unpurged_at(1))
        assert caught(find_run_leaks(config, silent)) == ({"validation"} if horizon + 1 > embargo else set())


@pytest.mark.usefixtures("untrained")
def test_a_missing_purge_is_caught_in_a_panel(
    configured: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With bars missing here and there, as panels have them."""
    symbols = [simulated(600, seed).sample(frac=0.97, random_state=seed).assign(symbol=f"S{seed}") for seed in range(3)]
    path = tmp_path / "panel.parquet"
    pd.concat(symbols).sort_values(["timestamp", "symbol"]).to_parquet(path)
    config = configured(f"data.path={path}", "splits={train: 250, test: 90, embargo: 0}")
    assert find_run_leaks(config, silent).leaks == ()
    monkeypatch.setattr(walking, "usable_for_training", unpurged)
    assert {"training", "validation"} <= caught(find_run_leaks(config, silent))


def test_the_model_of_the_first_window_is_caught_too(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hides the rows still has the weights and the losses that came of them."""
    monkeypatch.setattr(leaking, "_labels", lambda *_: {})
    config = configured("splits={train: 300, test: 300, embargo: 0}")
    honest = find_run_leaks(config, silent)
    assert honest.leaks == ()
    assert {"model", "scaler", "policy"} <= {row.kind for row in honest.rows if row.read}
    monkeypatch.setattr(walking, "usable_for_training", unpurged)
    assert ("model", "window 1") in {(row.kind, row.name) for row in find_run_leaks(config, silent).leaks}


@pytest.mark.usefixtures("untrained")
def test_a_step_that_reads_a_table_of_the_future_is_named(
    configured: Configured, tmp_path: Path, market_file: Path
) -> None:
    """Its column is the return of the next bar, kept in the file: no poison of the bars changes it."""
    path = tmp_path / "oracle.py"
    path.write_text(
        f"""
import numpy as np, pandas as pd
from regimen.features import Feature
from regimen.jit import jit
from regimen.scan import Bar, Stateless

CLOSE = pd.read_parquet({str(market_file)!r})["close"].to_numpy()
AHEAD = np.append(CLOSE[1:] / CLOSE[:-1] - 1.0, 0.0)
BEGIN, STEP = {pd.Timestamp("2021-01-01").value}, 3_600_000_000_000

@jit
def oracle_step(state: Stateless, bar: Bar):
    return state, AHEAD[(bar.time - BEGIN) // STEP]

ORACLE = Feature(names=("oracle",), group="mine", step=oracle_step, state=Stateless())
"""
    )
    config = configured(f"features={{kind: indicators, columns: [rsi_14, oracle], features: ['{path}:ORACLE']}}")
    found = find_run_leaks(config, silent)
    assert found.leaks == ()
    assert [(table.feature, table.name, table.numbers) for table in found.tables] == [("oracle", "AHEAD", 900)]
    assert "this step reads a table of 900 numbers, AHEAD" in found.tables[0].sentence
    assert found.to_dict()["tables"][0]["numbers"] == 900  # type: ignore[index]


@pytest.mark.usefixtures("untrained")
def test_functions_of_frames_are_named_and_what_looks_ahead_at_the_start_is_caught(
    configured: Configured, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(
        "def past(frame):\n    return frame['close'].pct_change(3)\n\n"
        "def filled(frame):\n    return frame['close'].rolling(50).mean().bfill()\n"  # before every cut of the search
    )
    features = [f"features={{kind: custom, features: ['{tmp_path}/mine.py:{name}']}}" for name in ("past", "filled")]
    honest = find_run_leaks(configured(features[0]), silent)
    assert honest.leaks == ()
    (warning,) = honest.warnings
    assert warning.sentence.startswith("feature past is a function of a whole frame, not causal by construction;")
    (leak,) = find_run_leaks(configured(features[1]), silent).leaks
    assert (leak.kind, leak.name, leak.cut, leak.first_row) == ("feature", "filled", 8, 7)
