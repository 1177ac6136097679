"""Rewards: plain compiled functions of equity before and after a bar; `regimen.envs.kinds` has their configs.

Every reward covers exactly the change of the account from the close of bar t to the close of bar t+1, after
all costs. ``reward = scale × (kind − drawdown_penalty × deepening − turnover_penalty × turnover)``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit_step

Floats = NDArray[np.float64]


@jit_step
def simple_return(before: float, after: float) -> float:
    """Returns the simple return of a bar, as the ledger has it: −1 in the bar of ruin and 0 after it."""
    if before <= 0.0:
        return 0.0
    if after <= 0.0:
        return -1.0
    return after / before - 1.0


@jit_step
def log_wealth(before: float, after: float, floor: float) -> float:
    """Returns ``ln(max(after, floor) / max(before, floor))``; over an episode it adds up to ln(final/initial).

    Args:
        before, after: equity at two closes, quote currency.
        floor: positive; see `FLOOR`.
    """
    return math.log(max(after, floor) / max(before, floor))


@jit_step
def mean_variance(change: float, risk_aversion: float) -> float:
    """Returns ``R − λ/2·R²``, whose mean is μ − λ/2·(σ² + μ²); Ritter ("Machine Learning for Trading", 2017).

    Ritter subtracts an estimate of the mean inside the square, which for bars is far below σ; here it is 0.
    """
    return change - 0.5 * risk_aversion * change * change


@jit_step
def differential_sharpe(change: float, first: float, second: float, floor: float) -> float:
    """Returns the derivative of the exponential Sharpe ratio in its rate, Moody and Saffell (1998, eq. 6).

    ``D = (B·ΔA − A·ΔB/2) / (B − A²)^(3/2)`` with ``ΔA = R − A``, ``ΔB = R² − B`` and the moments A, B *before*
    this return. Deviation: the variance ``B − A²`` is at least ``floor``, because the first moments of an
    episode are nearly zero and their ratio is noise. The first bar of an episode gives 0.

    Args:
        change: R, the simple return.
        first, second: A and B.
        floor: smallest variance of a bar.
    """
    variance = max(second - first * first, floor)
    return (second * (change - first) - 0.5 * first * (change * change - second)) / (variance * math.sqrt(variance))


@jit_step
def rolling_sharpe(n: int, count: int, ring: Floats) -> float:
    """Returns mean over sample deviation of the last ``bars`` returns, per bar; 0 until there are so many.

    This is the reward of many tutorials, kept for comparison. Do not train with it: a position ten times as
    large earns the same, the first ``bars − 1`` bars of an episode earn nothing, each return is paid
    ``bars`` times, and a flat account divides by zero (here 0).

    Args:
        n: row of ``ring``.
        count: returns written so far, this one included.
        ring: (lane, bars).
    """
    bars = ring.shape[1]
    if count < bars:
        return 0.0
    mean = 0.0
    peak = 0.0
    for k in range(bars):
        mean += ring[n, k]
        peak = max(peak, abs(ring[n, k]))
    mean /= bars
    total = 0.0
    for k in range(bars):
        total += (ring[n, k] - mean) * (ring[n, k] - mean)
    deviation = math.sqrt(total / (bars - 1))
    if deviation <= 1e-14 * peak:  # rounding noise of a constant series
        return 0.0
    return float(mean / deviation)


@jit_step
def deepening(peak: float, before: float, after: float) -> float:
    """Returns by how much the drawdown ``1 − equity/peak`` grew in this bar; 0 when it shrank.

    Args:
        peak: highest equity up to ``before``.
        before, after: equity at two closes.
    """
    return max(0.0, (1.0 - after / max(peak, after)) - (1.0 - before / peak))
