"""The table of all trials' returns: whose columns stand in it, on which days, and who is left out and counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regimen.bars import Bars, Sketch
from regimen.records import DailyReturns, Trial, TrialLedger
from regimen.records.recorded import record

JUDGED = Trial("evaluation", "run-0", 0, "bars", "series", "cfg", "baseline", 0, 500, sharpe=0.5)
DAYS = np.datetime64("2020-01-01") + np.arange(200)
VALUES = np.random.default_rng(0).normal(0.0, 0.01, (200, 6)).astype(np.float32).astype(np.float64)


def text(column: int, first: int = 0, last: int = 200) -> str:
    return DailyReturns(DAYS[first:last], VALUES[first:last, column]).to_text()


def ledger(folder: Path, *trials: dict[str, object]) -> TrialLedger:
    book = TrialLedger(folder / "trials.sqlite")
    for number, changes in enumerate(trials):
        book.append(replace(JUDGED, **{"run": f"run-{number}", "config": f"cfg-{number}", **changes}))
    return book


def test_columns_are_the_trials_on_their_common_days(tmp_path: Path) -> None:
    book = ledger(tmp_path, {"daily": text(0)}, {"daily": text(1, 10)}, {"daily": text(2, 0, 190)})
    table = book.returns("series")
    assert table.runs == ("run-0", "run-1", "run-2")
    assert (table.days == DAYS[10:190]).all()
    assert (table.values == VALUES[10:190, :3]).all()
    assert table.evaluated == 3


def test_who_is_short_or_unknown_is_counted_and_cuts_nobody_short(tmp_path: Path) -> None:
    book = ledger(tmp_path, {"daily": text(0)}, {"daily": text(1, 100)}, {}, {"daily": text(2), "stress": 1})
    table = book.returns("series")
    assert (table.runs, table.short, table.unknown, len(table.days)) == (("run-0",), 1, 1, 200)
    assert table.evaluated == 3
    late = book.returns("series", "run-1")  # asked for its own days, the long one has them all
    assert (late.runs, len(late.days)) == (("run-0", "run-1"), 100)


def test_the_same_trial_once_more_is_one_column(tmp_path: Path) -> None:
    book = ledger(tmp_path, {"daily": text(0)}, {"daily": text(1), "config": "cfg-0"}, {"config": "cfg-0"})
    table = book.returns("series")
    assert table.runs == ("run-2",)
    assert (table.values[:, 0] == VALUES[:, 1]).all()
    assert len(book.returns("series", "run-1").days) == 200


def test_copies_are_one_effective_trial_and_who_is_not_there_is_one_each(tmp_path: Path) -> None:
    near = DailyReturns(DAYS, VALUES[:, 0] + 1e-4 * VALUES[:, 5]).to_text()
    book = ledger(tmp_path, {"daily": text(0)}, {"daily": near}, {"daily": text(3)}, {}, {"daily": text(1, 150)})
    assert book.returns("series").effective == 2 + 2
    assert ledger(tmp_path / "one", {"daily": text(0)}).returns("series").effective == 1
    assert ledger(tmp_path / "none", {}).returns("series").effective == 1


def test_effective_trials_are_never_more_than_all_and_fits_count_as_one_each(tmp_path: Path) -> None:
    near = DailyReturns(DAYS, VALUES[:, 0] + 1e-4 * VALUES[:, 5]).to_text()
    book = ledger(tmp_path, {"daily": text(0)}, {"daily": near}, {"daily": text(3)})
    assert book.effective("series", 3) == 2
    book.append(replace(JUDGED, kind="fit", run="run-9", config="cfg-9", sharpe=None))
    assert book.trials("series", 252.0).count == 4
    assert book.effective("series", 4) == 3
    assert book.effective("another", 1) == 1


def test_a_ledger_that_is_made_again_has_them(tmp_path: Path) -> None:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 400)))
    time = np.datetime64("2020-01-01", "ns") + np.arange(400) * np.timedelta64(1, "D")
    sketch = Sketch.of(Bars.from_arrays(time, open=close, high=close, low=close, close=close, checked=False))
    folder = tmp_path / "run-0"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    trial = replace(JUDGED, daily=text(0))
    record(folder, trial, sketch)
    record(folder, trial, sketch)
    table = TrialLedger(tmp_path / "trials.sqlite").returns("series")
    assert table.values[:, 0] == pytest.approx(VALUES[:, 0], abs=0)


def test_lines_do_not_show_them(tmp_path: Path) -> None:
    book = ledger(tmp_path, {"daily": text(0)})
    assert "daily" not in book.rows()[0]
    assert "daily" not in book.to_frame().columns
