"""The smallest engine that a journal can have: a sum for each symbol, whose decision rests on all rows before it."""

from __future__ import annotations

import json
from hashlib import sha256

from tests.journal.rows import ACCOUNT, HOUR

from regimen.journal import Journal, JournalRow, Stored

SYMBOLS = ("BTC", "ETH")


def request(symbol: str, bar: int) -> bytes:
    """What a client sends for a bar, and sends again when it was not answered."""
    return b"%s closed at %d" % (symbol.encode(), int.from_bytes(sha256(b"%d" % bar).digest()[:4], "little"))


class Engine:
    """Folds requests into a digest of all before them, and into the next bar of each symbol."""

    def __init__(self) -> None:
        self.past = b""
        self.next = dict.fromkeys(SYMBOLS, 0)

    def step(self, symbol: str, bar: int, content: bytes) -> bytes:
        """Returns the decision."""
        assert bar == self.next[symbol], f"{symbol}: bar {bar} instead of {self.next[symbol]}"
        self.next[symbol] += 1
        self.past = sha256(self.past + content).digest()
        return self.past.hex().encode()

    def row(self, symbol: str) -> JournalRow:
        """Decides the next bar of a symbol."""
        bar = self.next[symbol]
        content = request(symbol, bar)
        return JournalRow(ACCOUNT, symbol, bar * HOUR, "bar", content, self.step(symbol, bar, content), bar * HOUR)

    def fold(self, stored: Stored) -> None:
        """Takes in what is stored, and compares the decision."""
        row = stored.row
        decision = self.step(row.symbol, row.bar // HOUR, row.request)
        assert row.request == request(row.symbol, row.bar // HOUR), f"{stored.name}: another request"
        assert decision == row.decision, f"{stored.name}: another decision"

    def snapshot(self) -> bytes:
        """All there is."""
        return json.dumps([self.past.hex(), self.next]).encode()

    @classmethod
    def restored(cls, snapshot: bytes) -> Engine:
        """The engine of a snapshot."""
        engine = cls()
        past, engine.next = json.loads(snapshot)
        engine.past = bytes.fromhex(past)
        return engine


def recovered(journal: Journal) -> Engine:
    """The last snapshot, and the rows behind it."""
    seq, snapshot = journal.snapshot() or (0, b"")
    engine = Engine.restored(snapshot) if seq else Engine()
    for stored in journal.read(seq):
        engine.fold(stored)
    return engine
