"""How good forecasts of quantiles are, and whether one forecast is better than another: Diebold and Mariano's test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError

Floats = NDArray[np.float64]


def pinball_losses(quantiles: Floats, y: Floats, levels: Floats) -> Floats:
    """Returns ``max(τ (y − q), (τ − 1)(y − q))`` of each row and level (n, quantile): smallest at the true quantile.

    Args:
        quantiles: (n, quantile), or (quantile,) that are said of every row.
        y: (n,) what came, in the unit of the quantiles.
        levels: (quantile,) τ, inside (0, 1).

    Raises:
        DataError: shapes that do not fit, or a NaN, which would score two forecasts on different rows.
        ConfigError: a level outside (0, 1).

    Source: Koenker and Bassett, Regression quantiles (1978).
    """
    y, levels = np.asarray(y, np.float64), np.asarray(levels, np.float64)
    forecast = np.broadcast_to(np.asarray(quantiles, np.float64), (*y.shape, len(levels)))
    if y.ndim != 1:
        raise DataError("y", "must be (n,)", y.shape)
    if not ((levels > 0.0) & (levels < 1.0)).all():
        raise ConfigError("levels", "must lie inside (0, 1)", levels.tolist())
    if not (np.isfinite(forecast).all() and np.isfinite(y).all()):
        raise DataError("quantiles, y", "must be known: leave out rows with a NaN")
    missed = y[:, None] - forecast
    return np.maximum(levels * missed, (levels - 1.0) * missed)


@dataclass(frozen=True)
class DieboldMariano:
    """Whether two forecasts of the same things are equally good; `diebold_mariano` makes one.

    Attributes:
        mean: of the losses of ours less those of theirs: below 0 ours is better.
        error: its standard error, robust to autocorrelation; NaN where nothing is repeated.
        statistic: their ratio, corrected for few rows; NaN where there is no error.
        p: how often chance alone is as far from 0, on either side, where both are equally good.
        lags: autocovariances that count.
        rows: behind it.
    """

    mean: float
    error: float
    statistic: float
    p: float
    lags: int
    rows: int


def diebold_mariano(ours: Floats, theirs: Floats, horizon: int = 1) -> DieboldMariano:
    """Tests whether two series of losses have the same mean.

    Losses of forecasts ``horizon`` steps ahead overlap, so their differences d_t are correlated up to ``horizon − 1``
    steps. The variance of the mean is ``Σ_k w_k γ_k / n``: the autocovariances up to ``horizon − 1`` count whole, later
    ones less and less over ``horizon + n^⅓`` more steps (a flat-top kernel, Politis and Romano 1995), because
    volatility that clusters correlates losses beyond the overlap. Where that sum is not positive, Bartlett's weights
    take its place, whose sum is. The statistic has Harvey, Leybourne and Newbold's correction, and Student's t with
    n − 1.

    Args:
        ours, theirs: (n,) losses in time, of the same rows.
        horizon: steps that a forecast reaches ahead, in rows.

    Returns:
        A mean of 0 with p = 1 where no two losses differ.

    Raises:
        DataError: shapes that differ, or a NaN.
        ConfigError: a horizon below 1, or not fewer than the rows.

    Source: Diebold and Mariano, Comparing predictive accuracy (1995); Harvey, Leybourne and Newbold (1997).
    """
    from scipy.special import stdtr

    first, second = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise DataError("theirs", f"must be (n,) as ours, {first.shape}", second.shape)
    d = first - second
    if not np.isfinite(d).all():
        raise DataError("losses", "must be known: leave out rows with a NaN")
    rows = len(d)
    if not 1 <= horizon < rows:
        raise ConfigError("horizon", f"must be at least 1, and fewer than the {rows} rows", horizon)
    flat = horizon - 1
    fading = min(horizon + int(rows ** (1 / 3)), rows - 1 - flat)
    mean = float(d.mean())
    if not d.any():
        return DieboldMariano(0.0, 0.0, math.nan, 1.0, flat + fading, rows)
    gammas = _autocovariances(d - mean, flat + fading)
    weights = np.minimum(1.0, 1.0 - (np.arange(1, flat + fading + 1) - flat) / (fading + 1.0))
    variance = gammas[0] + 2.0 * float(weights @ gammas[1:])
    if not variance > 1e-12 * gammas[0]:
        weights = 1.0 - np.arange(1, flat + fading + 1) / (flat + fading + 1.0)
        variance = gammas[0] + 2.0 * float(weights @ gammas[1:])
    if not variance > 1e-30 * mean * mean:  # all differ by the same
        return DieboldMariano(mean, math.nan, math.nan, math.nan, flat + fading, rows)
    error = math.sqrt(variance / rows)
    few = math.sqrt(max((rows + 1 - 2 * horizon + horizon * (horizon - 1) / rows) / rows, 1.0 / rows))
    statistic = few * mean / error
    return DieboldMariano(mean, error, statistic, 2.0 * float(stdtr(rows - 1, -abs(statistic))), flat + fading, rows)


def _autocovariances(centred: Floats, lags: int) -> Floats:
    """Returns γ_0 to γ_lags, each a sum over all pairs divided by n."""
    n = len(centred)
    return np.array([float(centred[k:] @ centred[: n - k]) / n for k in range(lags + 1)])
