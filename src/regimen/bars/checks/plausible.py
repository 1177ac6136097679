"""What the values of an extra column can be, and what is odd about them: pure functions of values and stamps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import Bars
from regimen.bars.calendar import DAY
from regimen.bars.checks.report import written
from regimen.bars.periods import YEAR
from regimen.errors import DataError
from regimen.spans import in_words

POSITIVE = ("adj_close", "adjustment", "bid", "ask")
COUNTED = ("open_interest", "quote_volume", "trades", "taker_buy_volume", "taker_buy_quote_volume")
LARGEST = 1e18
"""No quantity of a market is larger; what is, is an overflow of whoever wrote the file."""
FARTHEST = 1000.0
"""An adjusted close moves against the close by splits and dividends: by no factor above this from bar to bar."""
DEAREST = 3.0
"""A median funding of three times the position a year is hardly a fraction: usual ones are 0.1, in percent 10."""
LEAST_COVERED = 0.95
"""Share of the bars' span that the values of a file should reach over."""


@dataclass(frozen=True, eq=False)
class Odd:
    """Values that may be something else than their name says.

    Attributes:
        name: the finding's, as in docs/bars.md.
        sentence: what is odd.
        count: of the values, or of the symbols where no value is at fault.
        positions: of the values.
        repair: the option that mends it; empty when there is none.
    """

    name: str
    sentence: str
    count: int
    positions: NDArray[np.intp]
    repair: str = ""


def impossible(name: str, values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], str]:
    """Returns (value,) whether a value cannot be what its column is called, and the rule; a missing one can."""
    bad = np.isinf(values)
    if bad.any():
        return bad, "finite"
    if name == "funding_rate":
        return np.abs(values) >= 1, "a fraction between -1 and 1 (0.0001 is 0.01 %)"
    if name in POSITIVE:
        return (values <= 0) | (values > LARGEST), "positive, and no overflow"
    if name in COUNTED:
        return (values < 0) | (values > LARGEST), "zero or positive, and no overflow"
    return np.abs(values) > LARGEST, f"no overflow (at most {LARGEST:g})"


def refuse_impossible(field: str, name: str, values: NDArray[np.float64], source: str) -> None:
    """Returns when every value can be what its column is called.

    Raises:
        DataError: one cannot; the line names its row.
    """
    bad, rule = impossible(name, values)
    if bad.any():
        row = int(bad.argmax())
        scale = (
            f"; {field}.scale=0.01 reads percent, 0.0001 basis points"
            if name == "funding_rate" and np.isfinite(values[row])
            else ""
        )
        raise DataError(field, f"must be {rule}; row {row} of {source} is not{scale}", float(values[row]))


def typical_step(time: NDArray[np.int64], symbol: NDArray[np.integer[Any]]) -> int | None:
    """Returns the median step (ns) between values of a symbol, None for fewer than two of each.

    Args:
        time: (value,) in order.
        symbol: (value,) positions.
    """
    order = np.lexsort((time, symbol))
    steps = np.diff(time[order])[np.diff(symbol[order]) == 0]
    steps = steps[steps > 0]
    return int(np.median(steps)) if len(steps) else None


def funding_in_percent(
    name: str, time: NDArray[np.int64], symbol: NDArray[np.integer[Any]], values: NDArray[np.float64], option: str = ""
) -> Odd | None:
    """Funding rates of a symbol that come to a multiple of the position in a year, as percents read as fractions do."""
    if name != "funding_rate":
        return None
    symbols = np.unique(symbol[symbol >= 0])
    dearest = (0.0, 0.0, 0)  # times the position a year, median, step
    high: list[NDArray[np.intp]] = []
    for code in symbols:
        mine = np.flatnonzero(symbol == code)
        step = typical_step(time[mine], symbol[mine])
        paid = mine[values[mine] != 0]
        if step is None or len(paid) == 0:
            continue
        median = float(np.median(np.abs(values[paid])))
        if median * YEAR / step > DEAREST:
            dearest = max(dearest, (median * YEAR / step, median, step))
            high.append(paid[np.abs(values[paid]) >= median])
    if not high:
        return None
    a_year, median, step = dearest
    whose = "the funding rates" if len(high) == len(symbols) else f"those of {len(high):,} of {len(symbols):,} symbols"
    sentence = (
        f"{whose} look like percent: {median:g} each {in_words(step)} comes to {a_year:,.0f} times the position a "
        "year, where fractions (0.0001 is 0.01 %) are meant, each at its time only"
    )
    at = np.sort(np.concatenate(high))
    mend = option and len(high) == len(symbols)
    return Odd("funding_in_percent", sentence, len(at), at, f"{option}=0.01" if mend else "")


