"""Lanes made in another process are the same lanes, bit for bit."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from regimen.envs import EnvRecipe, EnvSpec, ShapedConfig, VectorMarketConfig, markets_of, recipe_of, starts_of
from regimen.errors import ConfigError, RunError

Make = Callable[..., Any]


def rewards(recipe: EnvRecipe) -> list[bytes]:
    env = recipe.build(6, seed=4)
    env.reset()
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (20, env.n_envs)).astype(np.float32)
    return [env.step(row)[1].tobytes() for row in actions]


@pytest.fixture
def recipe(make_bars: Make, make_features: Make) -> EnvRecipe:
    config = VectorMarketConfig(episode_length=7)
    tables = [make_bars(seed=seed) for seed in (1, 2)]
    return EnvRecipe(
        tuple((bars, make_features(bars), config) for bars in tables), (ShapedConfig(weights={"position": 1.0}),)
    )


def test_another_process_makes_the_same_lanes(recipe: EnvRecipe) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(rewards, (recipe,)) == rewards(recipe)


def test_lanes_are_shared_and_have_seeds_of_their_own(recipe: EnvRecipe) -> None:
    env = pickle.loads(pickle.dumps(recipe)).build(7, seed=4)
    assert [market.n_envs for market in markets_of(env)] == [3, 3]
    assert [market.config.seed for market in markets_of(env)] == [4, 5]
    assert rewards(recipe) != rewards(EnvRecipe(recipe.markets))  # the wrapper is part of it


def test_a_market_that_cannot_start_is_left_out(recipe: EnvRecipe) -> None:
    (bars, features, config), other = recipe.markets
    nowhere = (bars, np.full_like(np.asarray(features, np.float64), np.nan), config)
    assert len(markets_of(EnvRecipe((nowhere, other)).build(4))) == 1
    with pytest.raises(ConfigError, match=r"^features: must be known somewhere in the span of a market$"):
        EnvRecipe((nowhere,)).build(4)


class Blindfold:
    """A wrapper that leaves a column out."""

    def wrap(self, env: Any) -> Any:
        spec = EnvSpec(columns=env.spec.columns[1:])
        return SimpleNamespace(spec=spec, below=env, n_envs=env.n_envs)


def test_a_wrapper_that_shows_something_else_is_refused(recipe: EnvRecipe) -> None:
    rule = (
        r"^environment\.wrappers: must leave columns and actions as they are: what has learned with them trades without"
    )
    with pytest.raises(ConfigError, match=rule):
        EnvRecipe(recipe.markets, (Blindfold(),)).build(4)


def test_lanes_say_what_they_are_made_of_and_where_they_can_start(recipe: EnvRecipe) -> None:
    env = recipe.build(6, seed=4)
    assert rewards(recipe_of(env)) == rewards(recipe)  # type: ignore[arg-type]
    starts = starts_of(env)
    assert [each.lanes for each in starts] == [3, 3]
    env.reset(starts=np.concatenate([np.repeat(each.bars[-1], each.lanes) for each in starts]))
    with pytest.raises(RunError, match="starts"):
        env.reset(starts=np.concatenate([np.repeat(each.bars[-1] + 1, each.lanes) for each in starts]))
    own = SimpleNamespace(below=SimpleNamespace(recipe=recipe), config=ShapedConfig(weights={"position": 2.0}))
    assert rewards(recipe_of(own)) != rewards(recipe)  # type: ignore[arg-type]
    for wrapper, rule in ((SimpleNamespace(below=env), "config that wraps"), (SimpleNamespace(), "have a recipe")):
        with pytest.raises(RunError, match=rule):
            recipe_of(wrapper)
    with pytest.raises(RunError, match="must take starts"):
        starts_of(SimpleNamespace())
