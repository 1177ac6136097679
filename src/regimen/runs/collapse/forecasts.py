"""What columns foretell, and what is left of it after costs: ridge regressions walked forward, at several horizons."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HORIZONS = (1, 4, 16, 64)
"""Bars ahead that are foretold."""
SURE = 3.0
"""Standard errors above zero from which something is there: below 5 % by chance over all horizons."""
_FOLDS = 4
_BATCHES = 24
_PENALTY = 0.01
"""Of a ridge on standardised columns, as a share of the rows."""
_ROUNDING = 1e-12
_FAR = 5.0
_LEAST = 200


@dataclass(frozen=True)
class ForecastWorth:
    """What a rule earns that trades on a forecast, on rows after those that the forecast was fitted on.

    All returns are log returns of a bar. They are of the rule's *timing*: what a constant position earns on the same
    bars is taken off, so that a market which only rises foretells nothing.

    Attributes:
        horizon: bars ahead that were foretold.
        correlation: of forecast and return.
        gross, gross_error: of following the sign of the forecast, without costs.
        net, net_error: after costs, of changing sides where the forecast exceeds the cost of doing so.
        turnover: traded each bar by the second rule, in units of equity.
        break_even: cost of one trade, a fraction of what is traded, up to which the second rule earns something.
        rows: that were foretold.
    """

    horizon: int
    correlation: float
    gross: float
    gross_error: float
    net: float
    net_error: float
    turnover: float
    break_even: float
    rows: int

    @property
    def foretells(self) -> bool:
        """Whether something is foretold, whatever it costs to use it."""
        return self.gross > SURE * self.gross_error + _ROUNDING

    @property
    def earns(self) -> bool:
        """Whether something is left after costs."""
        return self.net > SURE * self.net_error + _ROUNDING


def forecasts(
    columns: Floats, returns: Floats, cost: float, short: bool = True, horizons: Sequence[int] = HORIZONS
) -> tuple[ForecastWorth, ...]:
    """Returns one forecast for each horizon that the rows are long enough for.

    The rows are cut into parts in time. Each part but the first is foretold by a ridge that was fitted on all before
    it, less the last rows, whose returns reach into the part.

    *Timing:* row t of the columns is known at the close of bar t, and row t of the returns is what a position earns
    that was decided there.

    Args:
        columns: (time, symbol, column); rows that are not finite are left out.
        returns: (time, symbol) log return of the position decided at t; NaN where there is none.
        cost: of one trade, as a fraction of what is traded.
        short: whether positions below zero may be held.
        horizons: bars ahead.
    """
    known = np.isfinite(columns).all(axis=2) & np.isfinite(returns)
    filled = np.where(known[..., None], columns, 0.0)
    every = []
    for horizon in horizons:
        if len(returns) >= max(_LEAST, 12 * horizon):
            ahead = _ahead(returns, horizon)
            foretold = _walked(filled, np.where(known, ahead, np.nan), known, horizon)
            if np.isfinite(foretold).sum() >= _LEAST // 2:
                every.append(_worth(foretold, ahead, returns, cost, short, horizon))
    return tuple(every)


def best_of(every: Sequence[ForecastWorth]) -> ForecastWorth | None:
    """Returns the forecast whose net return is furthest above zero, in its own errors; None where there is none."""
    return max(every, key=lambda each: each.net / (each.net_error or math.inf), default=None)


def _ahead(returns: Floats, horizon: int) -> Floats:
    """Returns the sums (time, symbol) of the next ``horizon`` returns; NaN at the end."""
    total = np.vstack([np.zeros((1, returns.shape[1])), np.nan_to_num(returns).cumsum(axis=0)])
    out = np.full(returns.shape, np.nan)
    out[: len(returns) - horizon + 1] = total[horizon:] - total[:-horizon]
    return out


def _walked(columns: Floats, ahead: Floats, known: NDArray[np.bool_], horizon: int) -> Floats:
    """Returns what is foretold (time, symbol); NaN in the first part and where a row is not known."""
    out = np.full(ahead.shape, np.nan)
    edges = np.linspace(len(ahead) // 3, len(ahead), _FOLDS + 1).astype(int)
    for first, stop in pairwise(edges.tolist()):
        learned = known[: first - horizon] & np.isfinite(ahead[: first - horizon])
        if learned.sum() < max(2 * columns.shape[2], _LEAST // 4):
            continue
        x, y = columns[: first - horizon][learned], ahead[: first - horizon][learned]
        foretell = _ridge(x, y)
        part = known[first:stop]
        out[first:stop][part] = foretell(columns[first:stop][part])
    return out


def _ridge(x: Floats, y: Floats) -> Callable[[Floats], Floats]:
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation = np.where(deviation > 1e-12 * (np.abs(mean) + 1e-12), deviation, np.inf)
    level, spread = y.mean(), y.std()

    def scaled(rows: Floats) -> Floats:
        return np.asarray(np.clip((rows - mean) / deviation, -_FAR, _FAR))

    z = scaled(x)
    target = np.clip(y - level, -_FAR * spread, _FAR * spread)
    weights = np.linalg.solve(z.T @ z + _PENALTY * len(z) * np.eye(z.shape[1]), z.T @ target)

    def foretell(rows: Floats) -> Floats:
        return np.asarray(scaled(rows) @ weights)

    return foretell


def _worth(foretold: Floats, ahead: Floats, returns: Floats, cost: float, short: bool, horizon: int) -> ForecastWorth:
    rows = np.isfinite(foretold) & np.isfinite(returns)
    both = rows & np.isfinite(ahead)
    varied = foretold[both].std() > _ROUNDING and ahead[both].std() > _ROUNDING
    pair = np.corrcoef(foretold[both], ahead[both]) if varied else np.zeros((2, 2))
    timing = np.where(rows, returns - np.nanmean(np.where(rows, returns, np.nan)), 0.0)
    gross, _ = _traded(foretold, timing, 0.0, 0.0, short)
    net, turnover = _traded(foretold, timing, cost, cost, short)
    began = int(rows.any(axis=1).argmax())
    gross_mean, gross_error = _mean(gross[began:])
    net_mean, net_error = _mean(net[began:])
    return ForecastWorth(
        horizon=horizon,
        correlation=float(pair[0, 1]),
        gross=gross_mean,
        gross_error=gross_error,
        net=net_mean,
        net_error=net_error,
        turnover=float(turnover[began:].mean()),
        break_even=_break_even(foretold, timing, began, short),
        rows=int(rows.sum()),
    )


def _traded(foretold: Floats, timing: Floats, band: float, cost: float, short: bool) -> tuple[Floats, Floats]:
    """Returns net returns and turnover (time,), means over the symbols, of changing sides beyond a band."""
    wanted = np.where(np.abs(foretold) > band, np.sign(foretold), np.nan)
    wanted[0] = np.where(np.isfinite(wanted[0]), wanted[0], 0.0)
    last = np.maximum.accumulate(np.where(np.isfinite(wanted), np.arange(len(wanted))[:, None], 0), axis=0)
    held_on = np.take_along_axis(wanted, last, axis=0)
    positions = held_on if short else np.maximum(held_on, 0.0)
    traded = np.abs(np.diff(positions, axis=0, prepend=0.0))
    return (positions * timing - cost * traded).mean(axis=1), traded.mean(axis=1)


def _break_even(foretold: Floats, timing: Floats, began: int, short: bool) -> float:
    """Returns the highest of some costs up to which the rule that knows it earns something; 0 where none does."""
    unit = float(timing[began:].std())
    best = 0.0
    for cost in unit * np.geomspace(1e-3, 4.0, 25):
        net, turnover = _traded(foretold, timing, cost, cost, short)
        if net[began:].mean() <= 0.0 or turnover[began:].sum() == 0.0:
            break
        best = float(cost)
    return best


def _mean(values: Floats) -> tuple[float, float]:
    """Returns the mean of a series and its standard error, from the means of batches."""
    size = len(values) // _BATCHES
    if size == 0:
        return float(values.mean()), math.inf
    batches = values[len(values) - size * _BATCHES :].reshape(_BATCHES, size).mean(axis=1)
    return float(values.mean()), float(batches.std(ddof=1)) / math.sqrt(_BATCHES)
