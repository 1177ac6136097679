"""Named episodes: in time, apart, with a source, and only where the data has them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.judging import EPISODES, market_states


def days(start: str, count: int) -> Bars:
    return bars_of(100.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.01, count))), start=start)


def test_they_are_apart_and_in_time() -> None:
    for one, other in pairwise(EPISODES):
        assert one.first < one.last < other.first
    assert all(each.source for each in EPISODES)


def test_those_that_the_bars_reach_into_are_told() -> None:
    bars = days("2020-03-01", 1010)
    episodes = market_states(bars)[-1]
    assert episodes.kind == "episodes"
    assert episodes.names == ("COVID 2020", "LUNA 2022", "FTX 2022", "all other bars")
    assert np.bincount(episodes.at).tolist() == [31, 27, 29, 1010 - 87]
    assert str(bars.time[episodes.at == 2][0])[:10] == "2022-11-02"
    assert [each.kind for each in market_states(days("2015-01-01", 400))] == ["hidden_markov", "volatility"]
