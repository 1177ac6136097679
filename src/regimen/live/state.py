"""`LiveState`: all that a live account remembers, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from regimen.bundle import below, packed, under, unpacked
from regimen.errors import RunError
from regimen.execution.columns import UNITS
from regimen.monitoring import CollapseMemory, DriftMemory, VerdictMemory, WatchMemory

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Arrays = Mapping[str, NDArray[Any]]
NEVER = np.iinfo(np.int64).min
"""The time of a bar before the first one."""
_NESTED = ("features", "volatility", "feed", "account")


class LiveState(NamedTuple):
    """An account after an event. Nothing in it is changed in place; the next event gives another one.

    Attributes:
        seq: events so far.
        time: start of the last bar, nanoseconds since 1970; `NEVER` before the first one.
        at: when the last event arrived.
        opened: whether the account trades: a bar came that was not only watched.
        listed: (symbol,) which have had a bar.
        closes: (symbol,) last close of each; NaN before the first.
        first: (symbol,) cumulative factor of splits at the first bar; NaN before it.
        factor: (symbol,) that of the last bar.
        targets: (symbol,) that were allowed last; NaN before any.
        flows: (1 + cost,) traded notional and each kind of cost since it was opened, quote currency.
        rings: whether drift rings.
        word: of an operator, that the safeguards hear at the next bar; empty for none.
        features: of the feature stream.
        volatility: of the running volatility; empty where none is observed.
        feed: of the feed.
        account: of the account.
        policy: (symbol, memory).
        guard: of the safeguards; empty without them.
        watch: of what watches the account; nothing where nobody does.
        day: trading day of the last bar that was decided, in days since 1970; `NEVER` before the first.
        day_equity: at the end of the trading day before; NaN before the first.
    """

    seq: int
    time: int
    at: int
    opened: bool
    listed: Flags
    closes: Floats
    first: Floats
    factor: Floats
    targets: Floats
    flows: Floats
    rings: bool
    word: str
    features: Arrays
    volatility: Arrays
    feed: Arrays
    account: Arrays
    policy: Floats
    guard: Floats
    watch: WatchMemory
    day: int
    day_equity: float

    @property
    def units(self) -> Floats:
        """(symbol,) signed units that are held."""
        return self.account["positions"][0, :, UNITS]

    def content(self) -> bytes:
        """Returns the state as the bytes of a snapshot; equal states give equal bytes."""
        arrays: dict[str, NDArray[Any]] = {}
        for name, value in self._asdict().items():
            if name == "watch":
                arrays |= {f"watch/{part}/{key}": array for part, key, array in _watched(value)}
            else:
                arrays |= under(f"{name}/", value) if name in _NESTED else {name: np.asarray(value)}
        return packed(arrays)

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Reads what `content` gave.

        Raises:
            RunError: it is no snapshot of this version.
        """
        arrays = unpacked(content, "snapshot")
        try:
            values: dict[str, Any] = {
                name: below(arrays, f"{name}/") if name in _NESTED else arrays[name]
                for name in cls._fields
                if name != "watch"
            }
            values["watch"] = _watch_memory(below(arrays, "watch/"))
            values["day_equity"] = float(values["day_equity"])
            numbers = {name: int(values[name]) for name in ("seq", "time", "at", "day")}
            return cls(
                **{
                    **values,
                    **numbers,
                    "opened": bool(values["opened"]),
                    "rings": bool(values["rings"]),
                    "word": str(values["word"]),
                }
            )
        except (KeyError, TypeError, ValueError):
            raise RunError("snapshot", "must be of a live account of this version") from None


def utc(time: int) -> str:
    """Returns nanoseconds since 1970 as ISO 8601, UTC."""
    return str(np.datetime64(time, "ns"))


def _watched(memory: WatchMemory) -> Iterator[tuple[str, str, NDArray[Any]]]:
    for part, value in memory._asdict().items():
        for name, array in ({} if value is None else value._asdict()).items():
            yield part, name, array


def _watch_memory(arrays: Arrays) -> WatchMemory:
    def part(name: str, kind: Any) -> Any:
        own = below(arrays, f"{name}/")
        return kind(**own) if own else None

    return WatchMemory(part("drift", DriftMemory), part("collapse", CollapseMemory), part("verdict", VerdictMemory))
