"""The trial ledger: every fit and every evaluation, append-only, in one SQLite file beside the runs.

The number of trials that deflates a Sharpe ratio is read from here; no user sets it.
"""

from __future__ import annotations

import math
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regimen.bars import Sketch, shared
from regimen.judging import Trials
from regimen.records.layout import VAULT
from regimen.records.ledger_file import appending, build, reading
from regimen.records.recorded import Recorded, record, recorded
from regimen.records.trial import COLUMNS, DAILY, IDENTITY, Trial, identity
from regimen.records.vault import VaultRecord, add_vault_record, keep_vault_record, kept_vault_records, vault_records
from regimen.reprs import short

if TYPE_CHECKING:
    import pandas as pd

    from regimen.records.returns import TrialReturns


_MOST_CLUSTERED = 1000


class TrialLedger:
    """The ledger file; several processes may append at once.

    A ledger that is missing beside runs is made again from what their folders tell, by whoever appends next; until
    then, whoever looks is told what it would hold.

    Args:
        path: the SQLite file; it is made, with its folder, when it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return short(self, str(self.path))

    def to_frame(self, source: str | None = None) -> pd.DataFrame:
        """Returns the trials as a pandas frame; see `rows`."""
        import pandas as pd

        return pd.DataFrame(self.rows(source), columns=["id", "at", *COLUMNS])

    def lost(self) -> str | None:
        """Returns one line where the ledger is missing and runs that it should tell of are there; else None."""
        if self.path.exists():
            return None
        entries, damaged = recorded(self.path.parent)
        return _lost(entries, damaged) if entries or damaged else None

    def append(self, trial: Trial, sketch: Sketch | None = None, folder: Path | None = None) -> None:
        """Appends one trial. The same part of the same run is kept once, so a resumed run counts once.

        Args:
            trial: what was tried.
            sketch: what its series is known by; None leaves the series to its fingerprint.
            folder: of the run or backtest, where the trial is written down as well.
        """
        self.extend([trial], sketch)
        if folder is not None and sketch is not None:  # after: what it tells must not make a new ledger look lost
            record(folder, trial, sketch)

    def extend(self, trials: Iterable[Trial], sketch: Sketch | None = None) -> None:
        """Appends trials on one series, all of them or none; see `append`."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._appending() as connection:
            for trial in trials:
                _add(connection, (at, trial, sketch))

    def rows(self, source: str | None = None) -> list[dict[str, object]]:
        """All trials in the order of their coming, or those on one series, whatever its files looked like."""
        with self._reading() as connection:
            return _rows(connection, source, COLUMNS)

    def family(self, source: str) -> dict[str, float]:
        """Returns the series that are counted as one with this one, and by which share of days each was recognised.

        Joined are series of which one is found again in another (see `regimen.bars.sketch.shared`), and what is joined
        to those in turn: a panel joins its symbols. The series itself stands there with 1.
        """
        with self._reading() as connection:
            return _family(connection, source)

    def notes(self) -> list[str]:
        """What happened to the ledger itself: that it was lost and made again."""
        with self._reading() as connection:
            return [str(note) for (note,) in connection.execute("SELECT note FROM notes ORDER BY rowid")]

    def trials(self, source: str, periods_per_year: float) -> Trials:
        """What the Deflated Sharpe Ratio needs: how many distinct trials saw this series, and their spread.

        Distinct means another config, other features, another seed or other bars of the series; running the same
        thing again adds nothing, and a run that was abandoned after its first fit counts like one that was judged. The
        variance is that of the evaluated trials' Sharpe ratios per bar of the judged length (sample variance; None
        with fewer than two), so that trials on hourly and on daily bars of one series can stand in one sum.
        """
        return counted(self.rows(source), periods_per_year)

    def returns(self, source: str, run: str | None = None) -> TrialReturns:
        """Returns what every evaluated trial on a series earned, side by side on the days that all of them traded.

        Args:
            source: the series; see `rows`.
            run: the run, seed or backtest whose days are asked for; None: of the trial with the most days. Trials that
                traded less than 80 % of them are left out, and counted.
        """
        from regimen.records.returns import side_by_side

        with self._reading() as connection:
            return side_by_side(_rows(connection, source, (*COLUMNS, DAILY)), run)

    def vaults(self, source: str, sketch: Sketch | None = None) -> list[VaultRecord]:
        """Returns what was done with the vaults of a market, in order.

        Args:
            source: a series of the market.
            sketch: of a series that may be new here: its market is known by that.
        """
        with self._reading() as connection:
            family = set(_family(connection, source))
            records = vault_records(connection)
            if sketch is not None:
                for other in {record.source for record in records} - family:
                    known = connection.execute("SELECT sketch FROM series WHERE source = ?", [other]).fetchone()
                    if known and shared(sketch, Sketch.from_bytes(known[0])) > 0.0:
                        family.add(other)
        return [record for record in records if record.source in family]

    def effective(self, source: str, count: int) -> int | None:
        """Returns how many different things were really tried among so many trials of a market.

        Trials whose returns move together make one cluster (`regimen.metrics.effective_trials`); one whose returns are
        not on record, or are of other days, counts as one. None beyond a thousand trials, whose clusters take minutes.

        Args:
            source: a series of the market.
            count: N, as `trials` counts them.
        """
        table = self.returns(source)
        if len(table.runs) > _MOST_CLUSTERED:
            return None
        return min(count, table.effective + max(0, count - table.evaluated))

    def traded(self, source: str, first: str, last: str) -> int:
        """Returns how many evaluations on a market traded in a span, looks into its vault not counted.

        Args:
            source: a series of the market.
            first, last: stamps of its first and last bar; its first day counts as what was before it.
        """
        from regimen.records.returns import traded

        with self._reading() as connection:
            rows = _rows(connection, source, (*COLUMNS, DAILY))
        others = [row for row in rows if not str(row["run"]).partition("/")[2].startswith(VAULT)]
        return traded(others, np.datetime64(first, "D"), np.datetime64(last, "D"))

    def enter(self, record: VaultRecord, sketch: Sketch, folder: Path) -> None:
        """Writes down, once and for ever, that a vault was locked or opened.

        Args:
            record: what was done.
            sketch: what the market is known by.
            folder: of the run, where it is written down as well.
        """
        with self._appending() as connection:
            _register(connection, record.source, sketch)
            add_vault_record(connection, record)
        keep_vault_record(folder, record)

    def by_source(self) -> dict[str, list[dict[str, object]]]:
        """Returns the trials on every series that was ever tried; see `rows`."""
        rows = self.rows()
        with self._reading() as connection:
            families = {source: _family(connection, source) for source in {str(row["source"]) for row in rows}}
        return {source: [row for row in rows if row["source"] in family] for source, family in families.items()}

    @contextmanager
    def _appending(self) -> Iterator[sqlite3.Connection]:
        lost = not self.path.exists()
        with appending(self.path) as connection:
            if lost:
                _rebuild(connection, self.path.parent)
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if self.path.exists():
            with reading(self.path) as connection:
                yield connection
            return
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            build(connection)
            _rebuild(connection, self.path.parent)
            yield connection


