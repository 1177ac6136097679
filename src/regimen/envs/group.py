"""`MarketGroup`: several markets as one environment, so that one policy learns from all symbols of a panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.envs.spec import PossibleStarts, Step, innermost
from regimen.envs.vector_market import VectorMarket
from regimen.errors import ConfigError, RunError
from regimen.stateful import below

_INFO = ("equity", "profit", "turnover", "cost", "drawdown", "episode_reward", "episode_steps", "bar", "start")


@final
class MarketGroup:
    """The lanes of the first market, then those of the second, and so on, stepped in one call.

    Each lane trades one symbol with an account of its own; see `VectorMarket` for timing, autoreset and the arrays,
    which are written over by the next call.

    Args:
        markets: with the same columns and actions.

    Attributes:
        markets: as given.
        n_envs: lanes of all of them.
        spec: columns and actions of each.

    Raises:
        ConfigError: no markets.
        RunError: markets of different columns or actions.
    """

    def __init__(self, markets: Sequence[VectorMarket]) -> None:
        if not markets:
            raise ConfigError("envs.markets", "must be at least one")
        first = markets[0]
        for market in markets[1:]:
            if market.columns != first.columns or market.config.actions != first.config.actions:
                raise RunError("envs.markets", "must have the same columns and actions", market.symbols)
        self.markets, self.spec = tuple(markets), first.spec
        edges = np.cumsum([0, *(market.n_envs for market in markets)]).tolist()
        self._parts = tuple(slice(*ends) for ends in pairwise(edges))
        self.n_envs = n = int(edges[-1])
        shape = (n, *first.observation_shape)
        self._seen = np.zeros(shape, first.config.precision)
        self._rewards = np.zeros(n)
        self._flags = np.zeros((2, n), np.bool_)
        self._info: dict[str, NDArray[Any]] = {name: np.zeros(n) for name in _INFO}
        self._info["final_observation"] = np.zeros(shape, first.config.precision)

    @property
    def possible_starts(self) -> tuple[PossibleStarts, ...]:
        """The bars at which an episode can start, market by market."""
        return tuple(each for market in self.markets for each in market.possible_starts)

    def reset(self, seed: int | None = None, starts: ArrayLike | None = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins a new episode in every lane; a seed begins the markets' random streams anew, each its own.

        Args:
            seed: of the first market; the next one has the next number.
            starts: (lane,) bars to start at, each of its own market.

        Raises:
            RunError: starts of another shape, or at which no episode can start.
        """
        bars = None if starts is None else np.asarray(starts)
        if bars is not None and bars.shape != (self.n_envs,):
            raise RunError("starts", f"must be bars of shape ({self.n_envs},)", bars.shape)
        for number, (market, part) in enumerate(zip(self.markets, self._parts, strict=True)):
            own = None if seed is None else seed + number
            self._seen[part], info = market.reset(own, None if bars is None else bars[part])
            self._take(part, info)
        return self._seen, self._info

    def step(self, actions: NDArray[Any]) -> Step:
        """Steps every lane by one bar; actions (lane,) or (lane, symbol)."""
        if len(actions) != self.n_envs:
            raise RunError("actions", f"must be one for each of {self.n_envs} lanes", np.shape(actions))
        for market, part in zip(self.markets, self._parts, strict=True):
            self._seen[part], self._rewards[part], self._flags[0, part], self._flags[1, part], info = market.step(
                actions[part]
            )
            self._take(part, info)
        return self._seen, self._rewards, self._flags[0], self._flags[1], self._info

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes, named ``market/array``."""
        return {f"{k}/{name}": array for k, each in enumerate(self.markets) for name, array in each.state().items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state` of a group of the same markets, bit for bit."""
        for number, market in enumerate(self.markets):
            market.restore(below(state, f"{number}/"))

    def _take(self, part: slice, info: Mapping[str, NDArray[Any]]) -> None:
        for name, array in self._info.items():
            array[part] = info[name]


def markets_of(env: object) -> tuple[VectorMarket, ...]:
    """Returns the markets that lanes trade in, whatever is wrapped around them; none of lanes that are no market."""
    lanes = innermost(env)
    if isinstance(lanes, MarketGroup):
        return lanes.markets
    return (lanes,) if isinstance(lanes, VectorMarket) else ()


def bars_of(env: object) -> dict[str, NDArray[np.int64]]:
    """Returns the bar (lane,) of every lane's observation, as the info of a step would have it; {} without markets."""
    markets = markets_of(env)
    if not markets:
        return {}
    return {"bar": np.array([market.bar(lane) for market in markets for lane in range(market.n_envs)])}
