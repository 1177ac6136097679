"""The paired difference against a paired t-test, by hand, and its coverage where runs and tasks are luck."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from regimen import metrics
from regimen.errors import ConfigError


@pytest.mark.parametrize("shape", [(8,), (8, 1), (1, 8)])
def test_one_way_it_is_the_paired_t_test(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(0.4, 1.0, shape), rng.normal(0.0, 1.0, shape)
    pair = metrics.paired_difference(ours, theirs, level=0.99)
    twin = stats.ttest_rel(ours.ravel(), theirs.ravel())
    low, high = twin.confidence_interval(0.99)
    assert (pair.mean, pair.p) == pytest.approx((np.mean(ours - theirs), twin.pvalue), rel=1e-9)
    assert (pair.low, pair.high) == pytest.approx((low, high), rel=1e-9)


def test_two_ways_by_hand() -> None:
    # d = [[1, 3], [5, 11]]: mean 5; runs −3, 3: MS 36; tasks −2, 2: MS 16; rest 1, −1, −1, 1: MS 4
    pair = metrics.paired_difference(np.array([[1.0, 3.0], [5.0, 11.0]]), np.zeros((2, 2)))
    assert (pair.mean, pair.error) == pytest.approx((5.0, math.sqrt((36 + 16 - 4) / 4)))
    assert pair.high - pair.mean == pytest.approx(stats.t.ppf(0.975, 1) * pair.error)
    # a rest that is larger than the tasks, d = [[1, −1], [1, 3]]: never below what one way alone gives
    alone = metrics.paired_difference(np.array([[1.0, -1.0], [1.0, 3.0]]), np.zeros((2, 2)))
    assert alone.error == pytest.approx(math.sqrt(4 / 4))


@pytest.mark.parametrize(("of_runs", "of_tasks", "rest"), [(1.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.3)])
def test_it_covers_what_is_true(of_runs: float, of_tasks: float, rest: float) -> None:
    rng = np.random.default_rng(7)
    missed = 0
    for _ in range(1000):
        table = 0.7 + of_runs * rng.normal(size=(8, 1)) + of_tasks * rng.normal(size=(1, 12))
        pair = metrics.paired_difference(table + rest * rng.normal(size=(8, 12)), np.zeros((8, 12)))
        missed += not pair.low <= 0.7 <= pair.high
    assert missed <= 65  # 5 % and two standard errors


def test_pairs_that_never_differ_differ_by_nothing() -> None:
    same = np.random.default_rng(0).normal(size=(4, 3))
    pair = metrics.paired_difference(same, same)
    assert (pair.mean, pair.low, pair.high, pair.error, pair.p) == (0.0, 0.0, 0.0, 0.0, 1.0)


def test_what_does_not_vary_or_is_not_known_has_no_interval() -> None:
    ones = np.ones((3, 2))
    for ours in (ones, np.array([[2.0]])):
        pair = metrics.paired_difference(ours, np.zeros_like(ours))
        assert pair.mean == ours.mean()
        assert math.isnan(pair.low)
        assert math.isnan(pair.p)
    ones[0, 0] = math.nan
    assert math.isnan(metrics.paired_difference(ones, np.zeros((3, 2))).mean)
    assert math.isnan(metrics.paired_difference(np.empty((0, 2)), np.empty((0, 2))).mean)


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match=r"theirs: must have the shape of ours, \(2, 2\); got \(2, 3\)"):
        metrics.paired_difference(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(ConfigError, match="level: must lie between 0 and 1; got 1"):
        metrics.paired_difference(np.ones(2), np.ones(2), level=1.0)
