"""Imitation: the expert's rule is learned where it is known, on the learner's own states, from a bounded sample."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.agents import Cloned, ClonedConfig
from regimen.agents.cloning.aggregate import Aggregate
from regimen.agents.cloning.experts import expert_of
from regimen.bars import Bars
from regimen.envs import MarketGroup, VectorMarket, bars_of
from regimen.errors import ConfigError, RegimenError
from regimen.execution import Costs, Market
from regimen.policies import MomentumConfig
from regimen.proving import KnownMarketEnv, evaluate
from regimen.records import model_config
from regimen.replay import Hindsight, LaneRandom
from regimen.seeding import generator
from regimen.simulators import GarleanuPedersenConfig, HysteresisConfig, MartingaleConfig

HYSTERESIS = HysteresisConfig(cost=1.0)
MARKET = Market(costs=Costs(commission_bps=5.0, half_spread_bps=0.0))


def known(**fields: object) -> KnownMarketEnv:
    return KnownMarketEnv(HYSTERESIS, HYSTERESIS.simulate(20_000, 1), 64, episode_length=256, **fields)  # type: ignore[arg-type]


def lanes(actions: object = "levels", bars: int = 400, n_envs: int = 4) -> VectorMarket:
    path = Bars.sample("sp500").window(0, bars)
    features = np.random.default_rng(0).normal(size=(bars, 1, 2))
    return VectorMarket(path, features, n_envs=n_envs, episode_length=32, actions=actions, market=MARKET)


@pytest.mark.parametrize("visits", ["learner", "expert"])
def test_the_rule_of_hysteresis_is_cloned(visits: str) -> None:
    """Agreement of at least 99 % in the states visited, and at least 98 % of what the expert earns."""
    config = ClonedConfig(expert="optimum", visits=visits, gradient_steps=32, batch_size=512)  # type: ignore[arg-type]
    agent = config.build(known(), seed=0)
    history = agent.learn(known(), 80_000)
    assert np.mean([each.numbers["agreement"] for each in history[-4:]]) >= 0.99
    result = evaluate(agent, HYSTERESIS, 5, paths=16, bars=1000)
    assert result.value >= 0.98 * result.optimum


@pytest.mark.slow
def test_continuous_positions_are_cloned() -> None:
    market = GarleanuPedersenConfig()
    env = KnownMarketEnv(market, market.simulate(20_000, 1), 64, levels=None, reach=3.5)
    agent = ClonedConfig(expert="optimum").build(env, seed=0)
    agent.learn(env, 200_000)
    result = evaluate(agent, market, 5, paths=16, bars=1000, levels=None)
    assert result.value >= 0.98 * result.optimum


def test_the_sample_is_uniform_over_all_that_was_visited() -> None:
    """1,000 rows into 100 places: of each tenth of the rows, ten are kept on average (sd below 3 of one reservoir)."""
    kept = np.zeros(10)
    for seed in range(40):
        sample, random = Aggregate(100, 1, 1, True), generator(seed, "reservoir")
        for part in np.arange(1000).reshape(-1, 40):
            sample.add(part[:, None].astype(np.float32), part[:, None], random)
        rows, actions = sample.state()["observations"], sample.state()["actions"]
        np.testing.assert_array_equal(rows, actions)
        assert len(set(rows[:, 0])) == len(sample) == 100
        kept += np.histogram(rows, 10, (0, 1000))[0]
    np.testing.assert_allclose(kept / 40, 10.0, atol=4.0 * 3.0 / np.sqrt(40))


def test_a_rule_is_asked_at_the_bar_of_each_lane() -> None:
    group = MarketGroup([lanes(n_envs=2), lanes(bars=300, n_envs=3)])
    expert = expert_of(MomentumConfig(lookback=3), group)
    seen, info = group.reset(0)
    chosen = np.asarray(expert(seen, info, LaneRandom(0, 5))).reshape(-1)
    np.testing.assert_array_equal(bars_of(group)["bar"], info["bar"])
    close = Bars.sample("sp500").close[:, 0]
    bars = info["bar"].astype(int)
    np.testing.assert_array_equal(chosen, np.sign(close[bars] - close[bars - 3]) + 1)


def test_the_best_path_in_hindsight_labels_but_is_never_reached() -> None:
    env = lanes()
    agent = ClonedConfig(expert="hindsight", hidden=(8,), rollout_steps=8, gradient_steps=2).build(env, seed=0)
    history = agent.learn(env, 32 * 8)
    seen, info = env.reset(3)
    own = Hindsight(env)(seen.astype(np.float32), info, LaneRandom(0, 4))
    np.testing.assert_array_equal(np.asarray(expert_of("hindsight", env)(seen, info, LaneRandom(0, 4)))[:, 0], own)
    assert 0.0 < history[-1].numbers["agreement"] < 1.0
    assert isinstance(agent, Cloned)


def test_an_expert_that_is_not_there_is_one_clear_error() -> None:
    martingale = MartingaleConfig()
    flat = KnownMarketEnv(martingale, martingale.simulate(600, 0), 4, episode_length=32)
    wrong = [
        ("optimum", lanes(), "must be one that real bars have"),
        ("votes", lanes(), "must be one that the market allows, but expert.columns must have 'rsi_centred_14'"),
        ("hindsight", known(), "env: must be lanes of a market for the expert 'hindsight'"),
        ("hindsight", lanes("verbs"), "must be one that the market allows, but hindsight.env must have levels"),
        (MomentumConfig(), lanes("verbs"), "must be levels or continuous to imitate a rule"),
    ]
    for expert, env, message in wrong:
        with pytest.raises(RegimenError, match=message):
            expert_of(expert, env)
    for env in (flat, known(show_position=False)):  # the position is part of the state
        with pytest.raises(ConfigError, match="must be of a market that shows what its best rule reads"):
            env.best(env.reset(0)[0])


def test_who_knows_the_future_trades_nowhere() -> None:
    with pytest.raises(ConfigError, match=r"--model: must not know the future; --model cloned .*expert=hindsight"):
        model_config("hindsight")
    with pytest.raises(RegimenError, match="must not know the future"):
        MARKET.backtest(Bars.sample("sp500").window(0, 400), Hindsight(lanes()))
