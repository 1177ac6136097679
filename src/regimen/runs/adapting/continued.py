"""A run's own bars and those that came after them, as one series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.spans import in_words

CLOSE = 1e-6
"""How far a close may be from the run's own at the same bar, as a share of it."""


def continued(own: Bars, new: Bars, *, fed: bool = False) -> Bars:
    """Returns the run's bars, and behind them those of a file that are later.

    Bars of the file that the run has as well must be the same; what comes behind must begin where the run's bars end,
    with no longer a pause than there was among them. So features at the new bars see the run's history.

    Args:
        own: of the run.
        new: of the file; a few bars are enough.
        fed: more come behind them, so that none of the file need be later.

    Raises:
        DataError: another bar length, other symbols, other prices at the same bars, a gap, or no later bar.
    """
    if new.bar_length != own.bar_length:
        rule = f"must have the run's bar length, {in_words(own.bar_length)}"
        raise DataError("bars", rule, in_words(new.bar_length))
    if len(own.symbols) != len(new.symbols) or (len(own.symbols) > 1 and set(own.symbols) != set(new.symbols)):
        raise DataError("bars", f"must have the run's symbols, {', '.join(own.symbols[:5])}", new.symbols[:5])
    if "adjustment" in own.extras:
        raise DataError(
            "bars", "must not be adjusted by a factor: what it is relative to is not known of a part", "adjustment"
        )
    order = [0] if len(own.symbols) == 1 else [new.symbols.index(symbol) for symbol in own.symbols]
    _require_same(own, new, order)
    later = np.flatnonzero(new.time > own.time[-1])
    if not len(later) and fed:
        return own
    if not len(later):
        rule = f"must go on behind the run's own, which end at {minute(own.time[-1])}"
        raise DataError("bars", rule, minute(new.time[-1]))
    pause, longest = new.time[later[0]] - own.time[-1], np.diff(own.time).max()
    if pause > longest:
        rule = f"must begin where the run's own end, at {minute(own.time[-1])}: features look back on what lies between"
        raise DataError("bars", rule, minute(new.time[later[0]]))

    def joined(mine: NDArray[np.float64], theirs: NDArray[np.float64] | None) -> NDArray[np.float64]:
        more = np.full((len(later), len(order)), np.nan) if theirs is None else theirs[later][:, order]
        return np.concatenate([mine, more])

    return Bars.from_arrays(
        np.concatenate([own.time, new.time[later]]),
        open=joined(own.open, new.open),
        high=joined(own.high, new.high),
        low=joined(own.low, new.low),
        close=joined(own.close, new.close),
        volume=joined(own.volume, new.volume),
        symbols=own.symbols,
        bar_length=own.bar_length,
        calendar=own.calendar,
        extras={name: joined(values, new.extras.get(name)) for name, values in own.extras.items()},
        source=own.source,
        periods_per_year=own.periods_per_year,  # a run counts its year once, whatever comes later
        checked=False,
    )


def _require_same(own: Bars, new: Bars, order: list[int]) -> None:
    """Refuses a file whose closes differ at bars that the run has as well."""
    _, mine, theirs = np.intersect1d(own.time, new.time, return_indices=True)
    here, there = own.close[mine], new.close[theirs][:, order]
    differs = np.abs(there / here - 1.0) > CLOSE  # False where one has no bar
    if differs.any():
        row = int(np.argmax(differs.any(axis=1)))
        rule = f"must be the market of the run, whose close at {minute(own.time[mine[row]])} is {here[row].tolist()}"
        raise DataError("bars", rule, there[row].tolist())


def minute(time: np.datetime64) -> str:
    """Returns a time in UTC as a person reads it, to the minute."""
    return str(time)[:16].replace("T", " ")
