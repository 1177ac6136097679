"""Little markets for tests that write their prices themselves, or need none in particular."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from regimen.bars import Bars


def bars_of(
    close: ArrayLike, opens: ArrayLike | None = None, start: str = "2020-01-01", step: str = "1D", **columns: Any
) -> Bars:
    """Returns bars that reach from their open to their close and no further, unless they are told to.

    Args:
        close: (time,) or (time, symbol); NaN where there is no bar.
        opens: the same shape; by default the close before, and the first close for the first bar.
        start: of the first bar.
        step: from bar to bar, such as ``1D`` or ``15m``.
        columns: ``volume``, ``extras``, ``symbols`` (S0, S1, ...), another ``high`` or ``low``: as `Bars.from_arrays`.
    """
    close = np.asarray(close, dtype=np.float64)
    opens = np.concatenate([close[:1], close[:-1]]) if opens is None else np.asarray(opens, dtype=np.float64)
    if close.ndim == 2:
        columns.setdefault("symbols", tuple(f"S{number}" for number in range(close.shape[1])))
    time = np.datetime64(start) + np.arange(len(close)) * np.timedelta64(int(step[:-1]), step[-1])
    prices = {"open": opens, "high": np.fmax(opens, close), "low": np.fmin(opens, close), "close": close}
    return Bars.from_arrays(time, **(prices | columns), checked=False)


def random_walk(count: int, symbols: int = 1, seed: int = 0, drift: float = 0.0, sigma: float = 0.01) -> Bars:
    """Returns daily bars whose simple returns are independent, normal, with this mean and deviation."""
    steps = np.random.default_rng(seed).normal(drift, sigma, (count, symbols))
    return bars_of(100.0 * np.cumprod(1.0 + steps, axis=0), start="2001-01-01")


def two_volatilities(count: int = 2000, symbols: int = 1, seed: int = 0) -> Bars:
    """Returns daily bars without drift; their deviation is .006 and .03, taking turns every 200 days."""
    deviation = np.where(np.arange(count) // 200 % 2 == 1, 0.03, 0.006)
    moves = deviation[:, None] * np.random.default_rng(seed).normal(size=(count, symbols))
    return bars_of(100.0 * np.exp(np.cumsum(moves, axis=0)), start="2001-01-01")
