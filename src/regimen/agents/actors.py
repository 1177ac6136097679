"""Actors that step lanes for an agent: each has lanes of its own, wherever it lives."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial

from regimen.envs import Recipe, VectorEnv, recipe_of
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.seeding import torch_seed
from regimen.work import Compute, LastingActor, LastingActors

Make = Callable[[VectorEnv, int], LastingActor]
"""Makes actor 0, 1, … of its lanes; it stands in a module, for workers to import it."""


def lane_actors(make: Make, env: VectorEnv, n: int, compute: str, seed: int) -> LastingActors:
    """Returns actors with the lanes of an environment shared out among them, rounded down.

    One alone in this process has the environment itself; all others build their lanes from its recipe.

    Args:
        make: an actor of its lanes.
        env: what the lanes are like.
        n: actors.
        compute: where they live.
        seed: of the lanes' random starts, each actor's its own.

    Raises:
        ConfigError: more actors than lanes; what a lane refuses.
        RunError: lanes without a recipe, or which an actor cannot build.
    """
    if n > env.n_envs:
        raise ConfigError("agents.actors", f"must be at most the lanes, {env.n_envs}", n)
    where = Compute.parse(compute)
    if n == 1 and where.kind == "local":
        return LastingActors(partial(make, env), n, where)
    recipe = recipe_of(env)
    try:
        if where.kind != "local":
            pickle.dumps(recipe)
        return LastingActors(partial(_build, make, recipe, env.n_envs // n, seed), n, where)
    except RegimenError:
        raise
    except Exception as error:  # of whatever class: pickle's, an import's, the lanes' own
        rule = f"must be lanes that an actor can build ({type(error).__name__}: {error})"
        raise RunError("env", rule, type(env).__name__) from error


def _build(make: Make, recipe: Recipe, lanes: int, seed: int, k: int) -> LastingActor:
    return make(recipe.build(lanes, torch_seed(seed, "actor", k) % 2**31), k)
