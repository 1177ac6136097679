"""Fronts of several objectives: which points no other beats in all of them, and how much they dominate together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.errors import DataError


def undominated(points: ArrayLike) -> NDArray[np.bool_]:
    """Returns which points (point,) no other point is at least as good as in every objective and better in one.

    Points that are equal stand or fall together.

    Args:
        points: (point, objective), more is better.

    Raises:
        DataError: another shape, or a number that is NaN.
    """
    rows = _checked(points)
    as_good = np.all(rows[None] >= rows[:, None], axis=2)
    better = np.any(rows[None] > rows[:, None], axis=2)
    return np.asarray(~np.any(as_good & better, axis=1))


def hypervolume(points: ArrayLike, reference: Sequence[float]) -> float:
    """Returns the area that points of two objectives dominate above a reference point.

    Args:
        points: (point, 2), more is better; what is not above the reference in both counts nothing.
        reference: (2,).

    Raises:
        DataError: another shape, or a number that is NaN.

    Source: Zitzler and Thiele 1999.
    """
    rows, (low, floor) = _checked(points), reference
    if rows.shape[1] != 2:
        raise DataError("points", "must be of two objectives", rows.shape)
    area, top = 0.0, floor
    for first, second in rows[np.lexsort((-rows[:, 1], -rows[:, 0]))]:
        if first > low and second > top:
            area += (first - low) * (second - top)
            top = second
    return float(area)


def _checked(points: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(points, np.float64)
    if rows.ndim != 2 or np.isnan(rows).any():
        raise DataError("points", "must be numbers of shape (point, objective)", rows.shape)
    return rows
