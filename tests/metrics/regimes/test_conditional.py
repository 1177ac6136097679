"""The interval of a Sharpe ratio given a state: its coverage, and what it is where the state is everything."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen import metrics


def test_of_all_bars_it_is_the_interval_of_the_series() -> None:
    returns = np.random.default_rng(0).normal(0.0005, 0.01, 900)
    whole = metrics.sharpe_interval(returns, 252.0, draws=4000)
    inside = metrics.conditional_sharpe_interval(returns, np.ones(900, bool), 252.0, draws=4000)
    assert inside.estimate == whole.estimate
    assert inside.low == pytest.approx(whole.low, abs=0.08)
    assert inside.high == pytest.approx(whole.high, abs=0.08)


def test_it_is_the_ratio_of_the_bars_inside() -> None:
    random = np.random.default_rng(1)
    returns, inside = random.normal(0.0, 0.01, 500), np.arange(500) % 50 < 20
    found = metrics.conditional_sharpe_interval(returns, inside, 252.0)
    assert found.estimate == metrics.annual_sharpe(returns[inside], 252.0)
    assert found.low < found.estimate < found.high
    again = metrics.conditional_sharpe_interval(returns, inside, 252.0)
    assert found == again
    outside = np.where(inside, returns, 0.5 * random.normal(size=500))  # what lies outside does not move it
    assert metrics.conditional_sharpe_interval(outside, inside, 252.0).estimate == found.estimate


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    """200 markets with two states of 40 bars; the Sharpe ratio of the second is .1 a bar."""
    inside = np.arange(1200) // 40 % 2 == 1
    held = 0
    for seed in range(200):
        returns = np.random.default_rng(seed).normal(0.0, 0.01, 1200) + 0.001 * inside
        interval = metrics.conditional_sharpe_interval(returns, inside, draws=400, seed=seed)
        held += interval.low <= 0.1 <= interval.high
    assert 0.90 <= held / 200 <= 0.985


@pytest.mark.parametrize("inside", [np.zeros(60, bool), np.arange(60) == 7, np.arange(60) >= 30])
def test_what_does_not_move_has_none(inside: np.ndarray) -> None:
    returns = np.where(np.arange(60) < 30, np.random.default_rng(0).normal(0.0, 0.01, 60), 0.0)
    found = metrics.conditional_sharpe_interval(returns, inside)
    assert math.isnan(found.estimate)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
