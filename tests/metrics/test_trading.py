"""Turnover, exposure and costs by hand; break-even cost against the equation that it solves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from regimen import metrics


def test_turnover_and_exposure_by_hand() -> None:
    assert metrics.annual_turnover(np.array([1.0, 0.0, 2.0, 0.0]), 252.0) == 189.0
    exposure = np.array([[0.5, -0.5], [math.nan, 1.0], [0.0, 0.0]])
    assert metrics.gross_exposure(exposure) == pytest.approx(2.0 / 3.0)


def test_cost_drag_and_cost_per_trade_by_hand() -> None:
    costs, equity = np.array([1.0, 0.0, 3.0]), np.array([100.0, 99.0, 0.0])
    # The last bar has no equity to be a fraction of.
    assert metrics.cost_drag(costs, equity, 252.0) == pytest.approx(0.01 / 3.0 * 252.0)
    assert metrics.cost_per_trade_bps(costs, equity, np.array([2.0, 0.0, 0.0])) == pytest.approx(50.0)
    assert math.isnan(metrics.cost_per_trade_bps(costs, equity, np.zeros(3)))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.floats(-0.02, 0.02), st.floats(0.01, 1.0))
def test_break_even_solves_its_equation(seed: int, drift: float, share: float) -> None:
    random = np.random.default_rng(seed)
    returns = np.clip(random.normal(drift, 0.02, 60), -0.9, None)
    turnover = random.exponential(1.0, 60) * (random.random(60) < share)
    turnover[7] = 0.5
    cost = metrics.break_even_bps(returns, turnover) * 1e-4
    assert metrics.total_return(returns - cost * turnover) == pytest.approx(0.0, abs=1e-9)


def test_break_even_is_brents_root() -> None:
    random = np.random.default_rng(4)
    returns, turnover = random.normal(0.001, 0.01, 500), random.exponential(0.3, 500)

    def left(cost: float) -> float:
        return float(np.log1p(returns - cost * turnover).sum())

    expected = optimize.brentq(left, -0.05, 0.05, xtol=1e-14)
    assert metrics.break_even_bps(returns, turnover) == pytest.approx(expected * 1e4, rel=1e-9)


def test_break_even_by_hand() -> None:
    # 1.21 in one bar with turnover 2: (1.21 − 2c) = 1 at c = 0.105.
    assert metrics.break_even_bps(np.array([0.21]), np.array([2.0])) == pytest.approx(1050.0)
    # A loss must be paid for: the cost would have to be negative.
    assert metrics.break_even_bps(np.array([-0.1]), np.array([1.0])) == pytest.approx(-1000.0)
    assert math.isnan(metrics.break_even_bps(np.array([0.1]), np.array([0.0])))
    assert math.isnan(metrics.break_even_bps(np.array([-1.0]), np.array([1.0])))
