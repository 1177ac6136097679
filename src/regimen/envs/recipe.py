"""`EnvRecipe`: lanes that another process can make for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from regimen.bars import Bars
from regimen.envs.config import VectorMarketConfig
from regimen.envs.group import MarketGroup
from regimen.envs.spec import VectorEnv
from regimen.envs.wrappers import Wraps, shown_by, wrapped
from regimen.errors import ConfigError


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
