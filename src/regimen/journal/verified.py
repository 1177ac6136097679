"""Reads a whole journal again and says whether it is what was written."""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from pathlib import Path
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
        digest: of the last of these. Whoever notes it elsewhere can tell later that no row behind was taken away.
        broken: the first thing that is not what was written, on one line; None when all is well.
    """

    account: str
    rows: int
    digest: bytes
    broken: str | None


def verify(journal: Journal | Path | str) -> Verified:
    """Reads every row and checks it against the chain, and every snapshot against its row; it changes nothing.

    A chain shows any change of what it holds. It cannot show rows that were taken away from its end, unless a snapshot
    or a note of the last digest tells of them.

    Args:
        journal: open, or the path of a SQLite file, which may be written to meanwhile.

    Raises:
        JournalError: there is no such journal, or it is of a newer version.
        Damaged: the file is no database any more.
    """
    return _of_file(Path(journal)) if isinstance(journal, Path | str) else _of_journal(journal)


def _of_journal(journal: Journal) -> Verified:
    rows, digest = 0, genesis(journal.account)
    try:
        for each in journal.read():
            rows, digest = each.seq, each.digest
    except Damaged as error:
        return Verified(journal.account, rows, digest, str(error))
    return Verified(journal.account, rows, digest, None)


def _of_file(path: Path) -> Verified:
    if not is_locked(path.with_name(f"{path.name}.lock")):
        require_whole_log(path)
    with closing(reading_of(path)) as connection, opening(path):
        account = require(connection, path, None)
        rows, digest = 0, genesis(account)
        while True:
            try:
                with opening(path):
                    chunk = rows_after(connection, rows, _CHUNK)
            except Damaged as error:
                return Verified(account, rows, digest, f"after row {rows:,}: {error}")
            if not chunk:
                break
            for each in chunk:
                expected = _digest(digest, rows + 1, each)
                if expected is None or each.row.account != account:
                    return Verified(account, rows, digest, f"{each.name} is not what was written")
                rows, digest = each.seq, expected
        for seq, row, checksum, body in connection.execute("SELECT seq, digest, checksum, body FROM snapshots"):
            if (digest_of(connection, seq) if seq else genesis(account)) != row:
                return Verified(account, rows, digest, f"the snapshot after row {seq:,} is of rows that are not there")
            if sha256(body).digest() != checksum:
                return Verified(account, rows, digest, f"the snapshot after row {seq:,} is not what was written")
        (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return Verified(account, rows, digest, None if state == "ok" else f"the file around the rows is damaged ({state})")


def _digest(before: bytes, seq: int, each: Stored) -> bytes | None:
    """The digest of a row where it is what was written, else None."""
    digest = chained(before, seq, each.epoch, each.row)
    return digest if (seq, digest) == (each.seq, each.digest) else None
