"""The trial ledger: append-only, idempotent, safe with several processes, and the judge's only source of N."""

from __future__ import annotations

import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regimen.errors import RunError
from regimen.runs import Trial, TrialLedger

FIT = Trial("fit", "run-1", 0, "bars", "series", "cfg", "baseline", 0, 500)
JUDGED = replace(FIT, kind="evaluation", sharpe=0.05)


def test_a_trial_comes_back_as_it_went_in(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "new" / "trials.sqlite")
    ledger.append(JUDGED)
    (row,) = ledger.rows("series")
    assert {name: row[name] for name in ("kind", "run", "config", "seed", "bars", "sharpe")} == {
        "kind": "evaluation",
        "run": "run-1",
        "config": "cfg",
        "seed": 0,
        "bars": 500,
        "sharpe": 0.05,
    }
    assert ledger.rows("another series") == []


def test_count_is_of_distinct_configs_seeds_and_slices(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    sharpes = [0.01, 0.03, 0.08, -0.02]
    variants = [{}, {"config": "b"}, {"seed": 1}, {"data": "half of the bars"}]
    for number, (change, sharpe) in enumerate(zip(variants, sharpes, strict=True)):
        ledger.append(replace(JUDGED, run=f"run-{number}", sharpe=sharpe, **change))
    ledger.append(replace(JUDGED, run="run-again", sharpe=sharpes[0]))  # the same once more adds nothing
    trials = ledger.trials("series", 252.0)
    assert trials.count == 4
    assert trials.sharpe_variance == pytest.approx(np.var(sharpes, ddof=1) / 252.0)


def test_an_abandoned_fit_counts(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    ledger.append(JUDGED)
    ledger.append(replace(FIT, run="run-2", config="never judged"))
    assert ledger.trials("series", 252.0).count == 2
    assert ledger.trials("series", 252.0).sharpe_variance is None


def test_a_resumed_part_is_kept_once(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    ledger.append(FIT)
    ledger.append(FIT)
    assert len(ledger.rows()) == 1


@pytest.mark.parametrize("statement", ["DELETE FROM trials", "UPDATE trials SET sharpe = 9"])
def test_nothing_is_ever_changed_or_removed(tmp_path: Path, statement: str) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    ledger.append(JUDGED)
    connection = sqlite3.connect(ledger.path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert ledger.rows()[0]["sharpe"] == 0.05


def _append_many(path: str, worker: int) -> None:
    ledger = TrialLedger(Path(path))
    for part in range(25):
        ledger.append(replace(FIT, run=f"worker-{worker}", part=part, seed=worker))


def test_several_processes_append_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trials.sqlite"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(str(path), worker)) for worker in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(TrialLedger(path).rows()) == 75


def test_a_file_that_is_no_ledger_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "trials.sqlite"
    path.write_bytes(b"this is not a database, but it is long enough to look like one" * 20)
    with pytest.raises(RunError, match="trial ledger: cannot be used"):
        TrialLedger(path).append(FIT)


def test_looking_makes_no_file_and_needs_no_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = TrialLedger(tmp_path / "new" / "trials.sqlite")
    assert ledger.rows() == []
    assert ledger.trials("series", 252.0).count == 1
    assert not (tmp_path / "new").exists()
    ledger.append(FIT)
    honest = sqlite3.connect

    def read_only(path: object, **options: object) -> sqlite3.Connection:
        if "mode=ro" not in str(path):
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return honest(path, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert len(ledger.rows()) == 1


def test_an_empty_file_holds_no_trials(tmp_path: Path) -> None:
    (tmp_path / "trials.sqlite").touch()
    assert TrialLedger(tmp_path / "trials.sqlite").rows() == []


def test_the_variance_of_the_timing_stands_beside_that_of_the_sharpe_ratios(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    for seed, (sharpe, timing) in enumerate([(1.0, 0.1), (1.1, -0.3), (0.9, 0.5)]):
        ledger.append(replace(JUDGED, run=f"run-{seed}", seed=seed, sharpe=sharpe, timing=timing))
    ledger.append(replace(JUDGED, run="run-3", seed=3, sharpe=None))
    trials = ledger.trials("series", 252.0)
    assert trials.count == 4
    assert trials.timing_variance == pytest.approx(np.var([0.1, -0.3, 0.5], ddof=1) / 252.0)


def test_a_ledger_without_the_newer_columns_is_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "trials.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE trials (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT, kind TEXT, run TEXT, part INTEGER, "
        "data TEXT, source TEXT, config TEXT, model TEXT, seed INTEGER, bars INTEGER, sharpe REAL)"
    )
    connection.execute(
        "INSERT INTO trials (at, kind, run, part, data, source, config, model, seed, bars, sharpe) "
        "VALUES ('2026', 'evaluation', 'old', 0, 'bars', 'series', 'cfg', 'baseline', 7, 500, 0.5)"
    )
    connection.commit()
    connection.close()
    ledger = TrialLedger(path)
    assert [row["timing"] for row in ledger.rows("series")] == [None]
    ledger.append(replace(JUDGED, timing=0.2))
    assert [row["timing"] for row in ledger.rows("series")] == [None, 0.2]
    assert ledger.trials("series", 252.0).count == 2
