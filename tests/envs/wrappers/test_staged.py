"""Lanes change their market where the stage changes, and go on after a kill in any stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regimen.envs import (
    MarketCurriculumConfig,
    MarketGroup,
    ShapedConfig,
    VectorMarket,
    market_hash,
    markets_of,
    wrapped,
)
from regimen.errors import ConfigError
from regimen.features import FeatureSet
from regimen.learning import DatasetConfig, recorded

Make = Callable[..., Any]
LANES = 6


def momentum(frame: Any) -> Any:
    """Computed in pandas, so that nothing is compiled."""
    return frame["close"].pct_change(3)


@pytest.fixture(scope="module")
def markets(make_bars: Make) -> Callable[[], MarketGroup]:
    tables = [make_bars(length=200, sigma=0.02, seed=seed) for seed in (3, 4)]
    features = FeatureSet([momentum])
    fields: dict[str, Any] = {"n_envs": LANES // 2, "episode_length": 10, "actions": "continuous"}
    return lambda: MarketGroup([VectorMarket(bars, features, **fields) for bars in tables])


def curriculum(**fields: Any) -> MarketCurriculumConfig:
    return MarketCurriculumConfig.model_validate({"kind": "curriculum", "episodes": 20, **fields})


def walk(env: Any, first: int, last: int) -> list[tuple[bytes, ...]]:
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (last, env.n_envs, 1)).astype(np.float32)
    steps = []
    for t in range(first, last):
        *arrays, info = env.step(actions[t])
        steps.append(tuple(each.tobytes() for each in (*arrays, info["final_observation"])))
    return steps


def test_the_last_stage_is_the_market_that_is_evaluated_in(markets: Callable[[], MarketGroup]) -> None:
    true = markets()
    for stages in ("simulated", "own"):
        env = curriculum(stages=stages, steps=100 * LANES).wrap(markets())
        env.reset(seed=1)
        hashes = [market_hash(env)]
        for _ in range(101):
            stage = env.stage
            _, _, _, truncated, info = env.step(np.zeros((LANES, 1), np.float32))
            if env.stage != stage:
                assert truncated.all()
                assert info["final_observation"].any(axis=1).all()
                hashes.append(market_hash(env))
        assert len(set(hashes)) == 5
        assert hashes[-1] == market_hash(true)
        assert market_hash(env) == market_hash(true)


def test_an_episode_under_way_is_cut_and_its_last_observation_is_kept(markets: Callable[[], MarketGroup]) -> None:
    env = curriculum(stages=[{"commission": 0.0, "bars": "own"}, {"bars": "own"}], steps=7 * LANES).wrap(markets())
    costs = markets_of(env)[0].config.market.costs
    assert costs.commission_bps == 0.0
    assert costs.half_spread_bps > 0.0
    by_hand = MarketGroup([VectorMarket(each.bars, each.inputs, each.config) for each in markets_of(env)])
    env.reset(seed=5)
    by_hand.reset(seed=5)
    for t in range(7):
        actions = np.full((LANES, 1), 0.1 * t, np.float32)
        seen, reward, terminated, truncated, info = env.step(actions)
        expected = by_hand.step(actions)
        np.testing.assert_array_equal(reward, expected[1])
    assert env.stage == 1
    assert truncated.all()
    assert not terminated.any()
    np.testing.assert_array_equal(info["final_observation"], expected[0])
    assert (info["episode_steps"] == 7).all()
    assert (seen[:, -3] == 0.0).all()  # a fresh account


def test_learning_goes_on_in_the_stage_where_it_stopped(markets: Callable[[], MarketGroup]) -> None:
    """Bytes of every step after a restore, from another stage's lanes, are those of lanes that never stopped."""
    wrappers = curriculum(steps=40 * LANES), ShapedConfig(weights={"position": 1.0})
    env = wrapped(markets(), wrappers)
    env.reset(seed=2)
    walk(env, 0, 15)
    kept = env.state()
    expected = walk(env, 15, 60)
    other = wrapped(markets(), wrappers)
    other.restore(kept)
    assert walk(other, 15, 60) == expected
    other.reset(seed=9)
    other.restore(kept)
    assert walk(other, 15, 60) == expected


def test_every_lane_counts_alike_and_none_while_a_policy_is_evaluated(markets: Callable[[], MarketGroup]) -> None:
    env = curriculum(stages="own", success=0.01, least=-0.99).wrap(markets())
    env.reset(seed=1)
    env.learning = False
    walk(env, 0, 50)
    assert env.stage == 0
    env.learning = True
    env.reset(seed=1)
    each = -(-20 // LANES)
    walk(env, 0, each * 10 - 1)
    assert env.stage == 0
    walk(env, 0, 1)
    assert env.stage == 1


def test_lanes_that_no_stage_can_be_built_of_are_refused(markets: Callable[[], MarketGroup], make_bars: Make) -> None:
    shaped = ShapedConfig(weights={"position": 1.0}).wrap(markets())
    with pytest.raises(ConfigError, match=r"curriculum: must stand directly around markets: before all other wrappers"):
        curriculum().wrap(shaped)
    with pytest.raises(ConfigError, match="must have no curriculum and no difficulty where an agent learns from rec"):
        recorded(DatasetConfig(), ShapedConfig(weights={"position": 1.0}).wrap(curriculum().wrap(markets())), 100, 0)
    bars = make_bars()
    rows = np.zeros((*bars.shape, 2))
    with pytest.raises(ConfigError, match=r"curriculum, stage beginner: features: must be a FeatureSet"):
        curriculum().wrap(VectorMarket(bars, rows, n_envs=2, episode_length=5))
    short = make_bars(length=30, sigma=0.02)
    env = VectorMarket(short, FeatureSet([momentum]), n_envs=2, episode_length=5, start=22)
    with pytest.raises(ConfigError, match=r"curriculum, stage beginner: "):
        curriculum().wrap(env)
