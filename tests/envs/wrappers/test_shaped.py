"""Shaping changes when a step is paid and never what is best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from regimen.envs import EnvSpec, MarketGroup, ShapedConfig, VectorMarket, innermost, markets_of, wrapped
from regimen.errors import ConfigError

Make = Callable[..., Any]
GAMMA = 0.97
LEARNED = {"hidden": [8], "every": 7, "updates": 5, "minibatch_size": 32}
ADAPTIVE = {"episodes": 20, "rate": 0.1, "good": 0.05}


class Decisions:
    """A lane for every (process, state, action, next state) of random decision processes; the last state is terminal.

    The observation is a potential of the state. What is reached from state 0 is a cut: the lane begins anew in state 1.
    """

    def __init__(self, potential: np.ndarray, rewards: np.ndarray) -> None:
        self.potential, self.rewards = potential, rewards
        self.spec = EnvSpec(columns=("potential",), choices=2)
        self.n_envs = rewards.size
        self.process, self.at, _, self.to = (each.ravel() for each in np.indices(rewards.shape))

    def reset(self, _seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        return self.potential[self.process, self.at][:, None], {}

    def step(self, _actions: np.ndarray) -> Any:
        terminated = self.to == self.potential.shape[1] - 1
        truncated = self.at == 0
        reached = self.potential[self.process, self.to][:, None]
        anew = np.where(terminated | truncated, 1, self.to)
        seen = self.potential[self.process, anew][:, None]
        return seen, self.rewards.ravel().copy(), terminated, truncated, {"final_observation": reached}


def best(chances: np.ndarray, rewards: np.ndarray, gamma: float, after: np.ndarray | None = None) -> np.ndarray:
    """Q (process, state, action) of the best policies; of the last step before values ``after``, where given."""
    q = np.zeros(rewards.shape[:-1])
    for _ in range(1 if after is not None else 350):
        value = q.max(axis=2) if after is None else after
        value[:, -1] = 0.0
        q = (chances * (rewards + gamma * value[:, None, None, :])).sum(axis=3)
    return q


def test_the_best_policy_stays_the_best_whatever_the_weight_does() -> None:
    """Q' = Q − w·Φ in 1,000 random processes whose weight moves at every step; γΦ' − Φ weighed anew breaks some."""
    random = np.random.default_rng(0)
    processes, states, actions, gamma = 1000, 4, 3, 0.9
    chances = random.dirichlet(np.full(states, 0.5), (processes, states, actions))
    rewards = random.normal(size=(processes, states, actions, states))
    potential = 3.0 * random.normal(size=(processes, states))
    weights = random.uniform(0.0, 1.0, 6)
    lanes: Any = Decisions(potential, rewards)
    env = ShapedConfig(gamma=gamma, weights={"potential": 1.0}).wrap(lanes)
    plain = best(chances, rewards, gamma)
    ordered = np.sort(plain[:, :-1], axis=2)
    clear = ordered[..., -1] - ordered[..., -2] > 1e-6

    def shaped(before: float, now: float) -> np.ndarray:
        env._weight.weight = before
        env.reset()
        env._weight.weight = now
        paid = env.step(np.zeros(env.n_envs, np.int64))[1]
        return paid.reshape(rewards.shape)

    def broken(q: np.ndarray) -> int:
        return int(((q[:, :-1].argmax(axis=2) != plain[:, :-1].argmax(axis=2)) & clear).any(axis=1).sum())

    q = best(chances, shaped(weights[-1], weights[-1]), gamma)  # from the last step on the weight stays
    naive = q.copy()
    lost = 0
    for before, now in zip(weights[-2::-1], weights[:0:-1], strict=True):
        difference = (
            gamma * potential[:, None, None, :] * (np.arange(states) < states - 1) - potential[:, :, None, None]
        )
        q = best(chances, shaped(before, now), gamma, q.max(axis=2))
        naive = best(chances, rewards + before * difference, gamma, naive.max(axis=2))
        np.testing.assert_allclose(q[:, :-1], plain[:, :-1] - before * potential[:, :-1, None], atol=1e-9)
        assert broken(q) == 0
        lost = max(lost, broken(naive))
    assert lost > 100


@pytest.mark.parametrize(
    ("ruined", "potential"),
    [
        (False, {"weights": {"position": 0.7, "drawdown": -2.0}}),
        (True, {"weights": {"position": 0.7, "drawdown": -2.0}}),
        (True, {"learned": LEARNED, "adaptive": ADAPTIVE}),
    ],
)
def test_an_episode_pays_the_same_up_to_its_ends(
    make_bars: Make, make_features: Make, ruined: bool, potential: dict[str, Any]
) -> None:
    """Σ γᵗ F = γᵀ·w·Φ(s_T) − w·Φ(s_0) over every episode that is cut, and −w·Φ(s_0) over one that ends in ruin."""
    bars = make_bars(sigma=0.3 if ruined else 0.02, seed=5)
    features = make_features(bars)
    fields: dict[str, Any] = {"n_envs": 16, "episode_length": 25, "actions": "continuous"}
    plain = VectorMarket(bars, features, **fields)
    shaped = ShapedConfig(gamma=GAMMA, **potential).wrap(VectorMarket(bars, features, **fields))
    plain.reset(seed=3)
    begun = shaped.potential(shaped.reset(seed=3)[0])
    random, total, age, episodes, ruins = np.random.default_rng(0), np.zeros(16), np.zeros(16), 0, 0
    weights, values = set(), set()
    for _ in range(120):
        actions = random.uniform(-1.0, 1.0, (16, 1)).astype(np.float32)
        paid = plain.step(actions)[1].copy()
        seen, reward, terminated, truncated, info = shaped.step(actions)
        total += GAMMA**age * (reward - paid)
        age += 1
        weights.add(shaped.weight)
        values.add(float(shaped.potential(np.ones_like(seen))[0]))
        for lane in np.flatnonzero(terminated | truncated):
            end = 0.0 if terminated[lane] else shaped.potential(info["final_observation"])[lane]
            assert total[lane] == pytest.approx(GAMMA ** age[lane] * end - begun[lane], abs=1e-9)
            begun[lane], total[lane], age[lane] = shaped.potential(seen)[lane], 0.0, 0
            episodes, ruins = episodes + 1, ruins + int(terminated[lane])
    assert episodes > 30
    assert (ruins > 0) is ruined
    moves = "learned" in potential
    assert (len(weights) > 1) is moves
    assert (len(values) > 5) is moves


def test_a_wrapped_market_goes_on_where_it_stood_and_is_still_a_market(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    features = make_features(bars)
    config = ShapedConfig(weights={"position": 1.0})
    moving = ShapedConfig.model_validate({"learned": LEARNED, "adaptive": {"episodes": 4}})
    group = MarketGroup([VectorMarket(bars, features, n_envs=2, episode_length=5) for _ in range(2)])
    env = wrapped(group, (config, moving))
    assert innermost(env) is group
    assert markets_of(env) == group.markets
    env.reset(seed=1)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (30, 4)).astype(np.float32)
    for t in range(10):
        env.step(actions[t])
    kept = env.state()
    expected = [env.step(actions[t])[1].copy() for t in range(10, 30)]
    env.reset(seed=9)
    other = wrapped(
        MarketGroup([VectorMarket(bars, features, n_envs=2, episode_length=5) for _ in range(2)]), (config, moving)
    )
    for each in (env, other):
        each.restore(kept)
        np.testing.assert_array_equal([each.step(actions[t])[1] for t in range(10, 30)], expected)


def test_nothing_moves_while_a_policy_is_evaluated(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    config = ShapedConfig.model_validate({"learned": LEARNED, "adaptive": {"episodes": 4}})
    env = config.wrap(VectorMarket(bars, make_features(bars), n_envs=4, episode_length=5))
    seen = env.reset(seed=1)[0].copy()
    for _ in range(20):
        env.step(np.ones((4, 1), np.float32))
    before, weight, state = env.potential(seen), env.weight, env.state()
    env.learning = False
    for _ in range(30):
        env.step(np.ones((4, 1), np.float32))
    np.testing.assert_array_equal(env.potential(seen), before)
    assert env.weight == weight
    assert not any(
        (env.state()[name] != state[name]).any() for name in state if name.startswith(("function", "weight"))
    )


def test_what_is_no_potential_is_refused(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    env = VectorMarket(bars, make_features(bars), n_envs=2, episode_length=5)
    with pytest.raises(ConfigError, match=r"weights: must be of columns that lanes show .*; got 'luck'"):
        ShapedConfig(weights={"luck": 1.0}).wrap(env)
    with pytest.raises(ConfigError, match=r"learned\.columns: must be of columns that lanes show .*; got 'luck'"):
        ShapedConfig.model_validate({"learned": {"columns": ["luck"]}}).wrap(env)
    for bad in ({}, {"weights": {"position": 1.0}, "learned": {}}):
        with pytest.raises(ValidationError, match="weights or learned must be given, and not both"):
            ShapedConfig.model_validate(bad)
    with pytest.raises(ValidationError, match=r"most must be above least; got 0\.5 and 0\.5"):
        ShapedConfig.model_validate({"weights": {"a": 1.0}, "adaptive": {"least": 0.5, "most": 0.5}})
