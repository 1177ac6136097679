"""Reads a whole journal again and says whether it is what was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple

from regimen.journal.failures import Damaged
from regimen.journal.journal import Journal
from regimen.journal.log import require_whole_log
from regimen.journal.row import Stored, chained, genesis
from regimen.journal.sqlite_file import digest_of, opening, reading_of, require, rows_after
from regimen.locks import is_locked

_CHUNK = 1000


class Verified(NamedTuple):
    """What a look at a journal showed.

    Attributes:
        account: whose journal it is.
        rows: how many rows are what was written, from the first on.
        digest: of the last of these. Whoever notes it elsewhere can tell later that no row before it was taken away.
        broken: the first thing that is not what was written, on one line; None when all is well.
    """

    account: str
    rows: int
    digest: bytes
    broken: str | None


def verify(journal: Journal | Path | str, noted: bytes | None = None) -> Verified:
    """Reads every row and checks it against the chain, and every snapshot against its row; it changes nothing.

    A chain shows any change of what it holds. It cannot show rows that were taken away from its end, unless a snapshot
    or a digest that was noted tells of them.

    Args:
        journal: open, or the path of a SQLite file, which may be written to meanwhile.
        noted: a digest that was the last one once.

    Raises:
        JournalError: there is no such journal, or it is of a newer version.
        Damaged: the file is no database any more.
    """
    if isinstance(journal, Path | str):
        return _of_file(Path(journal), noted)
    return _walked(journal.account, journal.read(), noted)


def rows_of(path: Path) -> Iterator[Stored]:
    """Yields the rows of a SQLite journal, which may be written to meanwhile; it checks none and changes nothing.

    Raises:
        JournalError: there is no such journal, or it is of a newer version.
        Damaged: the file is no database any more.
    """
    with closing(reading_of(path)) as connection:
        require(connection, path, None)
        yield from _rows(connection, path)


def _of_file(path: Path, noted: bytes | None) -> Verified:
    if not is_locked(path.with_name(f"{path.name}.lock")):
        require_whole_log(path)
    with closing(reading_of(path)) as connection, opening(path):
        account = require(connection, path, None)
        verified = _walked(account, _rows(connection, path), noted)
        return verified if verified.broken else verified._replace(broken=_broken_beside(connection, account))


def _rows(connection: Connection, path: Path) -> Iterator[Stored]:
    after = 0
    while True:
        with opening(path):
            chunk = rows_after(connection, after, _CHUNK)
        if not chunk:
            return
        yield from chunk
        after = chunk[-1].seq


def _walked(account: str, rows: Iterable[Stored], noted: bytes | None) -> Verified:
    """Goes along the rows until one differs."""
    count, digest = 0, genesis(account)
    passed = noted in (None, digest)
    broken = None
    try:
        for each in rows:
            expected = chained(digest, count + 1, each.epoch, each.row)
            if (each.seq, each.digest, each.row.account) != (count + 1, expected, account):
                broken = f"{each.name} is not what was written"
                break
            count, digest = each.seq, expected
            passed |= digest == noted
    except Damaged as error:
        broken = f"behind row {count:,}: {error}"
    if broken is None and not passed:
        broken = "no row has the digest that was noted: rows were taken away, or it is of another journal"
    return Verified(account, count, digest, broken)


def _broken_beside(connection: Connection, account: str) -> str | None:
    """The first thing that is not what was written of all that stands beside the rows."""
    for seq, row, checksum, body in connection.execute("SELECT seq, digest, checksum, body FROM snapshots"):
        if (digest_of(connection, seq) if seq else genesis(account)) != row:
            return f"the snapshot after row {seq:,} is of rows that are not there"
        if sha256(body).digest() != checksum:
            return f"the snapshot after row {seq:,} is not what was written"
    (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return None if state == "ok" else f"the file around the rows is damaged ({state})"
