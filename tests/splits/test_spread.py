"""Rows that are evenly spread over all rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimen.splits import evenly_spread


@pytest.mark.parametrize(
    ("rows", "most", "places"),
    [(10, 4, [0, 2, 5, 7]), (3, 5, [0, 1, 2]), (3, None, [0, 1, 2]), (5, 1, [0]), (0, 4, []), (4, 0, [])],
)
def test_by_hand(rows: int, most: int | None, places: list[int]) -> None:
    assert evenly_spread(rows, most).tolist() == places


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_gaps_differ_by_one_at_most(rows: int, most: int) -> None:
    places = evenly_spread(rows, most)
    assert len(places) == min(rows, most)
    gaps = np.diff(np.append(places, rows))
    assert gaps.min() >= 1
    assert gaps.max() - gaps.min() <= 1
