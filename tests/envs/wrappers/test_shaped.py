"""Shaping changes when a step is paid and never what is best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regimen.envs import EnvSpec, MarketGroup, ShapedConfig, VectorMarket, innermost, markets_of, wrapped
from regimen.errors import ConfigError

Make = Callable[..., Any]
GAMMA = 0.97


class Table:
    """A lane for every pair of state and action of a deterministic decision process, whose last state is terminal.

    The observation is the state, one-hot; from state 0 action 0 the episode is cut as well, without an end.
    """

    def __init__(self, successors: np.ndarray, rewards: np.ndarray) -> None:
        self.successors, self.rewards = successors, rewards
        states, actions = rewards.shape
        self.spec = EnvSpec(columns=tuple(f"s{k}" for k in range(states)), choices=actions)
        self.n_envs = states * actions
        self.at = np.repeat(np.arange(states), actions)

    def reset(self, _seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.at = np.repeat(np.arange(len(self.rewards)), self.rewards.shape[1])
        return np.eye(len(self.rewards))[self.at], {}

    def step(self, actions: np.ndarray) -> Any:
        reached, reward = self.successors[self.at, actions], self.rewards[self.at, actions]
        terminated = reached == len(self.rewards) - 1
        truncated = (self.at == 0) & (actions == 0)
        final = np.eye(len(self.rewards))[reached]
        self.at = np.where(terminated | truncated, 1, reached)  # begun anew
        return np.eye(len(self.rewards))[self.at], reward, terminated, truncated, {"final_observation": final}

    def state(self) -> dict[str, np.ndarray]:
        return {"at": self.at.copy()}

    def restore(self, state: Any) -> None:
        self.at = state["at"].copy()


def best(successors: np.ndarray, rewards: np.ndarray, gamma: float) -> np.ndarray:
    """Q (state, action) of the best policy; the last state is worth nothing."""
    q = np.zeros_like(rewards)
    for _ in range(1500):
        value = q.max(axis=1)
        value[-1] = 0.0
        q = rewards + gamma * value[successors]
    return q[:-1]


@pytest.mark.parametrize("seed", range(100))
def test_the_best_policy_stays_the_best(seed: int) -> None:
    """Q' = Q − Φ in every state and action, on random decision processes."""
    random = np.random.default_rng(seed)
    states, actions = int(random.integers(3, 8)), int(random.integers(2, 5))
    successors = random.integers(0, states, (states, actions))
    rewards, potential = random.normal(size=(states, actions)), random.normal(size=states)
    config = ShapedConfig(gamma=0.9, weights={f"s{k}": float(each) for k, each in enumerate(potential)})
    env = config.wrap(Table(successors, rewards))
    env.reset()
    shaped = env.step(np.tile(np.arange(actions), states))[1].reshape(states, actions)
    plain, other = best(successors, rewards, 0.9), best(successors, shaped, 0.9)
    np.testing.assert_allclose(other, plain - potential[:-1, None], atol=1e-9)
    gap = np.sort(plain, axis=1)
    clear = gap[:, -1] - gap[:, -2] > 1e-6
    np.testing.assert_array_equal(other.argmax(axis=1)[clear], plain.argmax(axis=1)[clear])


@pytest.mark.parametrize("ruined", [False, True])
def test_an_episode_pays_the_same_up_to_its_ends(make_bars: Make, make_features: Make, ruined: bool) -> None:
    """Σ γᵗ F = γᵀ Φ(s_T) − Φ(s_0) over every episode that is cut, and −Φ(s_0) over one that ends in ruin."""
    bars = make_bars(sigma=0.3 if ruined else 0.02, seed=5)
    features = make_features(bars)
    fields = {"n_envs": 16, "episode_length": 25, "actions": "continuous"}
    plain = VectorMarket(bars, features, **fields)
    shaped = ShapedConfig(gamma=GAMMA, weights={"position": 0.7, "drawdown": -2.0}).wrap(
        VectorMarket(bars, features, **fields)
    )
    plain.reset(seed=3)
    begun = shaped.potential(shaped.reset(seed=3)[0])
    random, total, age, episodes, ruins = np.random.default_rng(0), np.zeros(16), np.zeros(16), 0, 0
    for _ in range(120):
        actions = random.uniform(-1.0, 1.0, (16, 1)).astype(np.float32)
        paid = plain.step(actions)[1].copy()
        seen, reward, terminated, truncated, info = shaped.step(actions)
        total += GAMMA**age * (reward - paid)
        age += 1
        for lane in np.flatnonzero(terminated | truncated):
            end = 0.0 if terminated[lane] else shaped.potential(info["final_observation"])[lane]
            assert total[lane] == pytest.approx(GAMMA ** age[lane] * end - begun[lane], abs=1e-9)
            begun[lane], total[lane], age[lane] = shaped.potential(seen)[lane], 0.0, 0
            episodes, ruins = episodes + 1, ruins + int(terminated[lane])
    assert episodes > 30
    assert (ruins > 0) is ruined


def test_a_wrapped_market_goes_on_where_it_stood_and_is_still_a_market(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    features = make_features(bars)
    config = ShapedConfig(weights={"position": 1.0})
    group = MarketGroup([VectorMarket(bars, features, n_envs=2, episode_length=5) for _ in range(2)])
    env = wrapped(group, (config, config))
    assert innermost(env) is group
    assert markets_of(env) == group.markets
    env.reset(seed=1)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (12, 4)).astype(np.float32)
    for t in range(6):
        env.step(actions[t])
    kept = env.state()
    expected = [env.step(actions[t])[1].copy() for t in range(6, 12)]
    env.reset(seed=9)
    env.restore(kept)
    np.testing.assert_array_equal([env.step(actions[t])[1] for t in range(6, 12)], expected)
    with pytest.raises(ConfigError, match=r"must be columns that lanes show, not 'luck'"):
        ShapedConfig(weights={"luck": 1.0}).wrap(group)
