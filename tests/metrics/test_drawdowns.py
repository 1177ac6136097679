"""Drawdown against a brute-force twin over all pairs of points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from regimen import metrics


def brute_depth(curve: np.ndarray) -> float:
    return max(1.0 - curve[j] / curve[i] for i in range(len(curve)) for j in range(i, len(curve)))


def brute_longest(curve: np.ndarray) -> int:
    # From each point: how long until it is regained, when the very next bar is below it.
    longest = 0
    for i in range(len(curve) - 1):
        if curve[i] < curve[: i + 1].max() or curve[i + 1] >= curve[i]:
            continue
        j = i + 1
        while j < len(curve) and curve[j] < curve[i]:
            j += 1
        longest = max(longest, min(j, len(curve) - 1) - i)
    return longest


@settings(max_examples=200, deadline=None)
@given(arrays(np.float64, st.integers(1, 30), elements=st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0, 2.5])))
def test_equals_brute_force(curve: np.ndarray) -> None:
    found = metrics.drawdown(curve)
    assert found.depth == pytest.approx(brute_depth(curve), abs=1e-15)
    assert found.longest == brute_longest(curve)
    assert found.depth == 1.0 - curve[found.trough] / curve[found.peak]
    assert found.peak <= found.trough
    if found.recovery is None:
        assert found.depth == 0 or curve[found.trough :].max() < curve[found.peak]
    elif found.depth > 0:
        assert curve[found.recovery] >= curve[found.peak]
        assert (curve[found.trough : found.recovery] < curve[found.peak]).all()


def test_positions_by_hand() -> None:
    found = metrics.drawdown(np.array([1.0, 2.0, 1.5, 1.0, 1.8, 2.0, 1.9, 2.5, 2.4]))
    assert (found.depth, found.peak, found.trough, found.recovery) == (0.5, 1, 3, 5)
    assert (found.bars, found.recovery_bars, found.longest) == (2, 2, 4)


def test_the_first_bar_counts() -> None:
    # A loss in the first bar is a drawdown from the starting equity.
    assert metrics.drawdown(metrics.wealth(np.array([-0.2, 0.1]))).depth == pytest.approx(0.2)


def test_calmar_without_a_drawdown_is_undefined() -> None:
    assert math.isnan(metrics.calmar(0.1, 0.0))
    assert metrics.calmar(0.1, 0.2) == 0.5


def test_underwater_is_never_negative_and_zero_at_peaks() -> None:
    curve = np.array([1.0, 1.2, 0.9, 1.2, 1.3])
    np.testing.assert_allclose(metrics.underwater(curve), [0.0, 0.0, 0.25, 0.0, 0.0], atol=1e-15)
