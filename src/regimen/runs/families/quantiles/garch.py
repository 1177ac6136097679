"""GARCH(1,1) as a forecast to be beaten: the deviation of the return some bars ahead, fitted on a training slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def garch_deviations(returns: Floats, train: slice, horizons: Sequence[int]) -> Floats:
    """Returns the deviation of the sum of the next k returns, by a GARCH(1,1) with normal innovations and mean 0.

    Its three numbers are those of the highest likelihood on the training slice (by `arch`); they stay as they are
    behind it, where the variance goes on with what comes. Timing: row t knows the returns up to t.

    Args:
        returns: (time,) log returns; the first, that of no bar before, counts as 0.
        train: of the positions that it is fitted on.
        horizons: k of each column.

    Returns:
        (time, horizon), NaN before the slice.

    Source: Bollerslev (1986); σ²_{t+1} = ω + α r²_t + β σ²_t, and E_t σ²_{t+i+1} = ω + (α + β) E_t σ²_{t+i}.
    """
    from arch import arch_model

    unit = float(np.sqrt(np.mean(returns[train] ** 2)))
    z = returns / unit
    fitted = arch_model(z[train], mean="Zero", vol="GARCH", p=1, q=1, dist="normal", rescale=False).fit(
        disp="off", show_warning=False
    )
    omega, alpha, beta = (float(fitted.params[name]) for name in ("omega", "alpha[1]", "beta[1]"))
    begin = int(train.start)
    variance, next_ = np.full(len(z), np.nan), 1.0
    for t in range(begin, len(z)):
        next_ = omega + alpha * z[t] * z[t] + beta * next_
        variance[t] = next_
    kept = alpha + beta
    out = np.empty((len(z), len(horizons)))
    for column, bars in enumerate(horizons):
        powers = kept ** np.arange(bars)
        ahead = powers.sum() * variance + omega * np.cumsum(powers[:-1]).sum()
        out[:, column] = np.sqrt(ahead) * unit
    return out
