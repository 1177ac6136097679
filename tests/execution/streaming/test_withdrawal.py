"""Only what makes a position smaller is left of orders on their way: against scalar code that walks them one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimen.execution import reductions

LEVELS = st.sampled_from([-0.8, -0.5, -0.2, 0.0, 0.2, 0.5, 0.8, math.nan])


@pytest.mark.parametrize(
    ("exposure", "due", "left"),
    [
        (0.5, [0.3], [0.3]),
        (0.5, [0.8], [math.nan]),
        (0.5, [-0.5], [0.0]),  # of a flip the half that closes
        (-0.5, [0.5], [0.0]),
        (0.0, [0.4], [math.nan]),
        (0.5, [0.3, 0.4, 0.1], [0.3, math.nan, 0.1]),  # .4 behind .3 is new risk
        (0.5, [math.nan, 0.2], [math.nan, 0.2]),
        (-0.5, [0.0, -0.3], [0.0, math.nan]),
    ],
)
def test_only_what_reduces_is_left(exposure: float, due: list[float], left: list[float]) -> None:
    rows = reductions(np.array(due)[:, None], np.array([exposure]))
    np.testing.assert_array_equal(rows[:, 0], left)


@given(LEVELS.filter(math.isfinite), st.lists(LEVELS, min_size=1, max_size=4))
def test_exposures_only_shrink_and_end_as_near_to_the_last_target_as_they_may(
    exposure: float, due: list[float]
) -> None:
    left = reductions(np.array(due)[:, None], np.array([exposure]))[:, 0]
    now = exposure
    for wish, target in zip(due, left.tolist(), strict=True):
        if not math.isnan(target):
            assert abs(target) < abs(now)
            assert target * now >= 0.0
            now = target
        if not math.isnan(wish):
            sign = math.copysign(1.0, exposure)
            assert now * sign <= max(wish * sign, 0.0)  # no more is in force than the target asks for
    np.testing.assert_array_equal(reductions(left[:, None], np.array([exposure]))[:, 0], left)