def counted(rows: Iterable[Mapping[str, Any]], periods_per_year: float) -> Trials:
    """Counts the distinct trials among lines of one ledger or several; see `TrialLedger.trials`.

    Stress tests (the decisions of a run at dearer costs) are not counted: nobody picks a result for its higher costs.
    """
    seen: set[tuple[object, ...]] = set()
    measured: dict[str, dict[tuple[object, ...], float]] = {"sharpe": {}, "timing": {}}
    for row in rows:
        if row["stress"]:
            continue
        key = identity(row)
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


def _rows(connection: sqlite3.Connection, source: str | None, columns: tuple[str, ...]) -> list[dict[str, object]]:
    names = ("id", "at", *columns)
    lines = connection.execute(f"SELECT {', '.join(names)} FROM trials ORDER BY id")
    rows = [dict(zip(names, row, strict=True)) for row in lines]
    if source is None:
        return rows
    family = _family(connection, source)
    return [row for row in rows if row["source"] in family]


def _add(connection: sqlite3.Connection, entry: Recorded) -> None:
    at, trial, sketch = entry
    if sketch is not None:
        _register(connection, trial.source, sketch)
    columns = (*COLUMNS, DAILY)
    values = [getattr(trial, name) for name in columns]
    once = ("kind", "run", "part", *IDENTITY)
    # a line that is ignored by an index would use up an id and leave a hole
    connection.execute(
        f"INSERT INTO trials (at, {', '.join(columns)}) SELECT {', '.join('?' * (len(values) + 1))} WHERE NOT EXISTS "
        f"(SELECT 1 FROM trials WHERE {' AND '.join(f'{name} = ?' for name in once)})",
        [at, *values, *(getattr(trial, name) for name in once)],
    )


def _register(connection: sqlite3.Connection, source: str, sketch: Sketch) -> None:
    """Keeps the sketch of a series that is new here, and which of the known ones it is."""
    if connection.execute("SELECT 1 FROM series WHERE source = ?", [source]).fetchone():
        return
    for other, content in connection.execute("SELECT source, sketch FROM series").fetchall():
        share = shared(sketch, Sketch.from_bytes(content))
        if share > 0.0:
            connection.execute("INSERT INTO joins VALUES (?, ?, ?)", [source, other, share])
    connection.execute("INSERT INTO series VALUES (?, ?)", [source, sketch.to_bytes()])


def _family(connection: sqlite3.Connection, source: str) -> dict[str, float]:
    near: dict[str, list[tuple[str, float]]] = {}
    for one, other, share in connection.execute("SELECT source, other, share FROM joins"):
        near.setdefault(one, []).append((other, share))
        near.setdefault(other, []).append((one, share))
    family, open_ = {source: 1.0}, deque([source])
    while open_:
        for other, share in near.get(open_.popleft(), ()):
            if other not in family:
                family[other] = share
                open_.append(other)
    return family


def _rebuild(connection: sqlite3.Connection, root: Path) -> None:
    entries, damaged = recorded(root)
    for each in entries:
        _add(connection, each)
    for line in kept_vault_records(root):
        add_vault_record(connection, line)
    if entries or damaged:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        connection.execute("INSERT INTO notes VALUES (?, ?)", [now, _lost(entries, damaged)])


def _lost(entries: Sequence[Recorded], damaged: int) -> str:
    runs = len({trial.run.partition("/")[0] for _, trial, _ in entries})
    many = f"{runs} run{'' if runs == 1 else 's'}"
    unread = f", and {damaged} damaged folder{'' if damaged == 1 else 's'}" if damaged else ""
    return (
        f"The trial ledger was missing: trials are counted from the folders of {many}; "
        f"deleted runs{unread} are not in it."
    )
