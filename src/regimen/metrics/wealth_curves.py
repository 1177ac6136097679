"""The curve of the equity, and how far it stands below its own best."""

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
