"""The deepest fall of a series of closes: how deep, how long, how rough."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Fall(NamedTuple):
    """From a peak to the lowest point after it, by closes.

    Attributes:
        peak, trough: positions in the series.
        drawdown: the fall as a share of the peak.
        volatility: standard deviation of the log returns between the two, per step.
        rebound: share of the log fall that the close regains in as many steps after the trough; NaN where the series
            ends earlier.
    """

    peak: int
    trough: int
    drawdown: float
    volatility: float
    rebound: float

    @property
    def steps(self) -> int:
        """From the peak to the trough."""
        return self.trough - self.peak


def deepest_fall(close: Floats, until: int | None = None) -> Fall:
    """Finds the deepest fall of a series; the first of equal ones.

    Args:
        close: (time,) positive.
        until: the trough lies before this position; what follows is read for the rebound alone.
    """
    x = np.log(close)
    within = x[:until]
    trough = int((np.maximum.accumulate(within) - within).argmax())
    peak = trough - int(within[trough::-1].argmax())  # the last point at the peak
    depth, steps = float(x[peak] - x[trough]), trough - peak
    returns = np.diff(x[peak : trough + 1])
    whole = steps > 0 and trough + steps < len(x)
    return Fall(
        peak,
        trough,
        -np.expm1(-depth),
        float(returns.std()) if steps else 0.0,
        float(x[trough + steps] - x[trough]) / depth if whole else np.nan,
    )


class PriceJumps(NamedTuple):
    """Returns that are many times as large as the usual ones, told from the rest.

    Attributes:
        rate: their share of all steps.
        mean, deviation: of their size.
        quiet: standard deviation of the other returns.
    """

    rate: float
    mean: float
    deviation: float
    quiet: float


def jumps_of(returns: Floats, multiple: float = 4.0) -> PriceJumps:
    """Tells jumps from the rest: what is further from the median than a multiple of the robust deviation.

    Args:
        returns: (time,) log returns.
        multiple: of 1.4826 times the median absolute deviation.
    """
    apart = returns - np.median(returns)
    jump = np.abs(apart) > multiple * 1.4826 * np.median(np.abs(apart))
    if not jump.any():
        return PriceJumps(0.0, 0.0, 0.0, float(returns.std()))
    sizes = returns[jump]
    return PriceJumps(float(jump.mean()), float(sizes.mean()), float(sizes.std()), float(returns[~jump].std()))
