"""What every journal does, whatever keeps its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from regimen.journal.row import JournalRow, Stored


class Journal(Protocol):
    """Rows in order, each once, chained by SHA-256, and durable before `append` returns.

    One process writes at a time; any number may read. All methods may be called from any thread.
    """

    @property
    def account(self) -> str:
        """Whose journal it is."""
        ...

    @property
    def last(self) -> int:
        """Number of the last row of this writer; 0 when there is none."""
        ...

    @property
    def local(self) -> bool:
        """Whether `append` takes about as long as a disk of this machine: then its caller may be an event loop."""
        ...

    def append(self, rows: Sequence[JournalRow]) -> tuple[Stored, ...]:
        """Stores rows, all of them or none; they are durable when it returns.

        Raises:
            NotWritten: nothing was stored, and the journal is as it was.
            AlreadyStored: one of them is there.
            JournalLost: nobody can say what was stored; the process must end.
            JournalError: a row is of another account, or is no row.
        """
        ...

    def find(self, account: str, symbol: str, bar: int, kind: str) -> Stored | None:
        """Returns the row of this key, checked against the chain, or None.

        Raises:
            Damaged: it is not what was written.
        """
        ...

    def read(self, after: int = 0) -> Iterator[Stored]:
        """Yields the rows behind number ``after`` in order, each checked against the chain.

        Raises:
            Damaged: the first row that is not what was written.
        """
        ...

    def keep(self, seq: int, snapshot: bytes) -> None:
        """Keeps the state after row ``seq``, so that whoever recovers need not fold the rows before it.

        Raises:
            NotWritten, JournalLost: as `append`.
            JournalError: there is no such row.
        """
        ...

    def snapshot(self) -> tuple[int, bytes] | None:
        """Returns the newest whole snapshot with the number of its row, or None."""
        ...

    def tend(self) -> None:
        """Does what upkeep is due and nobody should wait for; call it when answers are out.

        Raises:
            JournalLost: nobody can say what of it was done; the process must end.
        """
        ...

    def close(self) -> None:
        """Ends writing and reading; closing twice does nothing."""
        ...
