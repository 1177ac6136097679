"""The adapters pass the checkers of the libraries that they adapt to, and give the lanes' own numbers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.errors import RegimenError
from regimen.execution import Market

gymnasium = pytest.importorskip("gymnasium")

Make = Callable[..., Any]


@pytest.fixture
def make_env(make_bars: Make, make_features: Make, dear: Callable[..., Market]) -> Make:
    """Returns a registered environment."""
    from regimen.envs import register

    register()

    def make(symbols: int = 1, **fields: Any) -> Any:
        bars = make_bars(symbols=symbols)
        settings = {"market": dear(), "episode_length": 30, **fields}
        return gymnasium.make("regimen/Market-v0", bars=bars, features=make_features(bars), **settings)

    return make


CASES: list[dict[str, Any]] = [
    {},
    {"precision": "float64", "context": 4},
    {"actions": {"kind": "continuous", "long_only": True, "smoothing": 0.3}},
    {"actions": "levels"},
    {"actions": "verbs", "reward": "differential_sharpe"},
    {"symbols": 3},
    {"symbols": 3, "actions": "levels"},
]


@pytest.mark.parametrize("fields", CASES, ids=str)
def test_gymnasiums_checker(fields: dict[str, Any], make_env: Make) -> None:
    from gymnasium.utils.env_checker import check_env

    env = make_env(**fields)
    check_env(env.unwrapped)
    observation, info = env.reset(seed=3)
    assert observation in env.observation_space
    total, over = 0.0, False
    while not over:
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        total, over = total + reward, terminated or truncated
    assert info["episode_reward"] == pytest.approx(total)
    with pytest.raises(RegimenError, match="end of an episode"):
        env.step(env.action_space.sample())


@pytest.mark.parametrize("fields", CASES, ids=str)
def test_stable_baselines_checker(fields: dict[str, Any], make_env: Make) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(make_env(**fields).unwrapped, warn=False)


def test_a_single_environment_is_a_lane(
    make_env: Make, make_bars: Make, make_features: Make, dear: Callable[..., Market]
) -> None:
    env = make_env()
    bars = make_bars()
    lanes = VectorMarket(bars, make_features(bars), n_envs=3, market=dear(), episode_length=30)
    expected, told = lanes.reset(11)
    observation, info = env.reset(seed=11)
    np.testing.assert_array_equal(observation, expected[0])
    assert info["bar"] == told["bar"][0]
    for k in range(29):
        action = np.random.default_rng(k).uniform(-1.0, 1.0, 3)
        expected, reward, *_, told = lanes.step(action)
        observation, paid, _, truncated, info = env.step(action[:1])
        np.testing.assert_array_equal(observation, expected[0])
        assert (paid, info["equity"], info["cost"]) == (reward[0], told["equity"][0], told["cost"][0])
    *_, truncated, _ = env.step(action[:1])
    assert truncated


def test_starts_of_a_single_environment(make_env: Make) -> None:
    env = make_env()
    assert env.reset(options={"start": 77})[1]["bar"] == 77
    with pytest.raises(RegimenError, match="shape"):
        env.unwrapped.step([0.1, 0.2])
    with pytest.raises(RegimenError, match=r"envs\.n_envs: is not for a single environment"):
        make_env(n_envs=3)


def test_gymnasiums_vector_environment(make_bars: Make, make_features: Make) -> None:
    from gymnasium.vector import AutoresetMode
    from gymnasium.wrappers.vector import RecordEpisodeStatistics

    from regimen.envs import MarketVectorEnv

    bars = make_bars()
    features = make_features(bars)
    env = MarketVectorEnv(VectorMarket(bars, features, n_envs=6, episode_length=7))
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    twin = VectorMarket(bars, features, n_envs=6, episode_length=7)
    twin.reset(5)
    observation, info = env.reset(seed=5)
    assert observation in env.observation_space
    env.action_space.seed(0)
    kept = observation.copy()
    for k in range(1, 8):
        action = env.action_space.sample()
        expected = twin.step(action)
        after, reward, terminated, truncated, info = env.step(action)
        np.testing.assert_array_equal(after, expected[0])
        np.testing.assert_array_equal(reward, expected[1])
        assert ("final_obs" in info) == (k == 7)
    assert truncated.all()
    assert not terminated.any()
    np.testing.assert_array_equal(np.stack(info["final_obs"]), expected[4]["final_observation"])
    np.testing.assert_array_equal(observation, kept)  # arrays of its own
    with pytest.raises(RegimenError, match=r"envs\.autoreset: must be true"):
        MarketVectorEnv(VectorMarket(bars, features, n_envs=6, autoreset=False))
    recorded = RecordEpisodeStatistics(env)
    recorded.reset(seed=1)
    for _ in range(7):
        *_, info = recorded.step(env.action_space.sample())
    assert info["episode"]["l"].tolist() == [7] * 6


def test_stable_baselines_vector_environment(make_bars: Make, make_features: Make) -> None:
    pytest.importorskip("stable_baselines3")
    from stable_baselines3 import PPO

    from regimen.envs import MarketVecEnv

    bars = make_bars()
    env = MarketVecEnv(VectorMarket(bars, make_features(bars), n_envs=4, episode_length=9))
    env.seed(3)
    first = env.reset()
    env.seed(3)
    np.testing.assert_array_equal(env.reset(), first)
    for _ in range(9):
        _, _, done, infos = env.step(np.zeros((4, 1), np.float32))
    assert done.all()
    assert infos[2]["TimeLimit.truncated"]
    assert infos[2]["terminal_observation"].shape == (7,)
    assert infos[2]["episode"]["l"] == 9
    PPO("MlpPolicy", env, n_steps=32, batch_size=64).learn(256)


def test_stable_baselines_lanes_start_where_they_are_asked_to(make_bars: Make, make_features: Make) -> None:
    pytest.importorskip("stable_baselines3")
    from regimen.envs.adapters.sb3 import MarketVecEnv

    bars = make_bars()
    market = VectorMarket(bars, make_features(bars), n_envs=3, episode_length=5)
    env = MarketVecEnv(market)
    env.set_options([{"start": bar} for bar in (50, 90, 50)])
    env.reset()
    assert [market.bar(lane) for lane in range(3)] == [50, 90, 50]


def test_other_lanes_as_a_vector_environment_of_stable_baselines() -> None:
    """Ends of single lanes: what ended, how, and with which observation; what lanes do not tell is left out."""
    pytest.importorskip("stable_baselines3")
    from gymnasium import spaces

    from regimen.envs.adapters.sb3 import LanesVecEnv

    class Script:
        n_envs = 3
        reward = 0.5

        def reset(self, seed: int | None = None) -> Any:
            self.seed = seed
            return np.zeros((3, 2)), {}

        def step(self, actions: np.ndarray) -> Any:
            self.actions = actions
            final = np.full((3, 2), np.nan)  # means nothing in a lane that goes on
            final[0], final[1] = 7.0, 8.0
            terminated, truncated = np.array([True, False, False]), np.array([True, True, False])
            return np.ones((3, 2)), np.full(3, self.reward), terminated, truncated, {"final_observation": final}

    lanes = Script()
    env = LanesVecEnv(lanes, spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(2))
    env.seed(4)
    env.reset()
    assert lanes.seed == 4
    env.reset()
    assert lanes.seed is None
    seen, reward, done, infos = env.step(np.array([0, 1, 0]))
    np.testing.assert_array_equal(seen, np.ones((3, 2)))
    assert reward.dtype == np.float32
    assert done.tolist() == [True, True, False]
    assert [sorted(info) for info in infos] == [["TimeLimit.truncated", "terminal_observation"]] * 2 + [[]]
    assert [info.get("TimeLimit.truncated") for info in infos] == [False, True, None]  # ruin at the end is ruin
    assert infos[0]["terminal_observation"].tolist() == [7.0, 7.0]
    assert infos[1]["terminal_observation"].tolist() == [8.0, 8.0]
    lanes.reward = np.nan
    with pytest.raises(RegimenError, match=r"^env: reward: must be finite; lane 0; got nan$"):
        env.step(np.array([0, 1, 0]))


def test_bars_travel_to_other_processes(make_bars: Callable[..., Bars]) -> None:
    """Gymnasium copies the arguments of an environment; its asynchronous vectors and SB3's pickle them."""
    bars = make_bars()
    back = pickle.loads(pickle.dumps(bars))
    assert back.fingerprint == bars.fingerprint
    assert not back.close.flags.writeable
