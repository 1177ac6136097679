"""Known markets behind Gymnasium's interfaces: its checker, seeds, the optimum, and the score of `regimen prove`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from regimen.agents import PPOConfig  # noqa: E402
from regimen.errors import ConfigError, RegimenError, RunError  # noqa: E402
from regimen.gymnasium import KNOWN_MARKETS  # noqa: E402
from regimen.proving import KnownMarketEnv, measures, walk  # noqa: E402
from regimen.proving.arenas import KNOWN  # noqa: E402

NAMES = [f"regimen/{name}-v0" for name in KNOWN_MARKETS]
SHORT: dict[str, Any] = {"bars": 2000, "episode_length": 40}


@pytest.mark.parametrize("name", NAMES)
def test_gymnasiums_checker(name: str) -> None:
    check_env(gymnasium.make(name, **SHORT).unwrapped)


@pytest.mark.parametrize("fields", [{}, {"continuous": True}], ids=str)
def test_stable_baselines_checker(fields: dict[str, Any]) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(gymnasium.make("regimen/Hysteresis-v0", **SHORT, **fields).unwrapped)


@pytest.mark.parametrize("name", NAMES)
def test_the_optimal_policy_is_the_optimum(name: str) -> None:
    env = gymnasium.make(name, **SHORT).unwrapped
    assert env.score(env.optimal_policy, paths=16, bars=400) == pytest.approx(1.0, abs=1e-6)
    assert env.score(env.optimal_value) == pytest.approx(1.0)
    arena = next(arena for arena in KNOWN if arena.name == KNOWN_MARKETS[name[8:-3]])
    assert env.optimal_value == arena.market.optimum
    assert env.score(arena.market.baseline_values[arena.market.reference]) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_the_optimal_policy_earns_what_the_market_says_along_an_episode(name: str) -> None:
    """Step by step, from the observation alone, and on the hidden regime from the memory that the reset begins."""
    env = gymnasium.make(name, bars=300, episode_length=298).unwrapped
    market = env.optimum.arena.market
    observation, _ = env.reset(seed=4)
    path = market.simulate(300, int(np.random.default_rng(4).integers(2**62)))  # one place for so long an episode
    earned, over = [], False
    while not over:
        observation, reward, terminated, over, _ = env.step(env.optimal_policy(observation))
        earned.append(reward)
        assert not terminated
    shown = next(iter(path.bars.extras.values()))[:, 0]
    assert observation[0] == np.float32(shown[298])  # the last one of this episode, not the first of another
    expected = market.rewards(path, market.optimal(path))[:298]
    np.testing.assert_allclose(earned, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    with pytest.raises(RunError, match="must come after reset"):
        env.step(env.action_space.sample())


@pytest.mark.parametrize("name", ["regimen/Hysteresis-v0", "regimen/Kelly-v0"])
def test_the_same_seed_gives_the_same_episodes(name: str) -> None:
    def episodes(seed: int) -> list[bytes]:
        env = gymnasium.make(name, **SHORT)
        rows = [env.reset(seed=seed)[0].tobytes()]
        env.action_space.seed(0)
        for t in range(100):
            observation, reward, _, over, _ = env.step(env.action_space.sample())
            rows += [observation.tobytes(), np.float64(reward).tobytes()]
            if over:
                rows.append(env.reset()[0].tobytes())
            assert over == ((t + 1) % 40 == 0)
        return rows

    assert episodes(7) == episodes(7)
    assert episodes(7) != episodes(8)


def test_a_vector_environment_of_a_market() -> None:
    env = gymnasium.make_vec("regimen/HiddenRegime-v0", num_envs=6, **SHORT)
    observation, _ = env.reset(seed=3)
    assert observation in env.observation_space
    rows, ended = [observation], 0
    for _ in range(90):
        observation, reward, terminated, truncated, info = env.step(env.unwrapped.optimal_policy(observation))
        ended += truncated.sum()
        assert ("final_obs" in info) == truncated.any()
        assert not terminated.any()
        rows.append(observation)
    assert ended >= 6 * 2
    again = gymnasium.make_vec("regimen/HiddenRegime-v0", num_envs=6, **SHORT)
    np.testing.assert_array_equal(again.reset(seed=3)[0], rows[0])
    assert reward.shape == (6,)
    assert env.unwrapped.score(env.unwrapped.optimal_policy, paths=8, bars=300) == 1.0


def test_the_memory_of_a_lane_begins_with_its_episode() -> None:
    env = gymnasium.make_vec("regimen/HiddenRegime-v0", num_envs=5, **SHORT).unwrapped
    observation, _ = env.reset(seed=3)
    beliefs, seen = env.optimum.arena.market.beliefs, [[] for _ in range(5)]
    for _ in range(100):
        for lane in range(5):
            seen[lane].append(observation[lane, 0])
        best = [int(np.sign(2.0 * beliefs(np.array(rows))[-1] - 1.0)) + 1 for rows in seen]
        actions = env.optimal_policy(observation)
        assert actions.tolist() == best
        assert env.optimal_policy(observation).tolist() == best  # asking changes nothing
        observation, _, _, truncated, _ = env.step(actions)
        for lane in np.flatnonzero(truncated):
            seen[lane].clear()


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_gymnasiums_own_vectors(mode: str) -> None:
    env = gymnasium.make_vec("regimen/Ar1-v0", num_envs=2, vectorization_mode=mode, **SHORT)
    observation, _ = env.reset(seed=1)
    assert observation.shape == (2, 2)
    assert env.step(np.array([0, 2]))[1].shape == (2,)
    env.close()


@pytest.mark.parametrize(("name", "continuous"), [("OrnsteinUhlenbeck", False), ("Merton", True)])
def test_the_score_is_that_of_the_proof(name: str, continuous: bool) -> None:
    """The same agent, paths and measure."""
    arena = next(arena for arena in KNOWN if arena.name == KNOWN_MARKETS[name])
    lanes = KnownMarketEnv(arena.market, arena.market.simulate(5000, 1), 32, levels=arena.levels, reach=arena.reach)
    agent = PPOConfig(gamma=0.0, rollout_steps=32, minibatch_size=512, hidden=(8,)).build(lanes, seed=0)
    agent.learn(lanes, 2048)
    proof = measures(walk(agent, arena.market, 0, levels=arena.levels, paths=12, bars=300))["score"]
    env = gymnasium.make(f"regimen/{name}-v0", **SHORT).unwrapped
    assert env.score(agent, paths=12, bars=300) == pytest.approx(proof, rel=1e-12)
    assert isinstance(env.action_space, gymnasium.spaces.Box) == continuous


def test_a_policy_may_be_a_function_of_rows() -> None:
    env = gymnasium.make("regimen/Hysteresis-v0", continuous=True, **SHORT).unwrapped
    myopic = env.score(lambda rows: np.sign(rows[:, 0]), paths=16, bars=500)
    values = env.optimum.arena.market.baseline_values
    assert myopic == pytest.approx(values["myopic"] / env.optimal_value, abs=0.05)
    assert env.score(lambda rows: 0.0 * rows[:, :1], paths=16, bars=500) == 0.0
    fresh = gymnasium.make("regimen/GarleanuPedersen-v0", phi=(0.9, 0.5), deviation=(1.0, 2.0), **SHORT).unwrapped
    assert fresh.observation_space.shape == (4,)
    assert fresh.score(fresh.optimal_policy, paths=8, bars=300) == pytest.approx(1.0, abs=1e-3)  # clipped at its reach


MISTAKES = [
    ("Hysteresis", {"costs": 1.0}, r"^market\.costs: is not a known key \(did you mean 'cost'\?\)"),
    ("Hysteresis", {"cost": -1.0}, r"^market\.cost: must be greater than or equal to 0; got -1\.0$"),
    ("Hysteresis", {"bars": "many"}, r"^bars: must be a valid integer"),
    ("Hysteresis", {"bars": 100}, r"^envs\.episode_length: must lie in \[1, 98\], the length of the path; got 256$"),
    ("Hysteresis", {"reach": 2.0}, r"^reach: is read with continuous=True only; got 2\.0$"),
    ("Kelly", {"continuous": False}, r"^continuous: must be true on kelly, where the best position is any number"),
    ("Kelly", {"reach": 0.3}, r"^reach: must be at least 0\.5, the best position of this market; got 0\.3$"),
    ("Kelly", {"odds": 3.0}, r"^envs\.reach: must be below 0\.333, where one bar of this path is ruin; got 0\.9$"),
    ("Merton", {"cost": 0.01}, r"^market\.cost: must be 0: with costs the fraction held drifts"),
    ("Ar1", {"market": "moon"}, r"^market: must be one of martingale, ar1, .*; got 'moon'$"),
]


@pytest.mark.parametrize(("name", "fields", "line"), MISTAKES, ids=str)
def test_what_is_mistyped_is_one_line(name: str, fields: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        gymnasium.make(f"regimen/{name}-v0", **fields)
    with pytest.raises(ConfigError, match=line):
        gymnasium.make_vec(f"regimen/{name}-v0", num_envs=2, **fields)


POLICIES = [
    (lambda _: 1, r"must return 4 actions, one for each row that it is given; got \(\)$"),
    (lambda rows: np.full(len(rows), 3), r"must return whole numbers in \[0, 2\]; got 3$"),
    (lambda rows: np.full(len(rows), 0.5), r"must return whole numbers in \[0, 2\]; got 0\.5$"),
    (lambda rows: np.full(len(rows), np.nan), r"must return whole numbers in \[0, 2\]; got nan$"),
    (lambda _: None, r"must return 4 actions, one for each row that it is given; got \(\)$"),
]


@pytest.mark.parametrize(("policy", "line"), POLICIES)
def test_what_a_policy_answers_is_looked_at(policy: Any, line: str) -> None:
    env = gymnasium.make("regimen/Ar1-v0", **SHORT).unwrapped
    with pytest.raises(RunError, match=line):
        env.score(policy, paths=4, bars=10)


def test_what_an_environment_refuses() -> None:
    env = gymnasium.make("regimen/Ar1-v0", disable_env_checker=True, **SHORT).unwrapped
    with pytest.raises(RunError, match=r"^step: must come after reset"):
        env.step(1)
    with pytest.raises(ConfigError, match=r"^options: must be empty"):
        env.reset(options={"start": 3})
    env.reset(seed=0)
    for action in (3, -1, [0, 1]):
        with pytest.raises(RegimenError, match=r"^action: must be of Discrete\(3\)"):
            env.step(action)
    lanes = gymnasium.make_vec("regimen/Kelly-v0", num_envs=2, **SHORT)
    with pytest.raises(RunError, match=r"^step: must come after reset"):
        lanes.step(np.zeros((2, 1), np.float32))
    lanes.reset(seed=0)
    for actions in (np.full((2, 1), 1.5), np.full((2, 1), np.nan), np.zeros(2)):
        with pytest.raises(RunError, match=r"^actions: must be of Box"):
            lanes.step(actions)
    with pytest.raises(ConfigError, match=r"^num_envs: must be at least 1; got 0$"):
        gymnasium.make_vec("regimen/Kelly-v0", num_envs=0, **SHORT)
    hidden = gymnasium.make("regimen/HiddenRegime-v0", **SHORT).unwrapped
    hidden.reset(seed=0)
    with pytest.raises(RunError, match=r"^observation: must be what the environment showed last, 1 lanes"):
        hidden.optimal_policy(np.zeros((3, 1)))
    with pytest.raises(RunError, match=r"^observation: must have 1 columns"):
        hidden.optimal_policy(np.zeros(2))
