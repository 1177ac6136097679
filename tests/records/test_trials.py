"""The trial ledger: append-only, idempotent, safe with several processes, and the judge's only source of N."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regimen.bars import Bars, Sketch
from regimen.errors import RunError
from regimen.records import Trial, TrialLedger

FIT = Trial("fit", "run-1", 0, "bars", "series", "cfg", "baseline", 0, 500)
JUDGED = replace(FIT, kind="evaluation", sharpe=0.05)
COLUMNS = ("open", "high", "low", "close", "volume")


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


def test_many_trials_are_appended_at_once_or_not_at_all(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    ledger.extend(replace(JUDGED, run=f"run-{number}", config=str(number)) for number in range(5))
    assert ledger.trials("series", 252.0).count == 5
    broken = [replace(JUDGED, run="run-5", config="5"), replace(JUDGED, kind="guess", run="run-6")]  # type: ignore[arg-type]
    with pytest.raises(RunError, match="trial ledger"):
        ledger.extend(broken)
    assert ledger.trials("series", 252.0).count == 5


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


def test_a_name_that_is_used_again_hides_no_trial(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    ledger.append(JUDGED)
    for change in ({"config": "other costs"}, {"features": "edited"}, {"data": "other"}, {"trained": "elsewhere"}):
        ledger.append(replace(JUDGED, **change))
    assert ledger.trials("series", 252.0).count == 5


def test_a_resumed_run_leaves_no_hole_in_the_ids(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    for part in (0, 1, 0, 1, 2):
        ledger.append(replace(FIT, part=part))
    assert [row["id"] for row in ledger.rows()] == [1, 2, 3]


def test_a_stress_test_is_recorded_and_does_not_count(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    ledger.append(JUDGED)
    ledger.append(replace(JUDGED, run="run-1/bars-2", config="dearer", sharpe=-1.0, stress=1))
    assert len(ledger.rows("series")) == 2
    assert ledger.trials("series", 252.0).count == 1
    assert ledger.trials("series", 252.0).measured == 1


def test_ten_thousand_trials_are_counted_within_a_second(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    ledger.append(JUDGED)
    connection = sqlite3.connect(ledger.path)
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
        "INSERT INTO trials (at, kind, run, part, data, source, config, model, seed, bars, sharpe) "
        "SELECT '2026', 'evaluation', 'r' || i, 0, 'bars', 'series', 'c' || i, 'baseline', 0, 500, i / 1e4 FROM n"
    )
    connection.commit()
    connection.close()
    began = time.process_time()
    assert ledger.trials("series", 252.0).count == 10_000
    assert time.process_time() - began < 1.0


_KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
for number in range(2000):  # more than the cache holds: pages of an open transaction are in the file
    connection.execute("INSERT INTO notes VALUES (?, ?)", ["now", "x" * 500])
os._exit(9)
"""


def test_a_ledger_is_read_after_a_kill_inside_an_append(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    ledger.append(FIT)
    subprocess.run([sys.executable, "-c", _KILLED, str(ledger.path)], check=False)
    journal = tmp_path / "trials.sqlite-journal"
    assert journal.stat().st_size > 0
    left = ledger.path.read_bytes(), journal.read_bytes()
    assert len(ledger.rows()) == 1
    assert ledger.notes() == []
    assert (ledger.path.read_bytes(), journal.read_bytes()) == left, "looking changes nothing"
    ledger.append(JUDGED)
    assert [row["kind"] for row in ledger.rows()] == ["fit", "evaluation"]


def market(seed: int, bars: int = 400) -> Bars:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, bars)))
    time = np.datetime64("2020-01-01", "ns") + np.arange(bars) * np.timedelta64(1, "D")
    return Bars.from_arrays(time, open=close, high=close, low=close, close=close, checked=False)


def test_trials_are_counted_over_all_files_of_one_market(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    one, other = market(0), market(1)
    for source, bars in (("a", one), ("a, shorter", one.window(0, 300)), ("b", other), ("b, resampled", other)):
        ledger.append(replace(JUDGED, run=source, source=source, data=source), Sketch.of(bars))
    assert {source: ledger.trials(source, 252.0).count for source in ("a", "a, shorter", "b")} == dict.fromkeys(
        ("a", "a, shorter", "b"), 2
    )
    assert ledger.family("a") == {"a": 1.0, "a, shorter": 1.0}
    pair = replace(one, symbols=("A", "B"), **{k: np.hstack([getattr(m, k) for m in (one, other)]) for k in COLUMNS})
    ledger.append(replace(JUDGED, run="pair", source="pair", data="pair"), Sketch.of(pair))
    assert ledger.trials("a", 252.0).count == 5, "a panel joins its symbols"
    counts = {source: len(rows) for source, rows in ledger.by_source().items()}
    assert counts == dict.fromkeys(("a", "a, shorter", "b", "b, resampled", "pair"), 5)


def test_a_lost_ledger_is_made_again_from_the_runs_and_says_so(tmp_path: Path) -> None:
    ledger, sketch = TrialLedger(tmp_path / "trials.sqlite"), Sketch.of(market(0))
    assert ledger.lost() is None
    for number in range(3):
        folder = tmp_path / f"run-{number}"
        trial = replace(JUDGED, run=folder.name, seed=number, source=f"file {number}", sharpe=float(number))
        ledger.append(replace(trial, kind="fit", sharpe=None), sketch, folder)
        ledger.append(trial, sketch, folder)
        ledger.append(trial, sketch, folder)
        (folder / "manifest.json").write_text("{}")
    (tmp_path / "run-damaged").mkdir()
    (tmp_path / "run-damaged" / "manifest.json").write_text("[1")
    before = [{**row, "at": ""} for row in ledger.rows()]
    assert ledger.lost() is None
    ledger.path.unlink()
    assert "missing" in str(ledger.lost())
    assert [{**row, "at": ""} for row in ledger.rows("file 1")] == before, "whoever looks is told"
    assert not ledger.path.exists()
    ledger.append(replace(JUDGED, run="run-3", seed=3, source="file 1"), sketch)
    assert ledger.trials("file 0", 252.0).count == 4
    assert ledger.notes() == [
        "The trial ledger was missing: trials are counted from the folders of 3 runs; deleted runs are not in it."
    ]


def test_runs_of_versions_that_wrote_no_trials_down_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "run-1"
    folder.mkdir()
    manifest = {
        "created": "2026",
        "seed": 0,
        "fingerprint": "bars",
        "config_hash": "cfg",
        "model": "baseline",
        "features_hash": "f",
    }
    judgement = {"rows": [{"name": "policy", "sharpe": 0.5}], "sample": {"bars": 500}}
    for name, values in (("manifest", manifest), ("judgement", judgement), ("data", {"source_fingerprint": "series"})):
        (folder / f"{name}.json").write_text(json.dumps(values))
    (row,) = TrialLedger(tmp_path / "trials.sqlite").rows("series")
    assert (row["kind"], row["sharpe"], row["bars"]) == ("evaluation", 0.5, 500)


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


def test_a_ledger_of_a_newer_version_is_refused_in_one_line(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    ledger.append(JUDGED)
    connection = sqlite3.connect(ledger.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = ledger.path.read_bytes()
    for look in (ledger.rows, lambda: ledger.append(FIT)):
        with pytest.raises(RunError, match=r"written by a newer regimen.*99") as error:
            look()
        assert "\n" not in str(error.value)
    assert ledger.path.read_bytes() == before
