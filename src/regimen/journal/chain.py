"""Rows in their place in the chain, written and read, whatever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

from regimen.journal.failures import Damaged, JournalError
from regimen.journal.row import JournalRow, Stored, chained


def in_place(rows: Sequence[JournalRow], account: str, last: int, digest: bytes, epoch: int) -> tuple[Stored, ...]:
    """Returns rows as they stand behind the last one.

    Args:
        rows: to be stored.
        account: whose journal it is.
        last, digest: number and digest of its last row.
        epoch: number of the writer.

    Raises:
        JournalError: a row is of another account, or is no row.
    """
    stored = []
    for seq, row in enumerate(rows, last + 1):
        if row.account != account:
            raise JournalError("journal row", f"must be of account {account!r}", row.account)
        digest = chained(digest, seq, epoch, row)
        stored.append(Stored(seq, row, epoch, digest))
    return tuple(stored)


def followed(rows: Iterable[Stored], last: int, digest: bytes, place: str) -> Iterator[Stored]:
    """Yields rows that were read, each checked against the row before it.

    Args:
        rows: in order, those behind the last one.
        last, digest: number and digest of the row before them.
        place: where they are kept, for people.

    Raises:
        Damaged: the first row that is not what was written.
    """
    for each in rows:
        last, digest = last + 1, chained(digest, last + 1, each.epoch, each.row)
        if (last, digest) != (each.seq, each.digest):
            raise Damaged(f"{place}, {each.name}", "must be what was written behind the rows before it")
        yield each


def one_of(row: Stored, before: bytes | None, place: str) -> Stored:
    """Returns a row that was looked up.

    Args:
        row: as it was read.
        before: digest of the row before it; None where there is none.
        place: where they are kept, for people.

    Raises:
        Damaged: it is not what was written.
    """
    (checked,) = followed((row,), row.seq - 1, before or b"", place)
    return checked


def newest_whole(
    lines: Iterable[tuple[int, bytes, bytes, bytes]], digest_of: Callable[[int], bytes | None]
) -> tuple[int, bytes] | None:
    """Returns the first snapshot that is whole and of a row that is there, with the number of the row.

    Args:
        lines: number and digest of its row, its own SHA-256 and its content; the newest first.
        digest_of: gives the digest of a row.
    """
    for seq, digest, checksum, body in lines:
        if digest_of(seq) == digest and sha256(body).digest() == checksum:
            return int(seq), bytes(body)
    return None
