"""What trading cost: turnover, exposure, cost drag, and the cost at which the profit is gone.

Timing: element ``t`` of each array belongs to bar ``t``; turnover is traded notional over the equity at the
open of the bar, costs are money paid in the bar.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

_BASIS_POINT = 1e-4


def annual_turnover(turnover: Series, periods_per_year: float) -> float:
    """Returns the traded notional of a year in multiples of equity; buys and sells both count."""
    return float(np.mean(turnover)) * periods_per_year if len(turnover) else math.nan


def gross_exposure(exposure: Series) -> float:
    """Returns the mean over time of Σ|exposure| over symbols.

    Args:
        exposure: (time, symbol) signed fractions of equity held after each bar; NaN (no bar) counts as
            nothing held.
    """
    if len(exposure) == 0:
        return math.nan
    sizes = np.abs(exposure)
    # A sum over an axis of one element is ten times slower than none, and so is looking for NaN where none is.
    gross = sizes[:, 0] if sizes.shape[1] == 1 else sizes.sum(axis=1)
    mean = float(gross.mean())
    return float(np.nansum(sizes, axis=1).mean()) if math.isnan(mean) else mean


def cost_drag(costs: Series, equity_before: Series, periods_per_year: float) -> float:
    """Returns the mean over bars of cost / equity at the start of the bar, × periods_per_year.

    It is the annual (arithmetic) return that the cost took. Bars without equity count as zero.
    """
    if len(costs) == 0:
        return math.nan
    if not costs.any():
        return 0.0
    return float(_shares(costs, equity_before).mean()) * periods_per_year


def _shares(costs: Series, equity_before: Series) -> Series:
    """Returns cost / equity, 0 where there is no equity."""
    if float(equity_before.min()) > 0:
        return costs / equity_before
    return np.divide(costs, equity_before, out=np.zeros_like(costs), where=equity_before > 0)


def cost_per_trade_bps(costs: Series, equity_before: Series, turnover: Series) -> float:
    """Returns Σ(cost / equity) / Σ turnover in basis points of traded notional; NaN without a trade."""
    traded = float(turnover.sum())
    if not traded > 0:
        return math.nan
    return float(_shares(costs, equity_before).sum()) / traded / _BASIS_POINT


def break_even_bps(returns: Series, turnover: Series, logs: Series | None = None) -> float:
    """Solves Π(1 + r_t − c·turnover_t) = 1 for the extra proportional cost c.

    ``returns`` are net of the costs already paid, so c is what could be paid on top before the net return is
    nothing; it is negative when the net return is. To first order c = Σ log(1 + r) / Σ turnover. Holding
    costs and the trades themselves are taken as they were.

    Args:
        returns, turnover: (time,) each.
        logs: `regimen.metrics.log_growth` of the returns, where that is known already.

    Returns:
        basis points; NaN without any trade, or when a bar lost everything.
    """
    traded = turnover > 0
    if not traded.any() or not np.isfinite(returns).all() or float(returns.min()) <= -1.0:
        return math.nan
    wealth, tau = 1.0 + returns[traded], turnover[traded]
    still = float((np.log1p(returns[~traded]) if logs is None else logs[~traded]).sum())
    # Σ log(w − cτ) is concave and falls in c: right of the root Newton never crosses it. A bracket guards.
    ceiling = float(np.min(wealth / tau))
    first = (still + float(np.log(wealth).sum())) / float(tau.sum())
    low, high = -math.inf, ceiling
    cost = min(first, ceiling * 0.5) if ceiling > 0 else first
    for _ in range(200):
        left = wealth - cost * tau
        excess = still + float(np.log(left).sum())
        if excess > 0:
            low = cost
        else:
            high = cost
        step = cost + excess / float((tau / left).sum())
        if not low < step < high:
            step = 0.5 * (low + high) if math.isfinite(low) else cost - 2.0 * abs(cost) - _BASIS_POINT
        if abs(step - cost) <= 1e-15 + 1e-12 * abs(cost):
            return step / _BASIS_POINT
        cost = step
    return cost / _BASIS_POINT
