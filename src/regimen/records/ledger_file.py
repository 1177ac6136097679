"""The SQLite file of the trial ledger: its tables, and how it is opened after whatever has happened to it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from regimen.errors import RunError

_TABLES = """
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
CREATE TABLE IF NOT EXISTS series (source TEXT PRIMARY KEY, sketch BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS joins (source TEXT NOT NULL, other TEXT NOT NULL, share REAL NOT NULL);
CREATE TABLE IF NOT EXISTS notes (at TEXT NOT NULL, note TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS vaults (
    at TEXT NOT NULL,
    act TEXT NOT NULL CHECK (act IN ('lock', 'open', 'again')),
    run TEXT NOT NULL,
    source TEXT NOT NULL,
    first TEXT NOT NULL,
    last TEXT NOT NULL
);
DROP INDEX IF EXISTS once;
CREATE INDEX IF NOT EXISTS by_run ON trials (run, kind, part);
CREATE INDEX IF NOT EXISTS by_source ON trials (source, kind);
"""
_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS {name} BEFORE {verb} ON {table}
    BEGIN SELECT RAISE(ABORT, 'the trial ledger is append-only'); END;
"""
_LATER = {
    "timing": "REAL",
    "features": "TEXT NOT NULL DEFAULT ''",
    "trained": "TEXT NOT NULL DEFAULT ''",
    "stress": "INTEGER NOT NULL DEFAULT 0",
    "daily": "TEXT NOT NULL DEFAULT ''",
}
"""Columns that ledgers of earlier versions lack: they are added, and the lines that are there keep the default."""
_BESIDE = ("-journal", "-wal", "-shm")
_VERSION = 1
"""Of the tables; 0 is that of all ledgers before there were numbers. It rises with each change that an earlier version
would read wrongly or lose."""


def build(connection: sqlite3.Connection) -> None:
    """Makes the tables that are not there yet, and brings those of an earlier version up to this one."""
    tables = {"trials": "", "series": "_series", "joins": "_joins", "notes": "_notes", "vaults": "_vaults"}
    triggers = [
        _TRIGGER.format(name=f"no_{verb.lower()}{suffix}", verb=verb, table=table)
        for table, suffix in tables.items()
        for verb in ("UPDATE", "DELETE")
    ]
    for statement in _statements(_TABLES + "".join(triggers)):
        connection.execute(statement)
    there = _columns(connection)
    for name, form in _LATER.items():
        if name not in there:
            connection.execute(f"ALTER TABLE trials ADD COLUMN {name} {form}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")


@contextmanager
def appending(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction on the ledger, which is made, with its folder, when it does not exist.

    Raises:
        RunError: the file cannot be written, or is no ledger.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=60.0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise RunError("trial ledger", f"must be a writable file ({error})", str(path)) from None
    try:
        with closing(connection), connection:
            connection.execute("BEGIN IMMEDIATE")
            _version(connection, path)
            build(connection)
            yield connection
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise RunError("trial ledger", f"cannot be used ({error})", str(path)) from None


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The ledger for looking, with this version's tables: the file and its folder are left as they are.

    Raises:
        RunError: the file cannot be read, or is no ledger.
    """
    try:
        with closing(_opened(path)) as connection:
            yield connection
    except (OSError, sqlite3.Error) as error:
        raise RunError("trial ledger", f"cannot be used ({error})", str(path)) from None


def _opened(path: Path) -> sqlite3.Connection:
    """The file itself; a copy of it where it must be changed before it can be read.

    That is so for a ledger of an earlier version, and after a process was killed while it appended: the journal that
    it left has to be rolled back first.
    """
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", timeout=60.0, uri=True)
        if _version(connection, path) == _VERSION:
            return connection
        connection.close()
    except sqlite3.OperationalError:
        pass
    memory = sqlite3.connect(":memory:", isolation_level=None)
    with tempfile.TemporaryDirectory(prefix="regimen-ledger-") as folder:
        for each in (path, *(path.with_name(path.name + ending) for ending in _BESIDE)):
            if each.exists():
                shutil.copyfile(each, Path(folder) / each.name)
        with closing(sqlite3.connect(Path(folder) / path.name)) as copy:
            copy.backup(memory)
    build(memory)
    return memory


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a ledger's tables; raises `RunError` for one that is newer than this program."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        rule = f"must be of version {_VERSION} at most, and is written by a newer regimen: upgrade this one"
        raise RunError("trial ledger", f"{rule} ({path})", version)
    return int(version)


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
