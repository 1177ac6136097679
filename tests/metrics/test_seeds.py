"""The interquartile mean against trimmed means, its interval against a slow twin, improvement against Mann–Whitney."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regimen import metrics
from regimen.errors import ConfigError


def test_weights_by_hand() -> None:
    assert metrics.iqm(np.array([7.0])) == 7.0
    assert metrics.iqm(np.array([1.0, 4.0])) == 2.5
    assert metrics.iqm(np.array([9.0, 1.0, 2.0])) == pytest.approx((0.25 * 1 + 2 + 0.25 * 9) / 1.5)
    assert metrics.iqm(np.array([100.0, 1.0, 2.0, 3.0, -50.0])) == pytest.approx((0.75 * 1 + 2 + 0.75 * 3) / 2.5)


@pytest.mark.parametrize("count", [4, 8, 20, 100])
def test_it_is_the_trimmed_mean_where_quarters_are_whole(count: int) -> None:
    scores = np.random.default_rng(count).standard_cauchy(count)
    assert metrics.iqm(scores) == pytest.approx(stats.trim_mean(scores, 0.25), rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_any_number_of_scores_is_four_copies_of_each_trimmed(scores: list[float]) -> None:
    # Four copies have the same distribution, and their quarters are whole.
    values = np.array(scores)
    assert metrics.iqm(values) == pytest.approx(stats.trim_mean(np.repeat(values, 4), 0.25), rel=1e-9, abs=1e-9)


def test_tasks_are_pooled_and_what_is_undefined_is_nan() -> None:
    table = np.random.default_rng(0).normal(size=(6, 4))
    assert metrics.iqm(table) == pytest.approx(stats.trim_mean(table, 0.25, axis=None), rel=1e-12)
    assert math.isnan(metrics.iqm(np.array([])))
    assert math.isnan(metrics.iqm(np.array([1.0, math.nan])))
    assert math.isnan(metrics.iqm_interval(np.array([1.0, math.nan])).low)
    assert math.isnan(metrics.iqm_interval(np.array([])).estimate)


def test_the_interval_agrees_with_a_slow_twin() -> None:
    scores = np.random.default_rng(3).normal(1.0, 0.5, (10, 2))
    found = metrics.iqm_interval(scores, draws=20_000)
    random = np.random.default_rng(99)
    twins = [
        stats.trim_mean(np.concatenate([random.choice(scores[:, task], 10) for task in range(2)]), 0.25)
        for _ in range(4000)
    ]
    assert found.estimate == metrics.iqm(scores)
    assert found.low == pytest.approx(np.quantile(twins, 0.025), abs=0.02)
    assert found.high == pytest.approx(np.quantile(twins, 0.975), abs=0.02)


def test_the_interval_is_stratified_by_task() -> None:
    # Each task's runs agree: resampling runs within tasks cannot move anything.
    scores = np.repeat([[0.0, 50.0, 100.0]], 5, axis=0)
    found = metrics.iqm_interval(scores)
    assert found.low == found.high == found.estimate


def test_the_interval_keeps_its_seed_and_one_run_is_a_point() -> None:
    scores = np.random.default_rng(1).normal(size=8)
    assert metrics.iqm_interval(scores, seed=4) == metrics.iqm_interval(scores, seed=4)
    assert metrics.iqm_interval(scores, seed=4) != metrics.iqm_interval(scores, seed=5)
    narrow, wide = metrics.iqm_interval(scores, level=0.5), metrics.iqm_interval(scores, level=0.99)
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    alone = metrics.iqm_interval(np.array([0.3]))
    assert alone.estimate == 0.3
    assert math.isnan(alone.low)
    assert math.isnan(alone.high)


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"level": 1.0}, "level: must lie between 0 and 1"), ({"draws": 0}, "draws: must be at least")],
)
def test_impossible_settings_are_refused(changes: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        metrics.iqm_interval(np.ones(3), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_improvement_is_mann_whitney_over_the_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    # Whole numbers, so that there are ties.
    x, y = random.integers(0, 6, 11).astype(float), random.integers(1, 7, 7).astype(float)
    oracle = stats.mannwhitneyu(x, y).statistic / (11 * 7)
    assert metrics.probability_of_improvement(x, y) == pytest.approx(oracle, rel=1e-12)
    assert metrics.probability_of_improvement(y, x) == pytest.approx(1.0 - oracle, rel=1e-12)
    assert metrics.probability_of_improvement(x, x) == pytest.approx(0.5)


def test_improvement_averages_tasks_and_refuses_others() -> None:
    x, y = np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    assert metrics.probability_of_improvement(x, y) == 0.5
    assert math.isnan(metrics.probability_of_improvement(np.array([]), np.array([1.0])))
    assert math.isnan(metrics.probability_of_improvement(np.array([math.nan]), np.array([1.0])))
    with pytest.raises(ConfigError, match="y: must have the 2 tasks of x; got 1"):
        metrics.probability_of_improvement(x, np.ones(3))
