"""The journal in one SQLite file, for one process that decides."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock

from regimen.journal.chain import followed, in_place, newest_whole, one_of
from regimen.journal.failures import JournalError, JournalLost, NotLeader, NotWritten
from regimen.journal.row import JournalRow, Stored, genesis
from regimen.journal.sqlite_file import (
    COLUMNS,
    INSERT,
    digest_of,
    failure_of,
    make,
    opening,
    reading_of,
    rows_after,
    stored_from,
    writing_to,
)
from regimen.locks import FileLock
from regimen.reprs import short

_PAGE = 4096
_DUE, _OVERDUE = 200, 300
"""Pages of the log from which `tend` brings it home, and from which `append` does so itself."""
_CHUNK = 1000
_KEPT = 2
"""Snapshots that are kept: the one before stays until the next is whole."""


class SqliteJournal:
    """A `Journal` in a file: a write-ahead log that is synced at every commit and brought home every 200 to 300 pages.

    A lock beside the file, ``NAME.lock``, refuses a second writer and ends with its process. Each opening raises the
    epoch, which stands in every row; a writer whose epoch is not the file's any more (on a file system that knows no
    locks) is refused by the transaction itself.

    Args:
        path: the file; it is made, with its folder, when it is not there.
        account: whose journal it is.

    Raises:
        JournalError: another process writes to it; it is no journal, another account's, of a newer version, damaged,
            or not writable.
    """

    def __init__(self, path: Path | str, account: str) -> None:
        self.path, self._account = Path(path), account
        self._genesis = genesis(account)
        self._writing, self._looking = Lock(), Lock()
        self._lock = _locked(self.path)
        self._pages = 0
        self._lost: JournalLost | None = None
        try:
            self._writer = writing_to(self.path, account)
            with opening(self.path):
                self._epoch = _next_epoch(self._writer)
                self._last, self._digest = _end(self._writer) or (0, self._genesis)
            self._reader = reading_of(self.path)
        except BaseException:
            self._lock.release()
            raise

    def __repr__(self) -> str:
        return short(self, f"{self.path}, account {self._account}, {self._last:,} rows, epoch {self._epoch}")

    @property
    def account(self) -> str:
        """Whose journal it is."""
        return self._account

    @property
    def epoch(self) -> int:
        """Number of this opening, which its rows carry."""
        return self._epoch

    @property
    def local(self) -> bool:
        """Whether a disk of this machine keeps it: True."""
        return True

    @property
    def last(self) -> int:
        """Number of the last row; 0 when there is none."""
        return self._last

    def append(self, rows: Sequence[JournalRow]) -> tuple[Stored, ...]:
        """Stores rows, all of them or none; see `Journal.append`."""
        with self._writing:
            stored = in_place(rows, self._account, self._last, self._digest, self._epoch)
            if not stored:
                return ()
            self._commit(INSERT, [_values(each) for each in stored])
            self._last, self._digest = stored[-1].seq, stored[-1].digest
            self._pages += _pages(rows)
            if self._pages >= _OVERDUE:
                self._bring_home()
        return stored

    def find(self, account: str, symbol: str, bar: int, kind: str) -> Stored | None:
        """Returns the row of this key, or None; see `Journal.find`."""
        query = f"SELECT {COLUMNS} FROM rows WHERE account = ? AND symbol = ? AND bar = ? AND kind = ?"
        with self._looking, opening(self.path):
            values = self._reader.execute(query, (account, symbol, bar, kind)).fetchone()
            if values is None:
                return None
            row = stored_from(values)
            before = self._digest_of(row.seq - 1)
        return one_of(row, before, str(self.path))

    def read(self, after: int = 0) -> Iterator[Stored]:
        """Yields the rows behind number ``after``, each checked against the chain; see `Journal.read`."""
        with self._looking, opening(self.path):
            digest = self._digest_of(after)
        if digest is None:
            raise JournalError("after", f"must be a row of the journal, which has {self._last:,}", after)
        while chunk := self._chunk(after):
            yield from followed(chunk, after, digest, str(self.path))
            after, digest = chunk[-1].seq, chunk[-1].digest

    def _chunk(self, after: int) -> list[Stored]:
        with self._looking, opening(self.path):  # one short read at a time, so that the log can be brought home
            return rows_after(self._reader, after, _CHUNK)

    def keep(self, seq: int, snapshot: bytes) -> None:
        """Keeps the state after row ``seq``; see `Journal.keep`."""
        with self._writing:
            with opening(self.path):
                digest = digest_of(self._writer, seq) if seq else self._genesis
            if digest is None:
                raise JournalError("snapshot", f"must be of a row of the journal, which has {self._last:,}", seq)
            self._commit(
                "INSERT OR REPLACE INTO snapshots (seq, digest, checksum, body) VALUES (?, ?, ?, ?)",
                [(seq, digest, sha256(snapshot).digest(), snapshot)],
                f"DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT {_KEPT})",
            )
            self._pages += 2 + len(snapshot) // _PAGE

    def snapshot(self) -> tuple[int, bytes] | None:
        """Returns the newest whole snapshot with the number of its row, or None."""
        with self._looking, opening(self.path):
            query = "SELECT seq, digest, checksum, body FROM snapshots ORDER BY seq DESC"
            return newest_whole(self._reader.execute(query).fetchall(), self._digest_of)

    def _digest_of(self, seq: int) -> bytes | None:
        return digest_of(self._reader, seq) if seq else self._genesis

    def tend(self) -> None:
        """Brings the log home where it has grown to 200 pages."""
        with self._writing:
            if self._pages >= _DUE:
                self._bring_home()

    def close(self) -> None:
        """Brings the log home and gives the lock back."""
        with self._writing, self._looking:
            self._reader.close()
            with suppress(sqlite3.Error):
                self._writer.close()
            self._lock.release()

    def _commit(self, statement: str, lines: Sequence[tuple[object, ...]], then: str | None = None) -> None:
        """One transaction, durable at its end."""
        if self._lost is not None:
            raise self._lost
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            (epoch,) = self._writer.execute("SELECT epoch FROM header").fetchone()
            if epoch == self._epoch:
                self._writer.executemany(statement, lines)
                if then is not None:
                    self._writer.execute(then)
                self._writer.execute("COMMIT")
                return
        except sqlite3.ProgrammingError as error:
            raise NotWritten("journal", f"must be open ({self.path}: {error})") from None
        except sqlite3.Error as error:
            self._roll_back()
            raise self._failure(error) from None
        self._roll_back()
        self._lost = NotLeader("journal", f"must have one writer, and another has opened {self.path} since")
        raise self._lost

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")

    def _bring_home(self) -> None:
        """Copies the log into the file, syncing both; the next commit begins the log anew."""
        try:
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            failure = self._failure(error)
            if isinstance(failure, JournalLost):
                raise failure from None
        self._pages = 0

    def _failure(self, error: sqlite3.Error) -> JournalError:
        """What an error means; after a loss there is no way back."""
        failure = failure_of(self.path, error)
        if isinstance(failure, JournalLost):
            self._lost = failure
        return failure


def _locked(path: Path) -> FileLock:
    beside = path.with_name(f"{path.name}.lock")
    with opening(path):
        make(path.parent)
        lock = FileLock.wait(beside, 0.2)
    if lock is None:
        with suppress(OSError):
            raise JournalError(str(path), f"must have one writer, and {beside.read_text() or 'another'} has it open")
        raise JournalError(str(path), "must have one writer, and another process has it open")
    lock.say(f"process {os.getpid()}")
    return lock


def _next_epoch(connection: sqlite3.Connection) -> int:
    (epoch,) = connection.execute("UPDATE header SET epoch = epoch + 1 RETURNING epoch").fetchone()
    return int(epoch)


def _end(connection: sqlite3.Connection) -> tuple[int, bytes] | None:
    line: tuple[int, bytes] | None
    line = connection.execute("SELECT seq, digest FROM rows ORDER BY seq DESC LIMIT 1").fetchone()
    return line


def _values(each: Stored) -> tuple[object, ...]:
    row = each.row
    return (
        each.seq,
        each.epoch,
        row.account,
        row.symbol,
        row.bar,
        row.kind,
        row.at,
        each.digest,
        row.request,
        row.decision,
    )


def _pages(rows: Sequence[JournalRow]) -> int:
    """About how many pages of the log a commit takes: of the rows, and one of the index for each symbol."""
    size = sum(len(row.request) + len(row.decision) + 160 for row in rows)
    return 2 + size // _PAGE + len({row.symbol for row in rows})
