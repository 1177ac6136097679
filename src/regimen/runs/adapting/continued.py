"""A run's own bars and those that came after them, as one series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.spans import in_words

CLOSE = 1e-6
"""How far a close may be from the run's own at the same bar, as a share of it."""
_FARTHEST = 2.0
"""Between the run's last close and the first one behind it, in the largest log move of a bar of the run."""
_FACTOR = 1e-3
"""The same of a factor: adjusted closes are rounded."""
_ADJUSTMENT = "adjustment"
Floats = NDArray[np.float64]


def continued(own: Bars, new: Bars, *, fed: bool = False) -> Bars:
    """Returns the run's bars, and behind them those of a file that are later.

    Bars of the file that the run has as well must be the same; what comes behind must begin where the run's bars end,
    with no longer a pause than there was among them, and where the file has no bar of the run, near its last close. So
    features at the new bars see the run's history, and no other market's. Factors of adjustment are relative to a bar
    of their file: bars that both have bring them to the run's scale.

    Args:
        own: of the run.
        new: of the file; a few bars are enough.
        fed: more come behind them, so that none of the file need be later.

    Raises:
        DataError: another bar length, other symbols, a column of the run's that is missing, other prices at the same
            bars, a gap, prices far from the run's last ones, or no later bar; the run's bars are adjusted, and the
            file's are not, otherwise, or have no bar in common with them.
    """
    if new.bar_length != own.bar_length:
        rule = f"must have the run's bar length, {in_words(own.bar_length)}"
        raise DataError("bars", rule, in_words(new.bar_length))
    if len(own.symbols) != len(new.symbols) or (len(own.symbols) > 1 and set(own.symbols) != set(new.symbols)):
        raise DataError("bars", f"must have the run's symbols, {', '.join(own.symbols[:5])}", new.symbols[:5])
    _require_columns(own, new)
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
    _require_near(own, new, order)

    extras = dict(new.extras)
    if _ADJUSTMENT in own.extras:
        extras[_ADJUSTMENT] = _rescaled(own, new, order, later)

    def joined(mine: Floats, theirs: Floats | None) -> Floats:
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
        extras={name: joined(values, extras.get(name)) for name, values in own.extras.items()},
        source=own.source,
        periods_per_year=own.periods_per_year,  # a run counts its year once, whatever comes later
        checked=False,
    )


def _require_columns(own: Bars, new: Bars) -> None:
    """Refuses a file without a column that the run's own bars have: features would take what is missing for nothing."""
    missing = [name for name in own.extras if name not in (*new.extras, _ADJUSTMENT)]
    if np.isfinite(own.volume).any() and not np.isfinite(new.volume).any():
        missing.insert(0, "volume")
    if missing:
        has = ["volume"] if np.isfinite(new.volume).any() else []
        raise DataError("bars", f"must have the run's columns; {', '.join(missing)} is missing", [*has, *new.extras])


def _require_near(own: Bars, new: Bars, order: list[int]) -> None:
    """Refuses a file that has no bar of the run, and begins farther from its last close than that market moves."""
    later = new.time > own.time[-1]
    shared = np.isfinite(new.close[~later][:, order]).any(axis=0)
    for place, symbol in enumerate(own.symbols):
        before = own.close[np.isfinite(own.close[:, place]), place]
        after = new.close[later, order[place]]
        after = after[np.isfinite(after)]
        if shared[place] or len(before) < 2 or not len(after):
            continue
        step, largest = abs(np.log(after[0] / before[-1])), np.abs(np.diff(np.log(before))).max()
        if step > _FARTHEST * largest:
            rule = (
                f"must be the market of the run, in which {symbol} closed at {before[-1]:g} and no bar moved by more "
                f"than {np.expm1(largest):.2%}; a file that has that close as well shows that it is"
            )
            raise DataError("bars", rule, float(after[0]))


def _require_same(own: Bars, new: Bars, order: list[int]) -> None:
    """Refuses a file whose closes differ at bars that the run has as well."""
    _, mine, theirs = np.intersect1d(own.time, new.time, return_indices=True)
    here, there = own.close[mine], new.close[theirs][:, order]
    differs = np.abs(there / here - 1.0) > CLOSE  # False where one has no bar
    if differs.any():
        row = int(np.argmax(differs.any(axis=1)))
        rule = f"must be the market of the run, whose close at {minute(own.time[mine[row]])} is {here[row].tolist()}"
        raise DataError("bars", rule, there[row].tolist())


def _rescaled(own: Bars, new: Bars, order: list[int], later: NDArray[np.intp]) -> Floats:
    """Returns the factors of a file, (time, symbol) in its order, on the scale of the run's."""
    factors = new.extras.get(_ADJUSTMENT)
    if factors is None:
        rule = (
            "must be adjusted as the run's own are: give data.adjust=... or data.repairs.splits=... of its config too"
        )
        raise DataError("bars", rule, "no adjustment")
    _, mine, theirs = np.intersect1d(own.time, new.time, return_indices=True)
    ratios, scale = own.extras[_ADJUSTMENT][mine] / factors[theirs][:, order], np.ones(len(order))
    goes_on = own.present.any(axis=0) & new.present[later][:, order].any(axis=0)
    for s in np.flatnonzero(goes_on):
        known = ratios[np.isfinite(ratios[:, s]), s]
        if not len(known):
            rule = f"must begin with bars that the run has as well, up to {minute(own.time[-1])}: without them it is "
            rule += "not known what a factor of adjustment is relative to"
            raise DataError("bars", rule, minute(new.time[0]))
        scale[order[s]] = known[-1]
        if np.abs(known / known[-1] - 1.0).max() > _FACTOR:
            rule = "must be adjusted as the run's own are: at bars that both have the factors are not in one proportion"
            raise DataError("bars", rule, own.symbols[s])
    return np.asarray(factors * scale)


def minute(time: np.datetime64) -> str:
    """Returns a time in UTC as a person reads it, to the minute."""
    return str(time)[:16].replace("T", " ")
