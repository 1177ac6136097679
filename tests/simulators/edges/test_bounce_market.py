"""The bounce market: closes return by Roll's autocorrelation, and who buys what has fallen pays more than he earns."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.execution import Costs, Market
from regimen.simulators import BounceMarketConfig

MARKET = BounceMarketConfig(volatility=0.005, half_spread_bps=50.0)


def test_closes_return_by_rolls_autocorrelation() -> None:
    returns = MARKET.simulate(200_000, 3).returns
    assert np.corrcoef(returns[1:], returns[:-1])[0, 1] == pytest.approx(MARKET.autocorrelation, abs=0.01)
    assert np.corrcoef(returns[2:], returns[:-2])[0, 1] == pytest.approx(0.0, abs=0.01)
    assert MARKET.autocorrelation == pytest.approx(-1 / 3)


def test_an_edge_before_costs_is_none_after_them() -> None:
    bars = MARKET.simulate(5_000, 4).bars
    fallen = -np.sign(np.diff(np.log(bars.close[:, 0]), prepend=np.log(100.0)))
    free = Market(costs=Costs(half_spread_bps=0.01)).backtest(bars, fallen).returns.mean()
    paid = Market(costs=Costs(half_spread_bps=60.0)).backtest(bars, fallen).returns.mean()
    assert free > 0.0015
    assert paid < 0.0


def test_what_is_expected_is_the_way_back_to_the_middle() -> None:
    path = MARKET.simulate(200_000, 6)
    side, following = path.truth["side"][:-1], path.returns[1:]
    assert following[side == 1].mean() == pytest.approx(path.expected[:-1][side == 1].mean(), abs=1e-4)
    assert path.expected[:-1][side == 1].mean() == pytest.approx(1 / 1.005 - 1)
