"""`LiveState`: all that a live account remembers, as plain numbers and arrays."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from regimen.bundle import packed, unpacked
from regimen.errors import RunError
from regimen.execution.columns import EQUITY, UNITS
from regimen.live.memory import LiveMemory
from regimen.monitoring import WatchMemory
from regimen.stateful import below

Floats = NDArray[np.float64]
NEVER = np.iinfo(np.int64).min
"""The time of a bar before the first one."""
OWN = ("listed", "closes", "first", "factor", "targets", "flows", "guard")
"""Arrays of the account itself; those of its parts are named ``part/array``."""


class LiveState(NamedTuple):
    """An account after an event. Nothing in it is changed in place; the next event gives another one.

    Attributes:
        seq: events so far.
        time: start of the last bar, nanoseconds since 1970; `NEVER` before the first one.
        at: when the last event arrived.
        opened: whether the account trades: a bar came that was not only watched.
        rings: whether drift rings.
        word: of an operator, that the safeguards hear at the next bar; empty for none.
        day: trading day of the last bar that was decided, in days since 1970; `NEVER` before the first.
        day_equity: at the end of the trading day before; NaN before the first.
        policy: (symbol, memory).
        memory: all other arrays: ``listed`` (symbol,) which have had a bar; ``closes`` (symbol,) last close of each,
            NaN before the first; ``first`` and ``factor`` (symbol,) cumulative factor of splits at the first and at
            the last bar; ``targets`` (symbol,) that were allowed last, NaN before any; ``flows`` (1 + cost,) traded
            notional and each kind of cost since the account was opened, quote currency; ``guard`` of the safeguards,
            empty without them; and those of ``features/``, ``volatility/``, ``feed/``, ``account/`` and ``watch/``.
    """

    seq: int
    time: int
    at: int
    opened: bool
    rings: bool
    word: str
    day: int
    day_equity: float
    policy: Floats
    memory: LiveMemory

    @property
    def closes(self) -> Floats:
        """(symbol,) last close of each; NaN before the first."""
        return self.memory["closes"]

    @property
    def targets(self) -> Floats:
        """(symbol,) that were allowed last; NaN before any."""
        return self.memory["targets"]

    @property
    def flows(self) -> Floats:
        """(1 + cost,) traded notional and each kind of cost since it was opened, quote currency."""
        return self.memory["flows"]

    @property
    def equity(self) -> float:
        """At the last close mark, quote currency."""
        return float(self.memory["account/account"][0, EQUITY])

    @property
    def watch(self) -> WatchMemory:
        """Of what watches the account; nothing where nobody does."""
        return WatchMemory.of(below(self.memory.arrays(), "watch/"))

    @property
    def units(self) -> Floats:
        """(symbol,) signed units that are held."""
        return self.memory["account/positions"][0, :, UNITS]

    def content(self) -> bytes:
        """Returns the state as the bytes of a snapshot; equal states give equal bytes."""
        arrays = self.memory.arrays() | {name: np.asarray(getattr(self, name)) for name in self._fields[:-1]}
        return packed(dict(sorted(arrays.items())))

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Reads what `content` gave.

        Raises:
            RunError: it is no snapshot of this version.
        """
        arrays = unpacked(content, "snapshot")
        try:
            values: dict[str, Any] = {name: arrays.pop(name) for name in cls._fields[:-1]}
            kinds = {"seq": int, "time": int, "at": int, "opened": bool, "rings": bool, "word": str, "day": int}
            values |= {name: kind(values[name]) for name, kind in kinds.items()}
            values["day_equity"] = float(values["day_equity"])
            memory = LiveMemory.of(arrays)
            if not all(name in memory for name in (*OWN, "account/account")):
                raise KeyError
            return cls(**values, memory=memory)
        except (KeyError, TypeError, ValueError):
            raise RunError("snapshot", "must be of a live account of this version") from None


def utc(time: int) -> str:
    """Returns nanoseconds since 1970 as ISO 8601, UTC, to the second where nothing is left beyond it."""
    whole = np.datetime64(time, "ns")
    return str(whole if time % 10**9 else whole.astype("datetime64[s]"))
