"""Rows for the tests of the journal."""

from __future__ import annotations

from regimen.journal import JournalRow

HOUR = 3_600_000_000_000
ACCOUNT = "paper"


def row(
    bar: int, *, symbol: str = "BTC", kind: str = "bar", account: str = ACCOUNT, decision: bytes = b""
) -> JournalRow:
    """One event at an hour, with bytes that only this one has."""
    request = f"{symbol} {kind} {bar}".encode() * 5
    return JournalRow(account, symbol, bar * HOUR, kind, request, decision or request[::-1], bar * HOUR + 1)
