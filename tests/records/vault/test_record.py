"""What was done with vaults: append-only, known by the market and not by the file, and found again with the runs."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regimen.bars import Bars, Sketch
from regimen.errors import RunError
from regimen.records import TrialLedger
from regimen.records.vault import VaultRecord, brand, looks

LOCK = VaultRecord("2026-01-01T00:00:00Z", "lock", "run-1", "series", "2023-01-01T00:00:00", "2023-12-31T00:00:00")
OPEN = replace(LOCK, at="2026-02-01T00:00:00Z", act="open")
AGAIN = replace(LOCK, at="2026-03-01T00:00:00Z", act="again", run="run-2")


def market(seed: int, bars: int = 400) -> Bars:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, bars)))
    time = np.datetime64("2020-01-01", "ns") + np.arange(bars) * np.timedelta64(1, "D")
    return Bars.from_arrays(time, open=close, high=close, low=close, close=close, checked=False)


def entered(folder: Path, *records: VaultRecord) -> TrialLedger:
    book = TrialLedger(folder / "trials.sqlite")
    for record in records:
        (folder / record.run).mkdir(exist_ok=True)
        book.enter(record, Sketch.of(market(1)), folder / record.run)
    return book


def test_records_come_back_in_order_and_nothing_is_changed(tmp_path: Path) -> None:
    book = entered(tmp_path, LOCK, OPEN)
    assert book.vaults("series") == [LOCK, OPEN]
    connection = sqlite3.connect(book.path)
    for statement in ("DELETE FROM vaults", "UPDATE vaults SET act = 'lock'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_a_market_is_known_by_its_moves(tmp_path: Path) -> None:
    book = entered(tmp_path, LOCK)
    longer, other = market(1, 380), market(2)
    assert book.vaults(longer.fingerprint) == []
    assert book.vaults(longer.fingerprint, Sketch.of(longer)) == [LOCK]
    assert book.vaults(other.fingerprint, Sketch.of(other)) == []


def test_a_lost_ledger_knows_its_vaults_again(tmp_path: Path) -> None:
    book = entered(tmp_path, LOCK, OPEN, AGAIN)
    book.path.unlink()
    assert book.vaults("series") == [LOCK, OPEN, AGAIN]
    (tmp_path / "run-2" / "vault.json").write_text('{"vault": [], "checksum": "0"}')
    with pytest.raises(RunError, match="damaged"):
        book.vaults("series")


def test_only_openings_that_share_a_moment_are_looks() -> None:
    records = [LOCK, OPEN, AGAIN]
    assert looks(records, "2023-06-01T00:00:00", "2024-06-01T00:00:00") == [OPEN, AGAIN]
    assert looks(records, "2024-01-01T00:00:00", "2024-06-01T00:00:00") == []


def test_a_second_look_is_branded_and_a_first_is_not() -> None:
    assert brand([LOCK, OPEN]) == ""
    assert "opened 2 times, last on 2026-03-01 by run run-2" in brand([LOCK, OPEN, AGAIN])
    assert "after other trials had traded in it" in brand([AGAIN])
