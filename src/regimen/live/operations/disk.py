"""A disk that a seed breaks, and the journal that lies on it: what is not synced when a process dies may be gone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Condition, Event
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from regimen.errors import RunError
from regimen.journal import AlreadyStored, Damaged, JournalLost, JournalRow, NotLeader, NotWritten, Stored

if TYPE_CHECKING:
    from numpy.random import Generator

Fate = Literal["well", "full", "fsync", "upkeep"]
"""What becomes of a commit: it is stored; the disk is full; the fsync fails; it is stored and the upkeep fails."""
_PATIENCE = 60.0
"""Seconds until a commit that never comes is a fault of the simulation."""


class Killed(Exception):
    """The process ends here."""


@dataclass
class Disk:
    """What outlives a process: rows, snapshots, and who opened it last.

    Attributes:
        account: whose journal lies on it.
        epoch: of the last opening.
        rows: all that was written.
        synced: how many of them outlive any crash.
        snapshots: with the numbers of their rows, newest last.
        fenced: whether a writer whose epoch is over is refused, as every journal must.
    """

    account: str
    epoch: int = 0
    rows: list[Stored] = field(default_factory=list)
    synced: int = 0
    snapshots: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    fenced: bool = True
    _places: dict[tuple[int, str], int] = field(default_factory=dict, repr=False)

    def crash(self, random: Generator) -> None:
        """Loses what was not synced, or keeps it, as the draw has it."""
        if random.random() < 0.5:
            for lost in self.rows[self.synced :]:
                del self._places[lost.row.bar, lost.row.kind]
            del self.rows[self.synced :]
        self.synced = len(self.rows)

    def write(self, rows: Sequence[Stored]) -> None:
        """Puts rows behind the others, not synced yet."""
        for stored in rows:
            self._places[stored.row.bar, stored.row.kind] = len(self.rows)
            self.rows.append(stored)

    def place(self, bar: int, kind: str) -> int | None:
        """Returns where the row of a bar and a kind stands, or None."""
        return self._places.get((bar, kind))

    def damage(self, random: Generator) -> str:
        """Flips one bit of a row or a snapshot and returns which."""
        if self.snapshots and random.random() < 0.2:
            seq, body, checksum = self.snapshots[-1]
            self.snapshots[-1] = (seq, _flipped(body, random), checksum)
            return f"the snapshot after row {seq}"
        at = int(random.integers(len(self.rows)))
        stored = self.rows[at]
        name = ("request", "decision", "at")[int(random.integers(3))]
        value = getattr(stored.row, name)
        changed: dict[str, Any] = {name: value ^ 1 if isinstance(value, int) else _flipped(value, random)}
        self.rows[at] = stored._replace(row=stored.row._replace(**changed))
        return f"{name} of row {stored.seq}"


class SimulatedJournal:
    """A `regimen.journal.Journal` on a `Disk`, whose commits go as they are told to.

    A commit waits while ``slow`` is set, so that whoever simulates decides what happens meanwhile.

    Args:
        disk: that it lies on; opening it ends the epoch of whoever had it open.
        dies: number of the row at which the process dies while it reads; None: it does not.
    """

    def __init__(self, disk: Disk, *, dies: int | None = None) -> None:
        disk.epoch += 1
        self.disk, self.epoch, self.account = disk, disk.epoch, disk.account
        self.slow = False
        self.fates: deque[Fate] = deque()
        """Of the next commits; behind them all is well."""
        self.keeping: Literal["well", "full", "dies"] = "well"
        """What becomes of the next snapshot."""
        self.lost: JournalLost | None = None
        self._dies = dies
        self._dead = False
        self._begun = 0
        self.upkeep_lost = False
        """Whether the upkeep fails behind a commit."""
        self._changed = Condition()
        self.noticed = Event()
        """Set when the loss of the journal has been noticed."""

    @property
    def local(self) -> bool:
        """Never: the simulation says when a commit is done."""
        return False

    @property
    def last(self) -> int:
        """Number of the last row."""
        return len(self.disk.rows)

    @property
    def begun(self) -> int:
        """Commits that have begun."""
        return self._begun

    def append(self, rows: Sequence[JournalRow]) -> tuple[Stored, ...]:
        """Stores rows; see `regimen.journal.Journal.append`."""
        with self._changed:
            self._begun += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self.slow or self._dead)
            self._require()
            fate = self.fates.popleft() if self.fates else "well"
            if fate == "full":
                raise NotWritten("journal", "must be writable, and the simulated disk is full")
            disk = self.disk
            stored: list[Stored] = []
            for row in rows:
                if disk.place(row.bar, row.kind) is not None:
                    raise AlreadyStored("journal", "must hold each account, symbol, bar and kind once", row.bar)
                stored.append(self._next(row, stored))
            disk.write(stored)
            if fate == "fsync":
                self.lost = JournalLost("journal", "cannot say what is stored after a failed fsync")
                raise self.lost
            disk.synced = len(disk.rows)
            self.upkeep_lost = fate == "upkeep"
            return tuple(stored)

    def find(self, account: str, symbol: str, bar: int, kind: str) -> Stored | None:
        """Returns the row of a key; see `regimen.journal.Journal.find`."""
        del account, symbol
        at = self.disk.place(bar, kind)
        if at is None:
            return None
        self._check(at)
        return self.disk.rows[at]

    def read(self, after: int = 0) -> Iterator[Stored]:
        """Yields rows; see `regimen.journal.Journal.read`."""
        for at in range(after, len(self.disk.rows)):
            if self._dies is not None and at + 1 >= self._dies:
                raise Killed
            self._check(at)
            yield self.disk.rows[at]

    def keep(self, seq: int, snapshot: bytes) -> None:
        """Keeps a snapshot; see `regimen.journal.Journal.keep`."""
        self._require()
        fate, self.keeping = self.keeping, "well"
        if fate == "full":
            raise NotWritten("journal", "must be writable, and the simulated disk is full")
        torn = snapshot[: len(snapshot) // 2] if fate == "dies" else snapshot
        self.disk.snapshots = [*self.disk.snapshots[-1:], (seq, torn, sha256(snapshot).digest())]
        if fate == "dies":
            raise Killed

    def snapshot(self) -> tuple[int, bytes] | None:
        """Returns the newest whole snapshot; see `regimen.journal.Journal.snapshot`."""
        for seq, body, checksum in reversed(self.disk.snapshots):
            if seq <= len(self.disk.rows) and sha256(body).digest() == checksum:
                return seq, body
        return None

    def tend(self) -> None:
        """Does upkeep; see `regimen.journal.Journal.tend`."""
        with self._changed:
            if self.upkeep_lost:
                self.lost = JournalLost("journal", "cannot say what is stored after a failed fsync")
                raise self.lost

    def close(self) -> None:
        """Ends writing."""
        self.kill()

    def kill(self) -> None:
        """From here on the process is dead: nothing that waits is written any more."""
        with self._changed:
            self._dead = True
            self._changed.notify_all()

    def notice(self, error: JournalLost) -> None:
        """Hears that the loss of the journal has been noticed."""
        del error
        self.noticed.set()

    def wait_begun(self, count: int) -> None:
        """Waits until so many commits have begun.

        Raises:
            RunError: they never do.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._begun >= count, _PATIENCE):
                raise RunError("simulation", "must see the commit of what was submitted")

    def go_on(self, fates: Sequence[Fate] = ()) -> None:
        """Lets what waits be committed."""
        with self._changed:
            self.fates.extend(fates)
            self.slow = False
            self._changed.notify_all()

    def _require(self) -> None:
        if self._dead:
            raise JournalLost("journal", "ended with its process")
        if self.lost is not None:
            raise self.lost
        if self.disk.fenced and self.disk.epoch != self.epoch:
            self.lost = NotLeader("journal", "must have one writer, and another has opened it since")
            raise self.lost

    def _next(self, row: JournalRow, before: Sequence[Stored]) -> Stored:
        last = before[-1] if before else (self.disk.rows[-1] if self.disk.rows else None)
        seq, digest = (1, b"") if last is None else (last.seq + 1, last.digest)
        return Stored(seq, row, self.epoch, _digest(digest, seq, self.epoch, row))

    def _check(self, at: int) -> None:
        stored = self.disk.rows[at]
        before = self.disk.rows[at - 1].digest if at else b""
        if _digest(before, at + 1, stored.epoch, stored.row) != stored.digest:
            raise Damaged(stored.name, "must be what was written behind the rows before it")


def _digest(before: bytes, seq: int, epoch: int, row: JournalRow) -> bytes:
    return sha256(before + msgspec.msgpack.encode((seq, epoch, *row))).digest()


def _flipped(content: bytes, random: Generator) -> bytes:
    if not content:
        return b"\x01"
    at = int(random.integers(len(content)))
    return content[:at] + bytes([content[at] ^ 1 << int(random.integers(8))]) + content[at + 1 :]
