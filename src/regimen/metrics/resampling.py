"""Block-bootstrap intervals: how far a statistic could have come out otherwise, with dependent bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit
from regimen.metrics.blocks import block_length as automatic_length
from regimen.metrics.performance import deviation, sharpe
from regimen.seeding import generator

Series = NDArray[np.float64]
Kind = Literal["stationary", "circular"]
Statistic = Callable[[Series], Series]
"""Takes resampled series (draw, time) and returns one number for each, (draw,)."""

_CHUNK = 4_000_000
_MOST_BLOCKS = 10_000


@dataclass(frozen=True)
class Interval:
    """A statistic with its interval.

    Attributes:
        estimate: the statistic of the series itself.
        low, high: the ends of the interval.
        level: its nominal coverage.
        block_length: mean block length in bars.
        draws: resampled series.
    """

    estimate: float
    low: float
    high: float
    level: float
    block_length: float
    draws: int


@jit
def _fill(rows: NDArray[np.int64], length: float, stationary: bool, random: np.random.Generator) -> None:
    draws, count = rows.shape
    leave = 1.0 / length
    fixed = max(1, round(length))
    for draw in range(draws):
        left, position = 0, 0
        for t in range(count):
            fresh = random.random() < leave if stationary else left == 0
            if fresh or t == 0:
                position = int(random.random() * count)
                left = fixed
            else:
                position = position + 1 if position + 1 < count else 0
            left -= 1
            rows[draw, t] = position


def block_positions(
    count: int, length: float, draws: int, random: np.random.Generator, kind: Kind = "stationary"
) -> NDArray[np.int64]:
    """Draws the positions of resampled series, wrapped around the end.

    "stationary": blocks of geometric length with mean ``length`` (Politis & Romano 1994); "circular": blocks
    of the fixed, rounded ``length`` (Politis & Romano 1992).

    Args:
        count: bars, T.
        length: mean block length, at least 1.
        draws: resampled series.
        random: generator.

    Returns:
        (draw, time) positions in [0, T).
    """
    rows = np.empty((draws, count), dtype=np.int64)
    _fill(rows, float(length), kind == "stationary", random)
    return rows


def bootstrap(
    series: Series,
    statistic: Statistic,
    *,
    draws: int = 2000,
    length: float | None = None,
    kind: Kind = "stationary",
    seed: int = 0,
) -> Series:
    """Returns (draw,) the statistic of each resampled series, a few million values in memory at a time.

    Args:
        series: (time,) or (time, column), whose rows stay together.
        statistic: vectorised over draws; gets (draw, time[, column]).
        draws: resampled series.
        length: mean block length; None takes `block_length` of the series (of its first column).
        kind: "stationary" or "circular".
        seed: the same seed gives the same draws.
    """
    first = series if series.ndim == 1 else series[:, 0]
    chosen = automatic_length(np.ascontiguousarray(first), kind) if length is None else length
    random = generator(seed, "bootstrap", kind)
    values = np.empty(draws)
    step = max(1, _CHUNK // max(1, series.size))
    for start in range(0, draws, step):
        stop = min(start + step, draws)
        rows = block_positions(len(series), chosen, stop - start, random, kind)
        values[start:stop] = statistic(series[rows])
    return values


def interval(
    series: Series,
    statistic: Statistic,
    *,
    level: float = 0.95,
    draws: int = 2000,
    length: float | None = None,
    kind: Kind = "stationary",
    seed: int = 0,
) -> Interval:
    """Returns the percentile interval of any statistic, from `bootstrap`.

    The percentile interval is first-order accurate: it covers a little less than its level in short, strongly
    dependent or skewed series. A draw whose statistic is NaN is left out; all NaN gives NaN ends.
    """
    first = series if series.ndim == 1 else series[:, 0]
    chosen = automatic_length(np.ascontiguousarray(first), kind) if length is None else length
    values = bootstrap(series, statistic, draws=draws, length=chosen, kind=kind, seed=seed)
    low, high = _ends(values, level)
    return Interval(float(statistic(series[None])[0]), low, high, level, chosen, draws)


def _ends(values: Series, level: float) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return math.nan, math.nan
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


@jit
def _sharpe_draws(sums: Series, offsets: Series, length: float, draws: int, random: np.random.Generator) -> Series:
    # A block is a difference of running sums of the centred series: a draw costs T / length steps, not T.
    # The sums (time + 1, 2 * series) of values and squares lie side by side: an end of a block is one trip to memory.
    count, columns = len(sums) - 1, sums.shape[1]
    sharpes = np.empty((draws, len(offsets)))
    drawn = np.empty(columns)
    starts, stops = np.empty(count, np.int64), np.empty(count, np.int64)
    stay = math.log1p(-1.0 / length) if length > 1.0 else 0.0
    for draw in range(draws):
        # All blocks first: then the trips to memory do not wait for each other.
        left, blocks = count, 0
        while left > 0:
            size = 1
            if length > 1.0:
                # Inverse of the geometric distribution; 1 − u lies in (0, 1].
                size = 1 + int(math.log(1.0 - random.random()) / stay)
            if size > left:
                size = left
            starts[blocks] = int(random.random() * count)
            stops[blocks] = starts[blocks] + size
            left -= size
            blocks += 1
        drawn[:] = 0.0
        for block in range(blocks):
            start, stop = starts[block], stops[block]
            if stop > count:
                for k in range(columns):
                    drawn[k] += sums[count, k] - sums[start, k] + sums[stop - count, k]
            else:
                for k in range(columns):
                    drawn[k] += sums[stop, k] - sums[start, k]
        for s in range(len(offsets)):
            mean = drawn[2 * s] / count
            variance = (drawn[2 * s + 1] / count - mean * mean) * count / (count - 1)
            sharpes[draw, s] = (mean + offsets[s]) / math.sqrt(variance) if variance > 0 else np.nan
    return sharpes


def sharpe_draws(
    returns: Series, *, draws: int = 2000, length: float | None = None, seed: int = 0
) -> tuple[Series, float]:
    """Returns the per-bar Sharpe ratios (draw,) of the stationary bootstrap, and the mean block length used.

    The automatic length is raised to T / 10,000 in long series: ten thousand blocks are plenty, longer blocks
    only keep more of the dependence, and a million bars then take no longer than ten thousand.
    """
    chosen = _sharpe_length(returns) if length is None else float(length)
    return _drawn_together([returns], chosen, draws, seed)[0], chosen


def _sharpe_length(returns: Series) -> float:
    return float(max(automatic_length(returns), len(returns) / _MOST_BLOCKS))


def _drawn_together(series: Sequence[Series], length: float, draws: int, seed: int) -> list[Series]:
    """Returns the Sharpe ratios (draw,) of each of some series of one length: the blocks are the same for all."""
    count = len(series[0])
    scales = [float(np.std(returns)) if count else 0.0 for returns in series]
    moving = [place for place, returns in enumerate(series) if deviation(returns) > 0 and math.isfinite(scales[place])]
    values = [np.full(draws, np.nan) for _ in series]
    if not moving:
        return values
    # Centred and scaled: the Sharpe ratio only needs its offset back, and the running sums lose no digits.
    offsets, sums = np.empty(len(moving)), np.zeros((count + 1, 2 * len(moving)))
    for column, place in enumerate(moving):
        offsets[column] = float(np.mean(series[place])) / scales[place]
        moved = series[place] / scales[place] - offsets[column]
        np.cumsum(moved, out=sums[1:, 2 * column])
        np.cumsum(moved * moved, out=sums[1:, 2 * column + 1])
    sharpes = _sharpe_draws(sums, offsets, length, draws, generator(seed, "bootstrap", "sharpe"))
    for column, place in enumerate(moving):
        values[place] = np.ascontiguousarray(sharpes[:, column])
    return values


def sharpe_interval(
    returns: Series,
    periods_per_year: float = 1.0,
    *,
    level: float = 0.95,
    draws: int = 2000,
    length: float | None = None,
    seed: int = 0,
) -> Interval:
    """Returns the percentile interval of the Sharpe ratio, × √periods_per_year, by the stationary bootstrap.

    Args:
        returns: (time,) per-bar simple returns.
        periods_per_year: 1 leaves it per bar.
        level: nominal coverage.
        draws: resampled series.
        length: mean block length; None is automatic.
        seed: of the draws.
    """
    values, chosen = sharpe_draws(returns, draws=draws, length=length, seed=seed)
    return _sharpe_interval(returns, values, periods_per_year, level, chosen)


def _sharpe_interval(returns: Series, values: Series, periods_per_year: float, level: float, length: float) -> Interval:
    factor = math.sqrt(periods_per_year)
    low, high = _ends(values, level)
    return Interval(sharpe(returns) * factor, low * factor, high * factor, level, length, len(values))


def sharpe_intervals(
    series: Sequence[Series], periods_per_year: float = 1.0, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> list[Interval]:
    """Returns `sharpe_interval` of each of several series, with the same bits, in less time.

    The blocks that a seed draws depend on the lengths of series and blocks alone, so series that have both in common
    are drawn in one pass. In long series all blocks are equally long, see `sharpe_draws`.

    Args:
        series: (time,) per-bar simple returns each.
        periods_per_year: 1 leaves it per bar.
        level: nominal coverage.
        draws: resampled series.
        seed: of the draws.
    """
    alike: dict[tuple[int, float], list[int]] = {}
    for place, returns in enumerate(series):
        alike.setdefault((len(returns), _sharpe_length(returns)), []).append(place)
    intervals: dict[int, Interval] = {}
    for (_, length), places in alike.items():
        together = [series[place] for place in places]
        for place, values in zip(places, _drawn_together(together, length, draws, seed), strict=True):
            intervals[place] = _sharpe_interval(series[place], values, periods_per_year, level, length)
    return [intervals[place] for place in range(len(series))]
