"""The curve of the equity, how far it stands below its own best, and its returns by day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]


def wealth(returns: Series) -> Series:
    """Returns (time + 1,) the multiple of the starting equity: 1 before the first bar, then Π(1 + r)."""
    curve = np.empty(len(returns) + 1)
    curve[0] = 1.0
    np.cumprod(1.0 + returns, out=curve[1:])
    return curve


def underwater(curve: Series) -> Series:
    """Returns (time,) the drawdown at each point, 1 − equity / running maximum; within [0, 1] until ruin.

    A NaN in the curve makes every later drawdown NaN.
    """
    return 1.0 - curve / np.maximum.accumulate(curve)


def daily_returns(time: NDArray[np.datetime64], returns: Series) -> tuple[NDArray[np.datetime64], Series]:
    """Returns the days on which a bar begins, UTC, (day,), and the returns of their bars compounded, (day,).

    Args:
        time: (time,) start of each bar, in order.
        returns: (time,) simple returns of the bars.
    """
    days, first = np.unique(time.astype("datetime64[D]"), return_index=True)
    if len(days) == len(time):
        return days, returns
    return days, np.multiply.reduceat(1.0 + returns, first) - 1.0
