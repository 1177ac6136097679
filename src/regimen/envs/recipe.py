"""Recipes: lanes that another process can make for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, final

from regimen.bars import Bars
from regimen.envs.config import VectorMarketConfig
from regimen.envs.group import MarketGroup, markets_of
from regimen.envs.spec import VectorEnv
from regimen.envs.wrappers import Wraps, shown_by, wrapped
from regimen.errors import ConfigError, RunError


class Recipe(Protocol):
    """What lanes are made of; it can be pickled."""

    def build(self, lanes: int, seed: int = 0) -> VectorEnv:
        """Returns so many lanes, or fewer where several markets share them equally."""


@final
@dataclass(frozen=True, eq=False)
class EnvRecipe:
    """What lanes are made of, and nothing that moves: it can be pickled, and gives the same lanes wherever it is built.

    Attributes:
        markets: bars, their features (see `VectorMarket`) and a config of each market; its lanes and seed are not read.
        wrappers: what stands around all of them, the last outside. They change what is paid, not what is done: what has
            learned in the lanes trades without them. Columns that they add are constants there; see `shown_by`.
    """

    markets: tuple[tuple[Bars, object, VectorMarketConfig], ...]
    wrappers: tuple[Wraps, ...] = ()

    def build(self, lanes: int, seed: int = 0) -> VectorEnv:
        """Returns the lanes; a market without a bar at which an episode could start is left out.

        Args:
            lanes: of all markets together, shared equally and rounded down, at least one of each.
            seed: of the first market's random starts, until reset is given another; the next has the next number.

        Raises:
            ConfigError: no market has a bar to start at; wrappers with other columns or actions than the lanes; what
                `VectorMarket` and wrappers refuse.
        """
        each = max(1, lanes // max(1, len(self.markets)))
        markets = []
        for number, (bars, features, config) in enumerate(self.markets):
            try:
                own = config.model_copy(update={"n_envs": each, "seed": seed + number})
                markets.append(own.build(bars, features))
            except ConfigError as error:
                if error.field != "features":  # of which there is no whole row in its span
                    raise
        if not markets:
            raise ConfigError("features", "must be known somewhere in the span of a market")
        bare = markets[0] if len(markets) == 1 else MarketGroup(markets)
        env = wrapped(bare, self.wrappers)
        columns = (*bare.spec.columns, *shown_by(self.wrappers))
        if env.spec.model_copy(update={"goal": None}) != bare.spec.model_copy(update={"columns": columns}):
            rule = "must leave columns and actions as they are: what has learned with them trades without them"
            raise ConfigError("environment.wrappers", rule, tuple(type(each).__name__ for each in self.wrappers))
        return env


def recipe_of(env: object) -> Recipe:
    """Returns what lanes are made of, with what is wrapped around them.

    A wrapper is known by its ``config``, which wraps; lanes that are no market by their own ``recipe``.

    Raises:
        RunError: lanes, or a wrapper, that say nothing of it.
    """
    wrappers: list[Wraps] = []
    while (below := getattr(env, "below", None)) is not None:
        config: Any = getattr(env, "config", None)
        if not hasattr(config, "wrap"):
            rule = "must have the config that wraps, for actors to build lanes of their own"
            raise RunError("env", rule, type(env).__name__)
        wrappers.append(config)
        env = below
    outwards = tuple(reversed(wrappers))
    if markets := markets_of(env):
        return EnvRecipe(tuple((each.bars, each.features, each.config) for each in markets), outwards)
    recipe: Recipe | None = getattr(env, "recipe", None)
    if recipe is None:
        raise RunError("env", "must have a recipe, for actors to build lanes of their own", type(env).__name__)
    return _Wrapped(recipe, outwards) if outwards else recipe


@final
@dataclass(frozen=True)
class _Wrapped:
    """Wrappers around the lanes of another recipe, the last outside."""

    below: Recipe
    wrappers: tuple[Wraps, ...]

    def build(self, lanes: int, seed: int = 0) -> VectorEnv:
        """See `Recipe.build`."""
        return wrapped(self.below.build(lanes, seed), self.wrappers)
