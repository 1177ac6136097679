"""What is left of orders on their way when only reductions may pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def reductions(due: Floats, exposures: Floats) -> Floats:
    """Returns the part of targets that only makes positions smaller; NaN where nothing of one is.

    Each target is brought between 0 and what is in force before it: the exposure, or the target before that is left.
    One that changes nothing by then is taken back.

    Args:
        due: (order, symbol) targets that have not fallen due, the oldest first; NaN keeps.
        exposures: (symbol,) signed fractions of the equity.
    """
    left, bound = np.full_like(due, np.nan), exposures
    for k, targets in enumerate(due):
        wishes = np.where(np.isnan(targets), bound, targets)
        long = np.minimum(np.maximum(wishes, 0.0), bound)
        short = np.maximum(np.minimum(wishes, 0.0), bound)
        reduced = np.where(bound > 0.0, long, short)
        left[k] = np.where(reduced != bound, reduced, np.nan)
        bound = reduced
    return left
