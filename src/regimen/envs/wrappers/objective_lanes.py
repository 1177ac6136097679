"""Lanes that pay several objectives at once, and show the preference among them as columns of the observation."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.envs.group import markets_of
from regimen.envs.kinds import FLOOR
from regimen.envs.spec import Step, VectorEnv, innermost
from regimen.envs.vector_market import VectorMarket
from regimen.envs.wrappers.objective_steps import BUCKETS, PAST, moves_of, score
from regimen.envs.wrappers.objectives import OBJECTIVES, ObjectivesConfig
from regimen.errors import ConfigError
from regimen.seeding import generator, generator_state, restore_generator
from regimen.stateful import below, under

Floats = NDArray[np.float64]


@final
class Objectives:
    """Lanes of markets that pay several objectives: ``info["rewards"]`` (lane, objective) float64.

    The reward itself is the preference's weighted sum of them. For the bar from the close of t to that of t + 1:

    - ``profit``: the logarithm of what the equity became over what it was, as `LogWealthConfig` has it;
    - ``risk``: minus by how much the drawdown of the episode grew, a share of equity;
    - ``activity``: the exposure that was decided, without its sign: to hold is paid, to trade to and fro is not;
    - ``timing``: what the exposures earned on the prices beyond their mean of the episode so far, before costs: nothing
      for a position that never changes;
    - ``consistency``: 1 for a bar that gained, −1 for one that lost;
    - ``exploration``: 1 / √n for an exposure that was decided for the n-th time in the episode, in tenths; nothing for
      being flat.

    All of it is known at the close of t + 1; no later price is looked at. An account that never trades is paid 0 in
    each.

    A preference is drawn uniformly among all shares that sum to 1, anew where an episode ends;
    ``info["final_observation"]`` still shows that of the episode which ended. Observations (lane, width) have the
    preference's columns behind those of the lanes below; a panel is flattened.

    Args:
        env: lanes of one market or several.
        config: the objectives.

    Attributes:
        below: the lanes as they are.
        spec: theirs, with the preference's columns.

    Raises:
        ConfigError: lanes that are not of a market, or have another wrapper around them.
    """

    def __init__(self, env: VectorEnv, config: ObjectivesConfig) -> None:
        self.below, self.config = env, config
        self.markets = markets_of(env)
        if not self.markets:
            rule = "must stand around lanes of a market, whose accounts they look at"
            raise ConfigError("objectives", rule, type(env).__name__)
        if innermost(env) is not env:
            rule = "must stand next to the market: what shaping pays and a curriculum changes below them would be lost"
            raise ConfigError("objectives", rule, type(env).__name__)
        self.spec = env.spec.model_copy(update={"columns": (*env.spec.columns, *config.columns)})
        self._chosen = [OBJECTIVES.index(name) for name in config.names]
        edges = np.cumsum([0, *(market.n_envs for market in self.markets)]).tolist()
        self._parts = tuple(slice(*ends) for ends in pairwise(edges))
        moves = {id(market.bars): moves_of_bars(market) for market in self.markets}
        self._moves = tuple(moves[id(market.bars)] for market in self.markets)
        lanes, symbols = env.n_envs, len(self.markets[0].symbols)
        width, precision = self.spec.width, self.markets[0].config.precision
        self._floors = tuple(FLOOR * market.config.market.initial_cash for market in self.markets)
        self._random = generator(0, "objectives")
        self._preference = np.zeros((lanes, len(config.names)))
        self._bars = np.zeros(lanes, np.int64)
        self._past = np.zeros((lanes, symbols, PAST))
        self._counts = np.zeros((lanes, symbols, BUCKETS), np.int64)
        self._every = np.zeros((lanes, len(OBJECTIVES)))
        self._seen, self._final = (np.zeros((lanes, width), precision) for _ in range(2))

    @property
    def n_envs(self) -> int:
        """Number of lanes."""
        return self.below.n_envs

    @property
    def preference(self) -> Floats:
        """(lane, objective) of the episodes that are under way; a copy."""
        return self._preference.copy()

    def reset(self, seed: int | None = None, starts: ArrayLike | None = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins new episodes, each with a preference of its own; a seed begins their stream anew too."""
        seen, info = self.below.reset(seed) if starts is None else self.below.reset(seed, starts)
        if seed is not None:
            self._random = generator(seed, "objectives")
        self._past[:], self._counts[:], self._every[:] = 0.0, 0, 0.0
        self._preference[:] = self._drawn(self.n_envs)
        return self._shown(seen), self._known(info)

    def prefer(self, shares: ArrayLike) -> NDArray[Any]:
        """Gives the episodes that are under way preferences of one's own; returns what is seen now.

        Args:
            shares: (lane, objective), which sum to 1.
        """
        self._preference[:] = shares
        self._seen[:, self.spec.width - len(self.config.names) :] = self._preference
        return self._seen

    def step(self, actions: NDArray[Any]) -> Step:
        """Steps every lane; rewards are new arrays."""
        seen, _, terminated, truncated, info = self.below.step(actions)
        ended = terminated | truncated
        for market, part, moves, floor in zip(self.markets, self._parts, self._moves, self._floors, strict=True):
            equity, profit, drawdown = (info[name][part] for name in ("equity", "profit", "drawdown"))
            score(
                self._bars[part], equity, profit, drawdown, ended[part], market.targets, *moves, floor,
                self._past[part], self._counts[part], self._every[part],
            )  # fmt: skip
        rewards = self._every[:, self._chosen]
        paid = (rewards * self._preference).sum(axis=1)
        if ended.any():
            width = self.spec.width - len(self.config.names)
            self._final[:, :width] = info["final_observation"].reshape(self.n_envs, width)
            self._final[:, width:] = self._preference
            self._preference[ended] = self._drawn(int(ended.sum()))
        return self._shown(seen), paid, terminated, truncated, self._known(info) | {"rewards": rewards}

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes."""
        own = {name: array.copy() for name, array in self._changing().items()}
        return under("below/", self.below.state()) | own | {"random": generator_state(self._random)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit."""
        self.below.restore(below(state, "below/"))
        for name, array in self._changing().items():
            array[...] = state[name]
        self._random = restore_generator(state["random"])

    def _changing(self) -> dict[str, NDArray[Any]]:
        return {
            "preference": self._preference,
            "bars": self._bars,
            "past": self._past,
            "counts": self._counts,
            "seen": self._seen,
            "final": self._final,
        }

    def _drawn(self, lanes: int) -> Floats:
        """Returns preferences (lane, objective), uniform among all."""
        drawn = self._random.standard_exponential((lanes, len(self.config.names)))
        return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))

    def _shown(self, seen: NDArray[Any]) -> NDArray[Any]:
        width = self.spec.width - len(self.config.names)
        self._seen[:, :width] = seen.reshape(self.n_envs, width)
        self._seen[:, width:] = self._preference
        return self._seen

    def _known(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the info as it is shown here, and remembers at which bars the lanes are."""
        self._bars[:] = info["bar"]
        return {**info, "final_observation": self._final}


def moves_of_bars(market: VectorMarket) -> tuple[Floats, Floats]:
    """Returns what a position gains from each close to the next open, and from there to the close; see `moves_of`."""
    bars = market.bars
    bars = bars.adjusted() if "adjustment" in bars.extras else bars
    return moves_of(bars.open, bars.close)
