"""The trial ledger: every fit and every evaluation, append-only, in one SQLite file beside the runs.

The number of trials that deflates a Sharpe ratio is read from here; no user sets it.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from regimen.errors import RunError
from regimen.validation import Trials

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trials (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('fit', 'evaluation')),
    run TEXT NOT NULL,
    part INTEGER NOT NULL,
    data TEXT NOT NULL,
    source TEXT NOT NULL,
    config TEXT NOT NULL,
    model TEXT NOT NULL,
    seed INTEGER NOT NULL,
    bars INTEGER NOT NULL,
    sharpe REAL
);
CREATE UNIQUE INDEX IF NOT EXISTS once ON trials (kind, run, part, data);
CREATE INDEX IF NOT EXISTS by_source ON trials (source, kind);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON trials
    BEGIN SELECT RAISE(ABORT, 'the trial ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON trials
    BEGIN SELECT RAISE(ABORT, 'the trial ledger is append-only'); END;
"""


@dataclass(frozen=True)
class Trial:
    """One line of the ledger.

    Attributes:
        kind: ``fit`` (one model trained on one window) or ``evaluation`` (one backtest judged).
        run: id of the run.
        part: number of the window for a fit; 0 for an evaluation.
        data: fingerprint of the bars used.
        source: fingerprint of the whole series that they were cut from; trials on the same source share one count.
        config: hash of the config.
        model: kind of the predictor.
        seed: seed of the run.
        bars: bars evaluated (or training rows of a fit).
        sharpe: annual Sharpe ratio after costs, by the bars' own calendar; None for a fit.
        timing: annual Sharpe ratio of its timing alone, what it earned beyond its own average exposure; None where it
            was not measured.
    """

    kind: Literal["fit", "evaluation"]
    run: str
    part: int
    data: str
    source: str
    config: str
    model: str
    seed: int
    bars: int
    sharpe: float | None = None
    timing: float | None = None


_COLUMNS = ("kind", "run", "part", "data", "source", "config", "model", "seed", "bars", "sharpe", "timing")
_ADDED = {"timing": "REAL"}
"""Columns that ledgers of earlier versions lack; their rows read as None there."""


class TrialLedger:
    """The ledger file; several processes may append at once.

    Args:
        path: the SQLite file; it is made, with its folder, when it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=60.0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise RunError("trial ledger", f"must be a writable file ({error})", str(self.path)) from None
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _statements(_SCHEMA):
                    connection.execute(statement)
                for name in _ADDED.keys() - _columns(connection):
                    connection.execute(f"ALTER TABLE trials ADD COLUMN {name} {_ADDED[name]}")
                yield connection
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise RunError("trial ledger", f"cannot be used ({error})", str(self.path)) from None
        finally:
            connection.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Looking changes nothing: no file is made, and a folder that cannot be written to can be read."""
        if not self.path.exists():
            yield None
            return
        try:
            connection = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", timeout=60.0, uri=True)
        except sqlite3.Error as error:
            raise RunError("trial ledger", f"must be a readable file ({error})", str(self.path)) from None
        try:
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'trials'").fetchone()
            yield connection if known else None
        except sqlite3.Error as error:
            raise RunError("trial ledger", f"cannot be used ({error})", str(self.path)) from None
        finally:
            connection.close()

    def append(self, trial: Trial) -> None:
        """Appends one trial. The same part of the same run is kept once, so a resumed run counts once."""
        values = [getattr(trial, name) for name in _COLUMNS]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        marks = ", ".join("?" * (len(values) + 1))
        with self._connection() as connection:
            connection.execute(
                f"INSERT OR IGNORE INTO trials (at, {', '.join(_COLUMNS)}) VALUES ({marks})", [now, *values]
            )

    def rows(self, source: str | None = None) -> list[dict[str, object]]:
        """All trials in the order of their coming, or those on one source."""
        where, values = ("", []) if source is None else (" WHERE source = ?", [source])
        with self._reading() as connection:
            if connection is None:
                return []
            there = _columns(connection)
            columns = ", ".join(name if name in there else f"NULL AS {name}" for name in _COLUMNS)
            cursor = connection.execute(f"SELECT id, at, {columns} FROM trials{where} ORDER BY id", values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def trials(self, source: str, periods_per_year: float) -> Trials:
        """What the Deflated Sharpe Ratio needs: how many distinct trials saw this series, and their spread.

        Distinct means another config, seed or slice of the series; running the same thing again adds nothing, and a run
        that was abandoned after its first fit counts like one that was judged. The variance is that of the
        evaluated trials' Sharpe ratios per bar of the judged length (sample variance; None with fewer than two), so
        that trials on hourly and on daily bars of one series can stand in one sum.
        """
        return counted(self.rows(source), periods_per_year)


def counted(rows: Iterable[Mapping[str, object]], periods_per_year: float) -> Trials:
    """Counts the distinct trials among lines of one ledger or several; see `TrialLedger.trials`."""
    seen: set[tuple[object, ...]] = set()
    measured: dict[str, dict[tuple[object, ...], float]] = {"sharpe": {}, "timing": {}}
    for row in rows:
        key = (row["config"], row["seed"], row["data"])
        seen.add(key)
        for name, values in measured.items():
            value = row[name]
            if isinstance(value, float) and math.isfinite(value):
                values[key] = value
    variances = {
        name: float(np.var(list(values.values()), ddof=1)) / periods_per_year if len(values) > 1 else None
        for name, values in measured.items()
    }
    return Trials(
        count=max(1, len(seen)),
        sharpe_variance=variances["sharpe"],
        measured=len(measured["sharpe"]),
        timing_variance=variances["timing"],
    )


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {str(row[1]) for row in connection.execute("PRAGMA table_info(trials)")}


def _statements(script: str) -> Iterator[str]:
    """Splits a script into statements; ``executescript`` would commit the transaction that is open."""
    statement = ""
    for line in script.strip().splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
