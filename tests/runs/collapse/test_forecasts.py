"""What columns foretell, on markets where it is known."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.execution import Costs, Market
from regimen.runs.collapse.columns import earned, plain_columns
from regimen.runs.collapse.forecasts import ForecastWorth, best_of, forecasts
from regimen.simulators import HysteresisConfig, MartingaleConfig

MARKET = Market(costs=Costs(commission_bps=1.0, half_spread_bps=1.0))
CHEAP, DEAR = HysteresisConfig(cost=0.1), HysteresisConfig(cost=10.0, noise=5.0)


def tried(market: HysteresisConfig | MartingaleConfig, cost: float, seed: int = 0) -> tuple[ForecastWorth, ...]:
    bars = market.simulate(3000, seed).bars
    tape = MARKET.tape(bars)
    return forecasts(plain_columns(bars, tape), earned(tape), cost)


def test_a_cheap_edge_earns_what_the_optimum_does() -> None:
    """J* of the market itself, in simple returns of a bar; one bar ahead with φ = .9 the myopic rule is close to it."""
    best = best_of(tried(CHEAP, CHEAP.cost_bps / 1e4))
    assert best is not None
    assert best.earns
    assert best.net == pytest.approx(CHEAP.optimum * CHEAP.scale, abs=3.0 * best.net_error)


def test_a_dear_edge_foretells_and_does_not_earn() -> None:
    every = tried(DEAR, DEAR.cost_bps / 1e4)
    assert any(each.foretells for each in every)
    assert not any(each.earns for each in every)


def test_nothing_is_foretold_of_a_martingale() -> None:
    assert not any(each.foretells or each.earns for seed in range(4) for each in tried(MartingaleConfig(), 2e-4, seed))


def test_a_market_that_only_rises_foretells_nothing() -> None:
    """A constant position is what holding is; only timing counts."""
    drift = np.full((1500, 1), 0.01)
    columns = np.random.default_rng(0).normal(size=(1500, 1, 3))
    assert not any(each.foretells for each in forecasts(columns, drift, 0.0))


def test_the_plain_columns_do_not_see_what_comes() -> None:
    bars = CHEAP.simulate(400, 0).bars
    short = CHEAP.simulate(300, 0).bars  # the same path, ended
    whole, part = (plain_columns(each, MARKET.tape(each)) for each in (bars, short))
    np.testing.assert_array_equal(whole[:300], part)
