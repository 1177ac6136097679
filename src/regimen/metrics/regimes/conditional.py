"""The Sharpe ratio of some bars of a series, and how far it could have come out otherwise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit
from regimen.metrics.blocks import block_length
from regimen.metrics.performance import deviation, sharpe
from regimen.metrics.resampling import Interval
from regimen.seeding import generator

Series = NDArray[np.float64]

_MOST_BLOCKS = 1_000
_FEWEST = 1e-12
"""Variance below which, as a share of that of the whole series, it is rounding of sums."""


@jit
def _draws(sums: Series, length: float, draws: int, random: np.random.Generator) -> Series:
    # Blocks of the whole series, as differences of running sums: of the bars inside, their values, their squares.
    count = len(sums) - 1
    ratios = np.empty(draws)
    stay = math.log1p(-1.0 / length) if length > 1.0 else 0.0
    for draw in range(draws):
        left = count
        bars, total, square = 0.0, 0.0, 0.0
        while left > 0:
            size = 1
            if length > 1.0:
                size = 1 + int(math.log(1.0 - random.random()) / stay)
            size = min(size, left)
            start = int(random.random() * count)
            stop = start + size
            if stop > count:
                bars += sums[count, 0] - sums[start, 0] + sums[stop - count, 0]
                total += sums[count, 1] - sums[start, 1] + sums[stop - count, 1]
                square += sums[count, 2] - sums[start, 2] + sums[stop - count, 2]
            else:
                bars += sums[stop, 0] - sums[start, 0]
                total += sums[stop, 1] - sums[start, 1]
                square += sums[stop, 2] - sums[start, 2]
            left -= size
        ratios[draw] = np.nan
        if bars >= 2.0:
            mean = total / bars
            variance = (square / bars - mean * mean) * bars / (bars - 1.0)
            if variance > _FEWEST:
                ratios[draw] = mean / math.sqrt(variance)
    return ratios


def conditional_sharpe_interval(
    returns: Series,
    inside: NDArray[np.bool_],
    periods_per_year: float = 1.0,
    *,
    level: float = 0.95,
    draws: int = 2000,
    length: float | None = None,
    seed: int = 0,
) -> Interval:
    """Returns the Sharpe ratio of the bars inside, × √periods_per_year, and its percentile interval.

    The whole series is resampled in blocks (stationary bootstrap), each bar with whether it is inside, and the ratio is
    that of the bars inside of each draw. So bars that lay apart never become neighbours in a block, and how many of
    them there are is a matter of luck as well. A draw without two of them, or without variance, is left out.

    The automatic block length is raised to T / 1,000 in long series.

    Args:
        returns: (time,) simple returns.
        inside: (time,) which of them the ratio is of.
        periods_per_year: 1 leaves it per bar.
        level: nominal coverage.
        draws: resampled series.
        length: mean block length; None is automatic.
        seed: of the draws.
    """
    count, factor = len(returns), math.sqrt(periods_per_year)
    length = max(block_length(returns) if length is None else length, count / _MOST_BLOCKS)
    estimate = sharpe(returns[inside]) * factor
    scale = deviation(returns)
    if not scale > 0 or not math.isfinite(estimate):
        return Interval(estimate, math.nan, math.nan, level, length, draws)
    sums = np.zeros((count + 1, 3))
    chosen = np.where(inside, returns / scale, 0.0)
    for column, values in enumerate((inside.astype(np.float64), chosen, chosen * chosen)):
        np.cumsum(values, out=sums[1:, column])
    ratios = _draws(sums, float(length), draws, generator(seed, "bootstrap", "conditional sharpe"))
    ratios = ratios[np.isfinite(ratios)]
    ends = (1.0 - level) / 2.0, (1.0 + level) / 2.0
    low, high = np.quantile(ratios, ends) if len(ratios) else (math.nan, math.nan)
    return Interval(estimate, float(low) * factor, float(high) * factor, level, length, draws)
