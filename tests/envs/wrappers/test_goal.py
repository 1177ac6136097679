"""Goals: one for each episode, shown in it to its last observation, paid after the step, and kept over a kill."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regimen.envs import EnvRecipe, EnvSpec, GoalConfig, GoalSpace, VectorMarket, VectorMarketConfig, innermost
from regimen.errors import ConfigError

Make = Callable[..., Any]
CONFIG = GoalConfig(ranges={"position": (-1.0, 1.0), "drawdown": (0.1, 0.3)}, tolerance=0.2, pay=0.5)
FIELDS: dict[str, Any] = {"n_envs": 16, "episode_length": 9, "actions": "continuous"}


def test_a_step_is_paid_for_what_it_leads_to(make_bars: Make, make_features: Make) -> None:
    """Beside the market's own pay, −0.5 where a column is off its goal after the step; every episode has its own."""
    bars = make_bars()
    features = make_features(bars)
    plain, env = VectorMarket(bars, features, **FIELDS), CONFIG.wrap(VectorMarket(bars, features, **FIELDS))
    names = (*plain.spec.columns, "position_goal", "drawdown_goal")
    assert env.spec == EnvSpec(columns=names, goal=CONFIG.space)
    assert innermost(env) is env.below
    below, (seen, _) = plain.reset(seed=3)[0].reshape(16, -1), env.reset(seed=3)
    places, width = [plain.spec.columns.index(name) for name in CONFIG.ranges], plain.spec.width
    random, hits, drawn = np.random.default_rng(0), 0, [seen[:, width:].copy()]
    for _ in range(60):
        goals = seen[:, width:].copy()
        actions = (goals[:, :1] + random.choice([0.0, 1.0], (16, 1))).clip(-1.0, 1.0).astype(np.float32)
        below, paid, *_, last = plain.step(actions)
        below, paid, final = below.reshape(16, -1).copy(), paid.copy(), last["final_observation"].reshape(16, -1).copy()
        seen, reward, terminated, truncated, info = env.step(actions)
        ended = terminated | truncated
        reached = np.where(ended[:, None], final, below)
        met = (np.abs(reached[:, places] - goals) <= np.float32(0.2)).all(1)
        np.testing.assert_array_equal(reward, paid - 0.5 * ~met)
        np.testing.assert_array_equal(seen[:, :width], below)
        np.testing.assert_array_equal(seen[~ended, width:], goals[~ended])
        np.testing.assert_array_equal(info["final_observation"][ended], np.hstack([final, goals])[ended])
        hits += int(met.sum())
        drawn.append(seen[ended, width:].copy())
    assert 20 < hits < 900
    goals = np.concatenate(drawn)
    assert len(np.unique(goals[:, 0])) == len(goals) > 100  # a new one for each episode
    np.testing.assert_allclose(goals.min(0), [-1.0, 0.1], atol=0.05)
    np.testing.assert_allclose(goals.max(0), [1.0, 0.3], atol=0.05)


def test_lanes_with_goals_go_on_where_they_stood(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    recipe = EnvRecipe(((bars, make_features(bars), VectorMarketConfig(**FIELDS)),), (CONFIG,))
    env, actions = recipe.build(16), np.random.default_rng(0).uniform(-1.0, 1.0, (20, 16, 1)).astype(np.float32)
    env.reset(seed=1)
    for t in range(10):
        env.step(actions[t])
    kept = env.state()
    expected = [(*(part.copy() for part in env.step(actions[t])[:2]),) for t in range(10, 20)]
    env.reset(seed=9)
    env.restore(kept)
    for t, pair in enumerate(expected):
        np.testing.assert_array_equal(env.step(actions[10 + t])[0], pair[0])


def test_what_policies_are_shown_later() -> None:
    assert CONFIG.shows == {"position_goal": 0.0, "drawdown_goal": 0.2}
    chosen = GoalConfig(ranges={"position": (-1.0, 1.0)}, trading={"position": 0.5})
    assert chosen.shows == {"position_goal": 0.5}
    space = GoalSpace(goal=("a", "b"), achieved=("c", "d"), tolerance=0.5, reached=2.0)
    met = space.met(np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[1.5, 2.0], [1.0, 2.75]]))
    np.testing.assert_array_equal(space.pay(met), [2.0, -1.0])


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"ranges": {}}, "at least 1 item"),
        ({"ranges": {"a": (1.0, 0.0)}}, "ranges.a must rise; got 1 and 0"),
        ({"ranges": {"a": (0.0, 1.0)}, "trading": {"b": 0.0}}, "trading must be of columns in ranges; got 'b'"),
        ({"ranges": {"a": (0.0, 1.0)}, "trading": {"a": 2.0}}, "trading.a must lie between 0 and 1; got 2"),
    ],
)
def test_impossible_goals_are_refused(fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=re.escape(rule)):
        GoalConfig(**fields)


def test_goals_that_lanes_do_not_have_are_refused(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    env = VectorMarket(bars, make_features(bars), **FIELDS)
    with pytest.raises(
        ConfigError, match=r"^environment\.wrappers\.ranges: must be of columns that lanes show .*; got 'x'"
    ):
        GoalConfig(ranges={"x": (0.0, 1.0)}).wrap(env)
    with pytest.raises(ConfigError, match=r"^environment\.wrappers: must have one goal, with all of its columns"):
        CONFIG.wrap(CONFIG.wrap(env))
    with pytest.raises(ValueError, match="goal must be of columns that lanes show; got 'b'"):
        EnvSpec(columns=("a",), goal=GoalSpace(goal=("b",), achieved=("a",)))
    with pytest.raises(ValueError, match="achieved must be 1 columns, one for each of goal"):
        GoalSpace(goal=("b",), achieved=("a", "c"))
    with pytest.raises(ValueError, match="reached must be above missed; got 0 and 1"):
        GoalSpace(goal=("b",), achieved=("a",), missed=1.0)
