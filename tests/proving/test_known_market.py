"""The environment of a known market pays exactly what the market pays, and starts and cuts episodes as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.proving import KnownMarketEnv, PlayableMarket, evaluate
from regimen.simulators import Ar1Config, GarleanuPedersenConfig, HysteresisConfig, MartingaleConfig

MARKETS = [MartingaleConfig(), HysteresisConfig(noise=1.0), GarleanuPedersenConfig(), Ar1Config(lag=2)]


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.kind)
def test_rewards_are_the_markets_own(market: PlayableMarket) -> None:
    path = market.simulate(60, seed=3)
    env = KnownMarketEnv(market, path, 200, levels=None, reach=2.0, episode_length=30)
    seen, _ = env.reset(seed=1)
    shown = next(iter(path.bars.extras.values()))[:, 0].astype(np.float32)
    starts = np.array([int(np.flatnonzero(shown == row[0])[0]) for row in seen])
    random, running = np.random.default_rng(0), np.ones(200, np.bool_)
    positions, paid = np.zeros((200, 60)), np.zeros((200, 60))
    for t in range(30):
        actions = random.uniform(-2.0, 2.0, (200, 1))
        bars = starts + t
        lanes = np.flatnonzero(running)
        positions[lanes, bars[lanes]] = actions[lanes, 0]
        _, reward, terminated, truncated, info = env.step(actions)
        paid[lanes, bars[lanes]] = reward[lanes]
        cut = lanes[truncated[lanes]]
        np.testing.assert_array_equal(info["final_observation"][cut, 0], shown[bars[cut] + 1])
        np.testing.assert_array_equal(info["final_observation"][cut, -1], actions[cut, 0].astype(np.float32))
        assert not terminated.any()
        running &= ~truncated
    assert not running.any()
    for lane in range(200):
        held = positions[lane]
        traded = np.flatnonzero(held)
        expected = market.rewards(path, held)[traded]
        np.testing.assert_allclose(paid[lane, traded], expected, rtol=1e-12, atol=1e-12)


def test_the_same_seed_gives_the_same_lanes() -> None:
    market = HysteresisConfig()
    env = KnownMarketEnv(market, market.simulate(500, 1), 16, episode_length=10)

    def walk() -> list[bytes]:
        rows = [env.reset(seed=5)[0].tobytes()]
        return rows + [env.step(np.full(16, t % 3))[0].tobytes() for t in range(40)]

    assert walk() == walk()


class Rule:
    """The optimal policy in the clothes of an agent."""

    def __init__(self, market: Any, always: int | None = None) -> None:
        self.market, self.always = market, always

    def predict(self, observation: Any, state: Any = None, deterministic: bool = True) -> tuple[Any, Any]:
        assert deterministic
        best = self.market.respond(observation[:, 0], observation[:, -1]).astype(np.int64) + 1
        return (best if self.always is None else np.full(len(best), self.always)), state


def test_the_optimum_scores_one_and_staying_out_nothing() -> None:
    market = HysteresisConfig()
    best = evaluate(Rule(market), market, seed=1, paths=8, bars=300)
    assert best.score == pytest.approx(1.0, abs=1e-4)
    assert best.turnover > 0.0
    flat = evaluate(Rule(market, always=1), market, seed=1, paths=8, bars=300)
    assert (flat.score, flat.turnover) == (0.0, 0.0)


@pytest.mark.parametrize("wrong", [{"n_envs": 0}, {"episode_length": 0}, {"episode_length": 100}])
def test_impossible_lanes_are_refused(wrong: dict[str, int]) -> None:
    market = HysteresisConfig()
    with pytest.raises(ConfigError, match="envs"):
        KnownMarketEnv(market, market.simulate(100, 1), **wrong)
    with pytest.raises(ConfigError, match="paths"):
        evaluate(Rule(market), market, seed=1, paths=1)
