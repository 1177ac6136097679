"""Block-bootstrap intervals: how far a statistic could have come out otherwise, with dependent bars."""

from __future__ import annotations

import math
from collections.abc import Callable
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
def _sharpe_draws(sums: Series, offset: float, length: float, draws: int, random: np.random.Generator) -> Series:
    # A block is a difference of running sums of the centred series: a draw costs T / length steps, not T.
    # The sums (time + 1, 2) of values and squares lie side by side: each end of a block is one trip to memory.
    count = len(sums) - 1
    sharpes = np.empty(draws)
    stay = math.log1p(-1.0 / length) if length > 1.0 else 0.0
    for draw in range(draws):
        left = count
        total, square = 0.0, 0.0
        while left > 0:
            size = 1
            if length > 1.0:
                # Inverse of the geometric distribution; 1 − u lies in (0, 1].
                size = 1 + int(math.log(1.0 - random.random()) / stay)
            if size > left:
                size = left
            start = int(random.random() * count)
            stop = start + size
            if stop > count:
                total += sums[count, 0] - sums[start, 0] + sums[stop - count, 0]
                square += sums[count, 1] - sums[start, 1] + sums[stop - count, 1]
            else:
                total += sums[stop, 0] - sums[start, 0]
                square += sums[stop, 1] - sums[start, 1]
            left -= size
        mean = total / count
        variance = (square / count - mean * mean) * count / (count - 1)
        sharpes[draw] = (mean + offset) / math.sqrt(variance) if variance > 0 else np.nan
    return sharpes


def sharpe_draws(
    returns: Series, *, draws: int = 2000, length: float | None = None, seed: int = 0
) -> tuple[Series, float]:
    """Returns the per-bar Sharpe ratios (draw,) of the stationary bootstrap, and the mean block length used.

    The automatic length is raised to T / 10,000 in long series: ten thousand blocks are plenty, longer blocks
    only keep more of the dependence, and a million bars then take no longer than ten thousand.
    """
    count = len(returns)
    chosen = automatic_length(returns) if length is None else length
    if length is None:
        chosen = max(chosen, count / _MOST_BLOCKS)
    scale = float(np.std(returns)) if count else 0.0
    if not deviation(returns) > 0 or not math.isfinite(scale):
        return np.full(draws, np.nan), float(chosen)
    # Centred and scaled: the Sharpe ratio only needs its offset back, and the running sums lose no digits.
    offset = float(np.mean(returns)) / scale
    moved = returns / scale - offset
    sums = np.zeros((count + 1, 2))
    np.cumsum(moved, out=sums[1:, 0])
    np.cumsum(moved * moved, out=sums[1:, 1])
    random = generator(seed, "bootstrap", "sharpe")
    return _sharpe_draws(sums, offset, float(chosen), draws, random), float(chosen)


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
    factor = math.sqrt(periods_per_year)
    low, high = _ends(values, level)
    return Interval(sharpe(returns) * factor, low * factor, high * factor, level, chosen, draws)
