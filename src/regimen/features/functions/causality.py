"""Examines features that nothing makes causal: does a value before a cut change when only the bars after it do?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.bars import POISONS, Bars, Poison, poison
from regimen.errors import DataError
from regimen.features.functions.frame_function import FrameFunction

MOST_SYMBOLS = 3
"""Symbols that are looked at, those with the most bars: a function is not told whose bars it is given."""
_EARLY = (8, 64, 512)
"""Bars after which what is filled backwards from a first value shows."""
_SHARES = (0.25, 0.5, 0.75, 0.95)
_ROUNDING = 1e-9
"""Relative difference that sums in another order make, and no knowledge of a later bar."""
_CURE = "use no shift(-n), center=True, bfill, or statistic of the whole frame; or write it as a step, which cannot"


@dataclass(frozen=True)
class LookAhead:
    """One value that changed when only later bars did.

    Attributes:
        name: of the column.
        bar: position of the bar that the value belongs to.
        cut: position from which on bars were changed.
        poison: what they became.
        values: with the true bars, and with the others; NaN for none.
        failure: how the function failed on the others, where it did.
    """

    name: str
    bar: int
    cut: int
    poison: Poison
    values: tuple[float, float]
    failure: str = ""

    @property
    def change(self) -> float:
        """How much the value changed; infinite where it appeared or vanished."""
        change = abs(self.values[0] - self.values[1])
        return math.inf if math.isnan(change) else change

    def error(self, bars: Bars) -> DataError:
        """Returns what a user is told."""
        at, cut = (str(bars.time[place])[:19] for place in (self.bar, self.cut))
        now = f"fails ({self.failure})" if self.failure else f"is {self.values[1]:.6g}"
        later = "missing" if self.poison == "nothing" else "others"
        rule = (
            f"looks ahead: at bar {at} it is {self.values[0]:.6g}, but {now} where the bars from {cut} on are {later}"
        )
        return DataError(f"features.{self.name}", f"{rule}; {_CURE}")


def examine(function: FrameFunction, bars: Bars) -> None:
    """Refuses a function that looks ahead.

    Raises:
        DataError: it does, is not the same twice, raises or returns something else than numbers.
    """
    seen = look_ahead(function, bars)
    if seen is not None:
        raise seen.error(bars)


def look_ahead(function: FrameFunction, bars: Bars) -> LookAhead | None:
    """Computes a function on histories that end at cuts, and on such whose later bars are noise, and compares.

    Whatever it says of the bars before a cut must be the same. The cuts lie early, all over the series and behind a
    missing bar. It takes the time of some fifteen computations. What it cannot see is said in docs/leaks.md.

    Returns:
        The first difference; None where there is none.

    Raises:
        DataError: the function is not the same twice, raises or returns something else than numbers.
    """
    most = np.argsort(-bars.present.sum(axis=0), kind="stable")[:MOST_SYMBOLS]
    looks = (_look_ahead(function, bars.select(bars.symbols[symbol])) for symbol in sorted(most.tolist()))
    return next((each for each in looks if each is not None), None)


def _look_ahead(function: FrameFunction, bars: Bars) -> LookAhead | None:
    whole = function.compute(bars)[:, 0]
    if _different(whole, function.compute(bars)[:, 0]).any():
        raise DataError(function.field, "differs between two computations on the same bars; it needs a seed")
    for cut in _cuts(bars):
        known = np.isfinite(whole[:cut])
        if not known.any():
            continue  # it says nothing of these bars, and may fail on them
        for how in POISONS:
            failure = ""
            try:
                others = function.compute(poison(bars, cut, how, 0))[:cut, 0]
                different = _different(whole[:cut], others)
            except DataError as error:
                others, different, failure = np.full(known.shape, np.nan), known, error.rule
            if different.any():
                bar, column = (int(place[-1]) for place in np.nonzero(different))
                values = (float(whole[bar, column]), float(others[bar, column]))
                return LookAhead(function.names[column], bar, cut, how, values, failure)
    return None


def _cuts(bars: Bars) -> Iterator[int]:
    rows = np.flatnonzero(bars.present[:, 0])
    count = len(rows)
    places = [*_EARLY, *(int(share * count) for share in _SHARES)]
    holes = rows[1:][np.diff(rows) > 1]
    behind_one = holes[len(holes) // 2 :][:1].tolist()
    yield from sorted({*(int(rows[place]) for place in places if 0 < place < count), *behind_one})


def _different(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(row, column): whether two computations differ by more than rounding, or only one of them has a value."""
    known = before[np.isfinite(before)]
    size = np.maximum(np.abs(before), np.abs(after)) + (float(known.std()) if len(known) else 0.0)
    with np.errstate(invalid="ignore"):
        apart = ~(np.abs(before - after) <= _ROUNDING * size)
    return apart & ~(np.isnan(before) & np.isnan(after))
