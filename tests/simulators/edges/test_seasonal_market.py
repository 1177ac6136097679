"""The seasonal market is wild when its calendar says so, and goes nowhere."""

from __future__ import annotations

import math

import numpy as np

from regimen.simulators import SeasonalMarketConfig


def test_volatility_follows_the_season_and_returns_do_not() -> None:
    market = SeasonalMarketConfig(long=400.0, short=8.0)
    path = market.simulate(200_000, 5)
    returns, sigma = path.returns, path.truth["volatility"]
    place = np.arange(len(returns)) % 400
    wild = returns[(place >= 60) & (place < 140)].std() / returns[(place >= 260) & (place < 340)].std()
    # ∫ (1 + a sin)² over the middle of each half year, a = .5
    up, down = (
        np.mean((1 + 0.5 * np.sin(2 * math.pi * np.arange(*ends) / 400)) ** 2) for ends in ((60, 140), (260, 340))
    )
    assert abs(wild / math.sqrt(up / down) - 1.0) < 0.02
    assert abs((returns / sigma).mean()) < 4 / math.sqrt(len(returns))
    assert abs((returns / sigma).std() - 1.0) < 0.01
    assert not path.expected.any()
