"""The SQLite file of a journal: its tables, how it is opened, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from regimen.journal.failures import AlreadyStored, Damaged, JournalError, JournalLost, NotWritten
from regimen.journal.log import require_whole_log
from regimen.journal.row import VERSION, JournalRow, Stored

_APPLICATION = 0x52474A4C
_TABLES = f"""
CREATE TABLE header (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL
);
CREATE TABLE rows (
    seq INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    bar INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    digest BLOB NOT NULL,
    request BLOB NOT NULL,
    decision BLOB NOT NULL,
    UNIQUE (account, symbol, bar, kind)
);
CREATE TABLE snapshots (
    seq INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    checksum BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE TRIGGER no_update BEFORE UPDATE ON rows BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON rows BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END;
PRAGMA application_id = {_APPLICATION};
"""
COLUMNS = "seq, epoch, account, symbol, bar, kind, at, digest, request, decision"
INSERT = f"INSERT INTO rows ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_BUSY_SECONDS = 5.0
_LOST = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}
_ONCE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def writing_to(path: Path, account: str) -> sqlite3.Connection:
    """Opens a journal to write, made when it is not there; the caller holds its lock.

    Raises:
        JournalError: it is no journal, another account's, a newer version's, damaged, or not writable.
    """
    with opening(path):
        require_whole_log(path)
        connection = _connected(str(path))
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            for pragma in ("synchronous = FULL", "fullfsync = 1", "checkpoint_fullfsync = 1", "wal_autocheckpoint = 0"):
                connection.execute(f"PRAGMA {pragma}")
            if not _tables(connection):
                _build(connection, account)
            require(connection, path, account)
            # what an earlier process left in the log is brought home, so that the log begins empty
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection


def reading_of(path: Path) -> sqlite3.Connection:
    """Opens a journal that is there to look at it, also in a folder that may not be written; no row is changed.

    Raises:
        JournalError: it is absent, no journal, or damaged.
    """
    if not path.is_file():
        raise JournalError(str(path), "must be a journal, and there is no such file")
    place, log = f"{path.resolve().as_uri()}?mode=ro", path.with_name(f"{path.name}-wal")
    with opening(path):
        connection = _connected(place, uri=True)
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if log.is_file() and log.stat().st_size:
                raise
            connection = _connected(f"{place}&immutable=1", uri=True)
        except BaseException:
            connection.close()
            raise
        return connection


def require(connection: sqlite3.Connection, path: Path, account: str | None) -> str:
    """Returns the account of an open journal.

    Args:
        connection: to the file.
        path: its name, for the error.
        account: whose it must be; None for anybody's.

    Raises:
        JournalError: it is no journal, another account's, or a newer version's.
    """
    if not {"header", "rows", "snapshots"} <= _tables(connection):
        raise JournalError(str(path), "must be a journal, and is another program's database")
    header = connection.execute("SELECT version, account FROM header").fetchone()
    if header is None:
        raise Damaged(str(path), "must have a header")
    version, owner = header
    if version > VERSION:
        rule = f"must be of version {VERSION} at most, and is written by a newer regimen: upgrade this one"
        raise JournalError(str(path), rule, version)
    if account is not None and owner != account:
        raise JournalError(str(path), f"must be the journal of account {account!r}, and is another's", owner)
    return str(owner)


def rows_after(connection: sqlite3.Connection, after: int, count: int) -> list[Stored]:
    """Returns so many rows behind a number, as they stand there."""
    query = f"SELECT {COLUMNS} FROM rows WHERE seq > ? ORDER BY seq LIMIT ?"
    return [stored_from(values) for values in connection.execute(query, (after, count))]


def stored_from(values: Sequence[object]) -> Stored:
    """Returns the row of a line of `COLUMNS`."""
    seq, epoch, account, symbol, bar, kind, at, digest, request, decision = values
    return Stored(seq, JournalRow(account, symbol, bar, kind, request, decision, at), epoch, digest)  # type: ignore[arg-type]


def digest_of(connection: sqlite3.Connection, seq: int) -> bytes | None:
    """Returns the digest of a row as it stands there, or None."""
    line = connection.execute("SELECT digest FROM rows WHERE seq = ?", (seq,)).fetchone()
    return None if line is None else line[0]


def make(folder: Path) -> None:
    """Makes a folder whose name is durable; SQLite sees to the names in it."""
    absent = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in absent if os.name == "posix" else ():
        handle = os.open(each.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turns what a file says when it is opened or read into one line."""
    try:
        yield
    except sqlite3.Error as error:
        if _code(error) & 0xFF in _BROKEN:
            rule = f"must be a whole journal, and is damaged ({error}): bring it back from a copy"
            raise Damaged(str(path), rule) from None
        raise JournalError(str(path), f"must be a journal that can be opened ({error})") from None
    except OSError as error:
        raise JournalError(str(path), f"must be a journal that can be opened ({error.strerror or error})") from None


def failure_of(path: Path, error: sqlite3.Error) -> JournalError:
    """Returns what an error of writing means for whoever wrote."""
    code = _code(error)
    if code in _ONCE:
        return AlreadyStored("journal", f"must hold each account, symbol, bar and kind once ({path})")
    if code in _LOST:
        return JournalLost("journal", f"cannot say what is stored after a failed fsync ({path})")
    if code & 0xFF in _BROKEN:
        return JournalLost("journal", f"must be a whole file, and is damaged ({path}: {error})")
    return NotWritten("journal", f"must be writable ({path}: {error})")


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", None) or 0


def _connected(name: str, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=uri)
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _build(connection: sqlite3.Connection, account: str) -> None:
    """Makes the tables in one transaction, so that a journal is whole or an empty file."""
    connection.execute("BEGIN IMMEDIATE")
    statement = ""
    for line in _TABLES.strip().splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    connection.execute("INSERT INTO header VALUES (1, ?, ?, 0)", (VERSION, account))
    connection.execute("COMMIT")
