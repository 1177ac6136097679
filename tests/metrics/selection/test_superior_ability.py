"""White, SPA and StepM: their size where nothing is better, their power where one strategy is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen import metrics
from regimen.errors import ConfigError


def noise(seed: int, rows: int = 500, strategies: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (rows, strategies))


def rejections(sets: int, edge: float) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """(set, test) whether p <= .05, for SPA, its lower bound and White's; and what StepM found in each set."""
    rows, found = [], []
    for seed in range(sets):
        returns = noise(10_000 + seed)
        returns[:, 7] += edge
        tested = metrics.superiority(returns, draws=400, seed=seed)
        rows.append([tested.p <= 0.05, tested.p_lower <= 0.05, tested.p_white <= 0.05])
        found.append(tested.superior)
    return np.array(rows), found


def test_one_real_strategy_is_recognised_and_alone() -> None:
    rejected, found = rejections(25, 0.002)
    assert rejected[:, 0].mean() >= 0.85
    assert np.mean([each == (7,) for each in found]) >= 0.75


@pytest.mark.slow
def test_size_and_power_are_those_of_the_tests() -> None:
    nothing, named = rejections(400, 0.0)
    assert nothing[:, 0].mean() <= 0.07
    assert nothing[:, 2].mean() <= 0.07
    assert nothing[:, 0].mean() <= nothing[:, 1].mean()
    assert np.mean([len(each) > 0 for each in named]) <= 0.07
    rejected, found = rejections(200, 0.002)
    assert rejected[:, 0].mean() >= 0.9
    assert np.mean([each == (7,) for each in found]) >= 0.8


def test_bounds_are_in_order_and_no_p_is_zero() -> None:
    for seed in range(5):
        tested = metrics.superiority(noise(seed, 120, 6), draws=100)
        assert 0.0 < tested.p_lower <= tested.p <= tested.p_upper <= 1.0
    sure = noise(3)
    sure[:, 4] += 0.02
    assert metrics.superiority(sure, draws=100).p == 1 / 101
    assert metrics.superiority(sure, draws=100).best == 4


def test_what_equals_the_benchmark_proves_nothing() -> None:
    returns = noise(1, 100, 3)
    tested = metrics.superiority(np.repeat(returns[:, :1], 3, axis=1), returns[:, 0], draws=50)
    assert math.isnan(tested.p)
    assert math.isnan(tested.p_white)
    assert (tested.superior, tested.best) == ((), -1)
    flat = np.column_stack([np.zeros(100), returns])
    assert metrics.superiority(flat, draws=50).strategies == 4


def test_a_benchmark_is_what_must_be_beaten_and_leverage_beats_nothing() -> None:
    returns = noise(2) + 0.002
    market = returns.mean(axis=1)
    assert metrics.superiority(returns, draws=200).p <= 0.05
    assert metrics.superiority(returns, market, draws=200).p > 0.05
    lever = np.random.default_rng(1).uniform(0.1, 30.0, 20)
    assert metrics.superiority(returns * lever, draws=50).p == metrics.superiority(returns, draws=50).p


@pytest.mark.parametrize(
    ("returns", "benchmark", "level", "says"),
    [
        (np.zeros((10, 2)), None, 0.05, "at least 20 rows"),
        (np.zeros((100, 0)), None, 0.05, "at least 1 strateg"),
        (np.zeros((100, 2)), np.zeros(99), 0.05, "100 rows"),
        (np.zeros((100, 2)), None, 1.0, "between 0 and 1"),
        (np.full((100, 2), np.inf), None, 0.05, "finite"),
    ],
)
def test_bad_input_is_one_clear_error(
    returns: np.ndarray, benchmark: np.ndarray | None, level: float, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        metrics.superiority(returns, benchmark, level=level)