def refuse_repeated(
    field: str, time: NDArray[np.int64], symbol: NDArray[np.integer[Any]], rows: NDArray[np.intp], source: str
) -> None:
    """Returns when no symbol has two values at one time: amounts that add up would count twice.

    Args:
        field: the option that names the file.
        time, symbol: (value,) in any order.
        rows: (value,) of the file.
        source: its name.

    Raises:
        DataError: one has; the line names its row.
    """
    order = np.lexsort((rows, time, symbol))
    again = np.flatnonzero((np.diff(time[order]) == 0) & (np.diff(symbol[order]) == 0)) + 1
    if len(again):
        at = order[again[rows[order[again]].argmin()]]
        rule = (
            f"must have one value of a symbol at a time, since they add up; {len(again):,} row(s) of {source} repeat "
            f"one, the first is row {int(rows[at])}"
        )
        raise DataError(field, rule, written(int(time[at])))


def early(
    name: str, option: str, delayed: bool, time: NDArray[np.int64], symbol: NDArray[np.integer[Any]], length: int
) -> Odd | None:
    """Values of whole days stamped with the day's start, in bars that close before the day does."""
    step = None if delayed or name == "funding_rate" else typical_step(time, symbol)
    if step is None or step < DAY or step <= length or (time % DAY != 0).any():
        return None
    whole = in_words(step // DAY * DAY)
    sentence = (
        f"{name} has a value each {whole}, stamped at 00:00: if it describes the time after its stamp it is known only "
        f"at the end, and bars of {in_words(length)} see it before"
    )
    return Odd("early_extra", sentence, len(time), np.arange(len(time)), f"{option}={whole}")


def uncovered(name: str, bars: Bars, time: NDArray[np.int64], symbol: NDArray[np.integer[Any]]) -> Odd | None:
    """Symbols for a good part of whose bars the file has no value: before its first, after its last, or at all.

    Args:
        name: of the column.
        bars: what the values were joined to.
        time, symbol: of the values that fell in a bar.
    """
    step = typical_step(time, symbol) or bars.bar_length
    starts = bars.time.astype(np.int64)
    short: list[tuple[float, str]] = []
    for code, named in enumerate(bars.symbols):
        listed = starts[bars.present[:, code]]
        if len(listed) == 0:
            continue
        mine = time[symbol == code]
        if len(mine) == 0:
            short.append((0.0, f"{named} has none"))
            continue
        whole = int(listed[-1] - listed[0])
        missing = max(0, int(mine[0] - listed[0]) - step) + max(0, int(listed[-1] - mine[-1]) - step)
        if missing > (1 - LEAST_COVERED) * whole:
            reach = f"{written(int(mine[0]))} to {written(int(mine[-1]))}"
            over = f"{written(int(listed[0]))} to {written(int(listed[-1]))}"
            short.append((1 - missing / whole, f"{named}: {reach}, its bars {over}"))
    if not short:
        return None
    short.sort(key=lambda pair: pair[0])
    count = f"{len(short):,} of {len(bars.symbols):,} symbol(s)"
    sentence = f"{name} does not cover all bars of {count}: {'; '.join(text for _, text in short[:3])}"
    return Odd("extra_coverage", sentence, len(short), np.arange(0))
