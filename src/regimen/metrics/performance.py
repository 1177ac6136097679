"""Return and risk of a series of per-bar simple returns, each number with its period stated.

Every function takes ``returns``, (time,) float64 simple returns of one bar each (0.01 = 1 %), and is pure. A
NaN in the returns makes the result NaN; nothing is dropped silently. ``periods_per_year`` is the number of bars in
a year, as `regimen.bars` counts them, and is never guessed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

SHORTEST_YEARS = 14 / 365
"""Years below which nothing is compounded to a year: two weeks."""
_FLAT = 1e-14
"""A standard deviation below this share of the largest return is rounding noise of a constant series."""


@dataclass(frozen=True)
class Moments:
    """Four numbers of one series, each equal to the function of that name, from one pass over its values.

    Attributes:
        mean: of one bar.
        deviation: `deviation`.
        skewness, kurtosis: `skewness` and raw `kurtosis`; NaN for a constant or fewer than two bars.
    """

    mean: float
    deviation: float
    skewness: float
    kurtosis: float

    @property
    def sharpe(self) -> float:
        """`sharpe` of one bar."""
        return self.mean / self.deviation if self.deviation > 0 else math.nan


def moments(returns: Series) -> Moments:
    """Returns mean, deviation, skewness and kurtosis together: a third of the time that one by one takes."""
    count = len(returns)
    if count == 0:
        return Moments(math.nan, math.nan, math.nan, math.nan)
    mean = float(np.mean(returns))
    if count < 2:
        return Moments(mean, math.nan, math.nan, math.nan)
    centred = returns - mean
    squared = centred * centred
    total = float(squared.sum())
    value = math.sqrt(total / (count - 1))
    if value <= _FLAT * _largest(returns):
        value = 0.0
    if not value > 0:
        return Moments(mean, value, math.nan, math.nan)
    second = total / count
    np.multiply(squared, centred, out=centred)
    np.multiply(squared, squared, out=squared)
    skew = float(np.mean(centred)) / second**1.5
    return Moments(mean, value, skew, float(np.mean(squared)) / second**2)


def _largest(returns: Series) -> float:
    return max(float(np.max(returns)), -float(np.min(returns)))


def log_growth(returns: Series) -> Series | None:
    """Returns (time,) log(1 + r), for what would each compute it; None where a bar loses everything (r <= −1)."""
    return None if len(returns) and float(np.min(returns)) <= -1.0 else np.log1p(returns)


def total_return(returns: Series, logs: Series | None = None) -> float:
    """Returns the compounded return, Π(1 + r) − 1.

    A bar that loses everything (r <= −1) makes it −1: there is nothing left to compound. No bars give 0; NaN
    beyond the largest number.

    Args:
        returns: (time,) simple returns.
        logs: `log_growth` of them, where that is known already.
    """
    if logs is None and len(returns) and float(np.min(returns)) <= -1.0:
        return -1.0
    with np.errstate(over="ignore"):
        value = float(np.expm1((np.log1p(returns) if logs is None else logs).sum()))
    return value if math.isfinite(value) else math.nan


def annual_return(returns: Series, periods_per_year: float, logs: Series | None = None) -> float:
    """Returns the geometric annual return, (Π(1 + r))^(periods_per_year / T) − 1.

    −1 after ruin. NaN for less than two weeks, whose gain compounded to a year says nothing, and beyond the
    largest number.

    Args:
        returns: (time,) simple returns.
        periods_per_year: bars in a year.
        logs: `log_growth` of the returns, where that is known already.
    """
    if logs is None and len(returns) and float(np.min(returns)) <= -1.0:
        return -1.0
    years = len(returns) / periods_per_year
    if years < SHORTEST_YEARS * (1.0 - 1e-9):
        return math.nan
    with np.errstate(over="ignore"):
        value = float(np.expm1((np.log1p(returns) if logs is None else logs).sum() / years))
    return value if math.isfinite(value) else math.nan


def deviation(returns: Series) -> float:
    """Returns the sample standard deviation of one bar (ddof = 1).

    NaN for fewer than two bars, 0 for a constant.
    """
    if len(returns) < 2:
        return math.nan
    value = float(np.std(returns, ddof=1))
    return 0.0 if value <= _FLAT * _largest(returns) else value


def volatility(returns: Series, periods_per_year: float) -> float:
    """Returns the annual standard deviation, `deviation` × √periods_per_year."""
    return deviation(returns) * math.sqrt(periods_per_year)


def sharpe(returns: Series) -> float:
    """Returns the Sharpe ratio of one bar, mean / standard deviation (ddof = 1), without a risk-free rate.

    NaN when the standard deviation is zero (a series that never moves has no Sharpe ratio) or with fewer than
    two bars.
    """
    spread = deviation(returns)
    if not spread > 0:
        return math.nan
    return float(np.mean(returns)) / spread


def annual_sharpe(returns: Series, periods_per_year: float) -> float:
    """Returns `sharpe` × √periods_per_year; exact for serially uncorrelated returns (Lo 2002)."""
    return sharpe(returns) * math.sqrt(periods_per_year)


def sharpe_standard_error(sharpe_ratio: float, bars: int, skew: float = 0.0, kurtosis: float = 3.0) -> float:
    """Returns the standard error of a per-bar Sharpe ratio, √((1 − γ₃·SR + (γ₄ − 1)/4·SR²) / (T − 1)).

    Independent returns of any distribution (Mertens 2002; the denominator of the PSR in Bailey & López de
    Prado 2012). With autocorrelation it is too small: use `regimen.metrics.sharpe_interval`.
    """
    if bars < 2:
        return math.nan
    inner = 1.0 - skew * sharpe_ratio + (kurtosis - 1.0) / 4.0 * sharpe_ratio * sharpe_ratio
    return math.sqrt(inner / (bars - 1)) if inner > 0 else math.nan


def sortino(returns: Series, periods_per_year: float) -> float:
    """Returns the annual Sortino ratio, mean / √mean(min(r, 0)²) × √periods_per_year, with a target of zero.

    The downside deviation divides by all bars, not by the losing ones (Sortino & van der Meer 1991). NaN when
    no bar lost.
    """
    if len(returns) == 0:
        return math.nan
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if not downside > 0:
        return math.nan
    return float(np.mean(returns)) / downside * math.sqrt(periods_per_year)


def skewness(returns: Series) -> float:
    """Returns m₃ / m₂^1.5 of central moments (population form); NaN for a constant or fewer than two bars."""
    if not deviation(returns) > 0:
        return math.nan
    centred = returns - np.mean(returns)
    squared = centred * centred
    return float(np.mean(squared * centred) / np.mean(squared) ** 1.5)


def kurtosis(returns: Series) -> float:
    """Returns the raw kurtosis m₄ / m₂² (normal = 3, population form).

    NaN for a constant or fewer than two bars.
    """
    if not deviation(returns) > 0:
        return math.nan
    squared = (returns - np.mean(returns)) ** 2
    return float(np.mean(squared * squared) / np.mean(squared) ** 2)


def hit_rate(returns: Series) -> float:
    """Returns the share of gaining bars among the bars that gained or lost; NaN when none did."""
    moved = int(np.count_nonzero(returns))
    return float(np.count_nonzero(returns > 0)) / moved if moved else math.nan


def profit_factor(returns: Series) -> float:
    """Returns the sum of the gains over the sum of the losses (fractions of equity); NaN when no bar lost."""
    losses = -float(np.minimum(returns, 0.0).sum())
    return float(np.maximum(returns, 0.0).sum()) / losses if losses > 0 else math.nan
