"""Fronts against pictures that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.errors import DataError
from regimen.metrics import hypervolume, undominated


def test_the_front_is_what_nothing_beats() -> None:
    points = [(0, 3), (1, 2), (1, 1), (2, 2), (3, 0), (2, 2), (3, -1)]
    assert undominated(points).tolist() == [True, False, False, True, True, True, False]
    assert undominated([(1, 1, 1), (1, 1, 2)]).tolist() == [False, True]


def test_the_hypervolume_is_the_area_under_the_staircase() -> None:
    """Oracle: squares counted on paper, in any order, with points beyond the reference."""
    points = [(3, 1), (1, 3), (2, 2), (1, 1), (-1, 9), (9, -1)]
    assert hypervolume(points, (0, 0)) == 6.0
    assert hypervolume(points[::-1], (0, 0)) == 6.0
    assert hypervolume(np.zeros((0, 2)), (0, 0)) == 0.0


@pytest.mark.parametrize("points", [[1.0, 2.0], [[float("nan"), 1.0]]])
def test_what_is_no_table_of_points_is_refused(points: object) -> None:
    with pytest.raises(DataError, match="must be numbers of shape"):
        undominated(points)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="must be of two objectives"):
        hypervolume([[1.0, 2.0, 3.0]], (0.0, 0.0))
