"""Some of many rows, where all of them would take too long."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly_spread(rows: int, most: int | None) -> NDArray[np.int64]:
    """Returns the positions of at most so many rows, evenly spread over all of them, the first row among them.

    Args:
        rows: that there are.
        most: rows that are wanted; None: all.

    Returns:
        Ascending; each position once.
    """
    count = rows if most is None else min(rows, most)
    return np.arange(count, dtype=np.int64) * rows // max(count, 1)
