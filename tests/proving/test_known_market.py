"""The environment of a known market pays exactly what the market pays, and starts and cuts episodes as it says."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError
from regimen.proving import KnownMarketEnv, PlayableMarket
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HysteresisConfig,
    KellyConfig,
    MartingaleConfig,
    MertonConfig,
)

PLAYED = [
    (MartingaleConfig(), 2.0),
    (HysteresisConfig(noise=1.0), 2.0),
    (GarleanuPedersenConfig(), 2.0),
    (Ar1Config(lag=2), 2.0),
    (KellyConfig(chance=0.6, odds=1.5, volatility=0.01), 0.6),
    (MertonConfig(volatility=0.1, cash_rate=0.004), 2.0),
    (MertonConfig(volatility=0.1, risk_aversion=3.0), 2.0),
]


@pytest.mark.parametrize(("market", "reach"), PLAYED, ids=lambda value: getattr(value, "kind", None))
def test_rewards_are_the_markets_own(market: PlayableMarket, reach: float) -> None:
    path = market.simulate(60, seed=3)
    env = KnownMarketEnv(market, path, 200, levels=None, reach=reach, episode_length=30)
    seen, _ = env.reset(seed=1)
    shown = next(iter(path.bars.extras.values()))[:, 0].astype(np.float32)
    starts = env.state()["bar"]
    np.testing.assert_array_equal(seen[:, 0], shown[starts])
    random, running = np.random.default_rng(0), np.ones(200, np.bool_)
    positions, paid = np.zeros((200, 60)), np.zeros((200, 60))
    for t in range(30):
        actions = random.uniform(-reach, reach, (200, 1))
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


def test_a_restored_state_goes_on_bit_for_bit() -> None:
    """In the middle of episodes, on lanes that had another past."""
    market = HysteresisConfig()
    path = market.simulate(500, 1)
    env, other = (KnownMarketEnv(market, path, 16, episode_length=10) for _ in range(2))
    env.reset(seed=5)
    other.reset(seed=6)
    for t in range(13):
        env.step(np.full(16, t % 3))
        other.step(np.full(16, 2))
    other.restore({name: array.copy() for name, array in env.state().items()})
    for t in range(40):
        rows, again = (each.step(np.full(16, t % 3)) for each in (env, other))
        assert all(mine.tobytes() == theirs.tobytes() for mine, theirs in zip(rows[:4], again[:4], strict=True))


def test_lanes_of_another_process_go_on_bit_for_bit() -> None:
    """What is pickled in the middle of episodes shows, pays and ends as the lanes do that it was taken from."""
    market = HysteresisConfig()
    env = KnownMarketEnv(market, market.simulate(500, 1), 16, levels=None, reach=2.0, episode_length=10)
    env.reset(seed=5)
    env.step(np.ones((16, 1)))
    other = pickle.loads(pickle.dumps(env))
    for t in range(40):
        rows, again = (each.step(np.full((16, 1), t % 3 - 1.0)) for each in (env, other))
        assert all(mine.tobytes() == theirs.tobytes() for mine, theirs in zip(rows[:4], again[:4], strict=True))
        np.testing.assert_array_equal(rows[4]["position"], again[4]["position"])
        ended = rows[3]
        np.testing.assert_array_equal(rows[4]["final_observation"][ended], again[4]["final_observation"][ended])


@pytest.mark.parametrize("wrong", [{"n_envs": 0}, {"episode_length": 0}, {"episode_length": 100}])
def test_impossible_lanes_are_refused(wrong: dict[str, int]) -> None:
    market = HysteresisConfig()
    with pytest.raises(ConfigError, match="envs"):
        KnownMarketEnv(market, market.simulate(100, 1), **wrong)


def test_no_lane_can_be_ruined() -> None:
    market = KellyConfig(odds=2.0)
    path = market.simulate(100, 1)
    with pytest.raises(
        ConfigError, match=r"envs.reach: must be below 0.5, where one bar of this path is ruin; got 0.5"
    ):
        KnownMarketEnv(market, path, 4, levels=None, reach=0.5, episode_length=10)
    with pytest.raises(ConfigError, match=r"envs.reach"):
        KnownMarketEnv(market, path, 4, levels=(0.0, 0.7), episode_length=10)
    costly = MertonConfig(cost=0.001)
    with pytest.raises(ConfigError, match=r"market.cost: must be 0"):
        KnownMarketEnv(costly, costly.simulate(100, 1), 4, levels=None, episode_length=10)


def test_lanes_start_where_they_are_asked_to() -> None:
    market = HysteresisConfig(noise=1.0)
    env = KnownMarketEnv(market, market.simulate(60, seed=3), 4, episode_length=30)
    starts = np.array([0, 28, 7, 7])
    first = env.reset(seed=1, starts=starts)[0].copy()
    np.testing.assert_array_equal(env.state()["bar"], starts)
    np.testing.assert_array_equal(env.state()["left"], [30] * 4)
    np.testing.assert_array_equal(env.reset(seed=2, starts=starts)[0], first)
    with pytest.raises(RunError, match=r"^starts: must lie in \[0, 28\], with room for an episode; got 29$"):
        env.reset(starts=starts + 1)
    with pytest.raises(RunError, match=r"^starts: must be bars of shape \(4,\)"):
        env.reset(starts=starts[:2])
