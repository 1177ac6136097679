"""How long the blocks of a bootstrap must be to keep the dependence of a series: the automatic rule."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Series = NDArray[np.float64]


@jit
def _autocovariance(centred: Series, lag: int) -> float:
    total = 0.0
    for t in range(lag, len(centred)):
        total += centred[t] * centred[t - lag]
    return total / len(centred)


@jit
def _dependence(centred: Series, run: int, last: int, limit: float) -> tuple[float, float]:
    # Returns Σ λ(k/M)·|k|·R(k) and the spectral density at zero Σ λ(k/M)·R(k), both over k = −M..M.
    covariances = np.empty(last + run + 1)
    covariances[0] = _autocovariance(centred, 0)
    quiet = 0  # how many lags in a row are insignificant
    first_quiet = -1
    lag = 0
    while lag < last:
        lag += 1
        covariances[lag] = _autocovariance(centred, lag)
        quiet = quiet + 1 if abs(covariances[lag]) < limit * covariances[0] else 0
        if quiet == run:
            first_quiet = lag - run + 1
            break
    width = last if first_quiet < 0 else min(2 * first_quiet, last)
    for k in range(lag + 1, width + 1):
        covariances[k] = _autocovariance(centred, k)
    bend, density = 0.0, covariances[0]
    for k in range(1, width + 1):
        share = k / width
        taper = 1.0 if share <= 0.5 else 2.0 * (1.0 - share)
        bend += 2.0 * taper * k * covariances[k]
        density += 2.0 * taper * covariances[k]
    return bend, density


def block_length(series: Series, kind: str = "stationary") -> float:
    """Returns the block length that minimises the error of the bootstrap variance of the mean.

    b = (2·G² / D)^(1/3)·T^(1/3) with the flat-top lag window, D = 2·g(0)² for the stationary and 4/3·g(0)²
    for the circular bootstrap: Politis & White (2004) with the correction of Patton, Politis & White (2009).
    The window spans twice the first of five lags in a row whose autocorrelations lie within ±2·√(log₁₀T / T).
    (The paper's m is the lag before it; ``arch`` takes the first quiet lag itself, which errs towards longer
    blocks, and so do we.) At least 1 and at most min(3·√T, T/3).

    Args:
        series: (time,) the series to resample; NaN is not allowed.
        kind: "stationary" (the mean of the geometric lengths) or "circular" (the fixed length).

    Returns:
        the length in bars; 1 for a constant or for fewer than ten bars.
    """
    count = len(series)
    if count < 10 or not float(np.ptp(series)) > 0:
        return 1.0
    centred = series - np.mean(series)
    run = max(5, math.ceil(math.sqrt(math.log10(count))))
    last = math.ceil(math.sqrt(count)) + run
    bend, density = _dependence(centred, run, min(last, count - 1 - run), 2.0 * math.sqrt(math.log10(count) / count))
    factor = 2.0 if kind == "stationary" else 4.0 / 3.0
    ceiling = math.ceil(min(3.0 * math.sqrt(count), count / 3.0))
    if density == 0:
        return float(ceiling)
    length = (2.0 * bend * bend / (factor * density * density)) ** (1.0 / 3.0) * count ** (1.0 / 3.0)
    return float(min(max(length, 1.0), ceiling))
