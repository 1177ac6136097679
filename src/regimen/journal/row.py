"""One row of a journal, its canonical bytes, and the chain that ties it to all rows before it."""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import NamedTuple

from regimen.journal.failures import JournalError

VERSION = 1
"""Of the tables and of the canonical bytes; it rises with each change that an earlier version would read wrongly."""
_NUMBERS = struct.Struct("<4q")
_SIZES = struct.Struct("<5q")


class JournalRow(NamedTuple):
    """What happened once, as bytes that the journal does not look into.

    A journal holds each (account, symbol, bar, kind) once.

    Attributes:
        account: whose journal it is.
        symbol: what it is about; empty for what concerns the whole account.
        bar: stamp of the bar in nanoseconds of UTC.
        kind: what sort of event.
        request: what came in.
        decision: what was answered.
        at: the event's own time in nanoseconds of UTC.
    """

    account: str
    symbol: str
    bar: int
    kind: str
    request: bytes
    decision: bytes
    at: int


class Stored(NamedTuple):
    """A row in its place.

    Attributes:
        seq: number of the row, from 1 without gaps.
        row: what was stored.
        epoch: number of the writer, which rises whenever a process opens the journal to write.
        digest: SHA-256 over the digest of the row before and this row's canonical bytes.
    """

    seq: int
    row: JournalRow
    epoch: int
    digest: bytes

    @property
    def name(self) -> str:
        """Which row this is, for whoever reads an error."""
        return f"row {self.seq:,} ({self.row.kind} {self.row.symbol} {self.row.bar})"


def genesis(account: str) -> bytes:
    """Returns the digest before the first row: of the version and the account."""
    return sha256(f"regimen journal {VERSION}\n{account}".encode()).digest()


def canonical(seq: int, epoch: int, row: JournalRow) -> bytes:
    """Returns all that a row is as one string of bytes: the numbers, the five lengths, the five texts.

    Little-endian 64 bits each: seq, epoch, bar, at; the lengths of account, symbol, kind, request and decision in
    bytes of UTF-8; then these five.

    Raises:
        JournalError: a time is no whole number of 64 bits, a text is no Unicode, or a content is no bytes.
    """
    try:
        texts = row.account.encode(), row.symbol.encode(), row.kind.encode(), row.request, row.decision
        head = _NUMBERS.pack(seq, epoch, row.bar, row.at) + _SIZES.pack(*map(len, texts))
        return head + b"".join(texts)
    except (struct.error, TypeError, AttributeError, UnicodeEncodeError) as error:
        rule = f"must be text, whole nanoseconds of 64 bits, and bytes ({error})"
        raise JournalError("journal row", rule, row) from None


def chained(before: bytes, seq: int, epoch: int, row: JournalRow) -> bytes:
    """Returns the digest of a row, given the digest of the row before it."""
    return sha256(before + canonical(seq, epoch, row)).digest()
