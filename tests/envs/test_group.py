"""Markets side by side: their lanes are those of each market alone, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.envs import ContinuousConfig, MarketGroup, VectorMarket, innermost, markets_of
from regimen.errors import ConfigError, RunError


def bars(seed: int) -> Bars:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (300, 1)), axis=0))
    return bars_of(close, start="2021-01-01", step="1h", symbols=("X",), volume=np.full((300, 1), 1e6))


def market(seed: int, lanes: int = 4) -> VectorMarket:
    columns = np.random.default_rng(seed).normal(size=(300, 1, 3))
    return VectorMarket(bars(seed), columns, n_envs=lanes, episode_length=20, actions=ContinuousConfig())


def test_lanes_of_a_group_are_those_of_its_markets() -> None:
    group, alone = MarketGroup([market(1), market(2, 3)]), [market(1), market(2, 3)]
    seen, _ = group.reset(seed=5)
    parts = [each.reset(seed=5 + k)[0] for k, each in enumerate(alone)]
    np.testing.assert_array_equal(seen, np.concatenate(parts))
    random = np.random.default_rng(0)
    kept = None
    for t in range(50):
        actions = random.uniform(-1.0, 1.0, (7, 1)).astype(np.float32)
        if t == 30:
            kept = (group.state(), actions)
        mine = group.step(actions)
        theirs = [alone[0].step(actions[:4]), alone[1].step(actions[4:])]
        for k in range(4):
            np.testing.assert_array_equal(mine[k], np.concatenate([each[k] for each in theirs]))
        for name in ("final_observation", "equity", "bar"):
            np.testing.assert_array_equal(mine[4][name], np.concatenate([each[4][name] for each in theirs]))
        if t == 30:
            after = mine[1].copy()
    assert kept is not None
    group.restore(kept[0])
    np.testing.assert_array_equal(group.step(kept[1])[1], after)


def test_what_is_no_group() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        MarketGroup([])
    other = VectorMarket(bars(3), np.zeros((300, 1, 2)), n_envs=2, episode_length=20)
    with pytest.raises(RunError, match="same columns"):
        MarketGroup([market(1), other])
    group = MarketGroup([market(1), market(2)])
    group.reset(0)
    with pytest.raises(RunError, match="8 lanes"):
        group.step(np.zeros((3, 1)))


def test_a_group_starts_where_it_is_asked_to() -> None:
    group = MarketGroup([market(1), market(2, 3)])
    starts = np.array([5, 40, 5, 9, 200, 77, 5])
    first, info = group.reset(seed=1, starts=starts)
    first = first.copy()
    np.testing.assert_array_equal(info["bar"], starts)
    np.testing.assert_array_equal(group.reset(seed=9, starts=starts)[0], first)
    with pytest.raises(RunError, match=r"^starts: must be bars of shape \(7,\)"):
        group.reset(starts=starts[:3])
    with pytest.raises(RunError, match=r"^starts: must be bars with an observation and room for an episode; got 299"):
        group.reset(starts=np.full(7, 299))


def test_markets_are_seen_through_what_is_wrapped_around_them() -> None:
    class Around:
        def __init__(self, below: object) -> None:
            self.below = below

    one, group = market(1), MarketGroup([market(1), market(2)])
    assert innermost(Around(Around(group))) is group
    assert innermost(one) is one
    assert markets_of(Around(one)) == (one,)
    assert markets_of(Around(group)) == group.markets
    assert markets_of(Around(object())) == ()
