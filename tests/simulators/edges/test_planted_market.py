"""The planted market pays whoever follows its signal the Sharpe ratio that was asked for, after costs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen.execution import Costs, Market
from regimen.metrics import sharpe
from regimen.simulators import PlantedMarketConfig, Quotes


@pytest.mark.parametrize("cost", [0.01, 5.0])
def test_following_the_signal_earns_what_was_planted(cost: float) -> None:
    market = PlantedMarketConfig(sharpe=0.08, cost_bps=cost, quotes=Quotes(bar_length="1d"))
    earned = []
    for seed in range(8):
        bars = market.simulate(10_000, seed).bars
        earned.append(sharpe(Market(costs=Costs(commission_bps=cost)).backtest(bars, bars.extras["signal"]).returns))
    assert np.mean(earned) == pytest.approx(0.08, abs=4 / math.sqrt(80_000))


def test_the_signal_turns_as_often_as_was_asked() -> None:
    path = PlantedMarketConfig(turn=0.2).simulate(50_000, 1)
    signal = path.signal
    assert set(np.unique(signal)) == {-1.0, 1.0}
    assert np.mean(signal[1:] != signal[:-1]) == pytest.approx(0.2, abs=0.01)
    assert np.array_equal(path.expected, PlantedMarketConfig(turn=0.2).mean * signal)


def test_a_longer_path_begins_with_the_shorter_one() -> None:
    market = PlantedMarketConfig()
    assert np.array_equal(market.simulate(500, 2).returns, market.simulate(900, 2).returns[:500])
