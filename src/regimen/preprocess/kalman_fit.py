"""What a Kalman filter assumes of each column, by maximum likelihood on a training slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from regimen.preprocess.fitted import Values, require_columns, require_training, whole_rows
from regimen.preprocess.kalman import KalmanFilter, innovations, stationary
from regimen.splits import Slice

_SPREADS: Final = (0.05, 0.1, 0.2)
"""Standard deviations of the coefficients that are tried besides 0."""
_TIGHT: Final = {"ftol": 1e-12, "gtol": 1e-8}
_SHARES: Final = (0.3, 0.9)
"""Shares of signal that the search begins from."""


def fit_kalman(
    values: Values, part: Slice, names: Sequence[str], columns: Sequence[str] | None, keep: float, rows: int
) -> KalmanFilter:
    """Returns the filter of the training slice.

    A column gets noise, and coefficients that drift, only where the Bayesian information criterion asks for them: it
    passes as it is where its own past cannot tell signal from noise, as that of white noise cannot.

    Args:
        values: (time, symbol, feature) the whole series; only the newest usable rows of the slice are read.
        part: a slice of role ``train``.
        names: the feature columns.
        columns: that are filtered; None: all.
        keep: share of a coefficient's departure that stays from row to row.
        rows: most rows that are read, over all symbols.

    Raises:
        SplitError: anything but a training slice, or names that do not match the columns.
        ConfigError: a column that there is not.
    """
    require_training("preprocess: kalman", values, part, names)
    require_columns("preprocess.kalman.columns", columns or (), names)
    seen, starts = _newest(values, part, rows)
    table = np.tile([0.0, 1.0, 0.0, 0.0, keep, 1.0, 0.0, 0.0], (len(names), 1))
    for place, name in enumerate(names):
        column = seen[:, place]
        if columns is not None and name not in columns:
            continue
        mean, scale = (float(column.mean()), float(column.std())) if len(column) else (0.0, 0.0)
        if scale > 1e-12 * max(abs(mean), 1e-300):
            table[place] = [mean, scale, *_likeliest((column - mean) / scale, starts, keep)]
    return KalmanFilter(tuple(names), table)


def _newest(values: Values, part: Slice, rows: int) -> tuple[Values, NDArray[np.bool_]]:
    """Returns the newest whole usable rows (row, feature), one symbol after the other, and where each begins."""
    each = -(-rows // max(1, part.usable.shape[1]))
    series = [symbol[-each:] for symbol in whole_rows(values, part)]
    starts = np.zeros(sum(map(len, series)), dtype=np.bool_)
    starts[np.cumsum([0, *map(len, series)])[:-1][[len(one) > 0 for one in series]]] = True
    return np.concatenate(series), starts


def _likeliest(seen: Values, starts: NDArray[np.bool_], keep: float) -> Values:
    """Returns the parameters of `stationary` with the best criterion for a standardised column."""
    from scipy.optimize import minimize

    def loss(unbounded: Values, spread: float) -> float:
        partial = np.tanh(unbounded[:2])
        share = 1.0 / (1.0 + np.exp(-unbounded[2])) if len(unbounded) > 2 else 1.0
        _, apart, variance = innovations(seen, starts, stationary(partial, share, spread, keep))
        value = 0.5 * float((np.log(variance) + apart * apart / variance).mean())
        return value if np.isfinite(value) else 1e300

    def best(begin: Sequence[float] | Values) -> tuple[float, Values]:
        limits = [(-4.0, 4.0)] * 2 + [(-6.0, 6.0)] * (len(begin) - 2)
        result = minimize(loss, np.array(begin), (0.0,), method="L-BFGS-B", bounds=limits, options=_TIGHT)
        return float(result.fun), np.asarray(result.x)

    price = 0.5 * np.log(len(seen)) / len(seen)  # of one more parameter, in the units of the loss
    plain, _ = best(np.arctanh(_partial(seen, starts, 1.0)))
    begins = ([*np.arctanh(_partial(seen, starts, share)), np.log(share / (1.0 - share))] for share in _SHARES)
    noisy, where = min(map(best, begins), key=lambda pair: pair[0])
    if noisy + price >= plain:
        return np.array([0.0, 0.0, keep, 1.0, 0.0, 0.0])
    losses = {spread: loss(where, spread) + (price if spread else 0.0) for spread in (0.0, *_SPREADS)}
    spread = min(losses, key=lambda each: losses[each])
    return stationary(np.tanh(where[:2]), float(1.0 / (1.0 + np.exp(-where[2]))), spread, keep)


def _partial(seen: Values, starts: NDArray[np.bool_], share: float) -> tuple[float, float]:
    """Returns a signal's two partial autocorrelations if it is that share of a standardised column."""
    one, two = ~starts[1:], ~starts[2:] & ~starts[1:-1]
    near = float(np.clip((seen[1:] * seen[:-1])[one].mean() / share, -0.9, 0.9)) if one.any() else 0.0
    far = float(np.clip((seen[2:] * seen[:-2])[two].mean() / share, -1.0, 1.0)) if two.any() else 0.0
    return near, float(np.clip((far - near * near) / (1.0 - near * near), -0.9, 0.9))
