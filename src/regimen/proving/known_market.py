"""A market with a known optimum as an environment: exactly its signal, its reward and its optimum, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.envs import EnvSpec, PossibleStarts, Step
from regimen.errors import ConfigError, RunError
from regimen.jit import jit
from regimen.seeding import generator, generator_state, restore_generator
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    KellyConfig,
    MartingaleConfig,
    MertonConfig,
    OrnsteinUhlenbeckConfig,
    Simulation,
)

Floats = NDArray[np.float64]
PlayableMarket = (
    MartingaleConfig
    | Ar1Config
    | OrnsteinUhlenbeckConfig
    | HysteresisConfig
    | GarleanuPedersenConfig
    | HiddenRegimeConfig
    | KellyConfig
    | MertonConfig
)
"""The markets whose reward is the utility of a position's gain, less charges for trading and for holding."""


class _Terms(NamedTuple):
    """What a market pays: U(cash + x·(gain − cash)) − c|Δx| − (λ/2)Δx² − (κ/2)x², U of constant risk aversion γ."""

    proportional: float = 0.0
    quadratic: float = 0.0
    holding: float = 0.0
    aversion: float = 0.0
    cash: float = 0.0
    lag: int = 0


def _terms(market: PlayableMarket) -> _Terms:
    if isinstance(market, MartingaleConfig | HysteresisConfig):
        return _Terms(proportional=market.cost)
    if isinstance(market, GarleanuPedersenConfig):
        return _Terms(quadratic=market.cost, holding=market.risk)
    if isinstance(market, Ar1Config | OrnsteinUhlenbeckConfig):
        return _Terms(lag=market.lag)
    if isinstance(market, KellyConfig):
        return _Terms(aversion=1.0)
    if isinstance(market, MertonConfig):
        if market.cost > 0.0:
            raise ConfigError(
                "market.cost", "must be 0: with costs the fraction held drifts between two bars", market.cost
            )
        return _Terms(aversion=market.risk_aversion, cash=market.cash_rate)
    return _Terms()


def shown_columns(simulation: Simulation) -> tuple[tuple[str, ...], Floats]:
    """Returns the names and the numbers (time, column) of what a market shows beside its prices."""
    extras = simulation.bars.extras
    return tuple(extras), np.ascontiguousarray(np.column_stack([extras[name][:, 0] for name in extras]))


@jit
def _utility(growth: float, aversion: float) -> float:
    if aversion == 0.0:
        return growth
    if aversion == 1.0:
        return math.log1p(growth)
    return float(((1.0 + growth) ** (1.0 - aversion) - 1.0) / (1.0 - aversion))


@jit
def _step(
    targets: Floats,
    shown: Floats,
    gains: Floats,
    terms: _Terms,
    starts: NDArray[np.int64],
    length: int,
    bar: NDArray[np.int64],
    left: NDArray[np.int64],
    position: Floats,
    rewards: Floats,
    truncated: NDArray[np.bool_],
    seen: NDArray[np.float32],
    final: NDArray[np.float32],
) -> None:
    columns = shown.shape[1]
    for lane in range(len(bar)):
        x, traded = targets[lane], targets[lane] - position[lane]
        rewards[lane] = (
            _utility(terms.cash + x * (gains[bar[lane]] - terms.cash), terms.aversion)
            - terms.proportional * abs(traded)
            - 0.5 * terms.quadratic * traded * traded
            - 0.5 * terms.holding * x * x
        )
        position[lane] = x
        bar[lane] += 1
        left[lane] -= 1
        truncated[lane] = left[lane] == 0
        if truncated[lane]:
            final[lane, :columns] = shown[bar[lane]]
            final[lane, columns] = x
            bar[lane], left[lane], position[lane] = starts[lane], length, 0.0
        seen[lane, :columns] = shown[bar[lane]]
        seen[lane, columns] = position[lane]


@final
class KnownMarketEnv:
    """Lanes at random places of one simulated path; the lane's observation is what the market shows, and its position.

    *Timing:* the position decided at the close of bar t earns ``truth["returns"][t + 1 + lag]``, less the market's
    charges: a lane's reward is, number by number, what ``market.rewards`` gives for its positions. Episodes are cut
    (``truncated``) after ``episode_length`` steps, the first one of each lane after a random part of it, so that the
    lanes do not end together.

    Args:
        market: any of `PlayableMarket`.
        simulation: its path.
        n_envs: lanes.
        levels: positions to choose from, or None for a continuous position in [−reach, reach].
        reach: largest continuous position.
        episode_length: steps.
        show_position: whether the lane sees its position; the only memory of an agent that has none of its own.

    Attributes:
        recipe: what makes as many lanes as another process likes.

    Raises:
        ConfigError: no lanes, an empty episode, or one that is longer than the path; a reach with which one bar of
            this path could ruin an owner of wealth; a Merton market with costs.
    """

    def __init__(
        self,
        market: PlayableMarket,
        simulation: Simulation,
        n_envs: int = 1024,
        *,
        levels: tuple[float, ...] | None = (-1.0, 0.0, 1.0),
        reach: float = 1.0,
        episode_length: int = 256,
        show_position: bool = True,
    ) -> None:
        fields = {"levels": levels, "reach": reach, "episode_length": episode_length, "show_position": show_position}
        self.recipe = KnownMarketRecipe(market, simulation, fields)
        self._terms = _terms(market)
        self._gains = np.ascontiguousarray(simulation.returns[1 + self._terms.lag :])
        for name, value, most in (("n_envs", n_envs, None), ("episode_length", episode_length, len(self._gains) - 1)):
            if value < 1 or (most is not None and value > most):
                rule = "must be at least 1" if most is None else f"must lie in [1, {most}], the length of the path"
                raise ConfigError(f"envs.{name}", rule, value)
        self.market, self.n_envs, self.episode_length = market, n_envs, episode_length
        names, self._shown = shown_columns(simulation)
        columns = (*names, "position") if show_position else names
        self.levels = None if levels is None else np.array(levels, dtype=np.float64)
        if levels is None:
            self.spec = EnvSpec(columns=columns, low=-reach, high=reach)
        else:
            self.spec = EnvSpec(columns=columns, choices=len(levels))
        self._check_ruin(reach if levels is None else float(np.abs(levels).max()))
        self._bar, self._left, self._starts = (np.zeros(n_envs, np.int64) for _ in range(3))
        self._position, self._rewards = np.zeros(n_envs), np.zeros(n_envs)
        self._terminated, self._truncated = np.zeros(n_envs, np.bool_), np.zeros(n_envs, np.bool_)
        self._seen = np.zeros((n_envs, len(names) + 1), np.float32)
        self._final = np.zeros_like(self._seen)
        width = len(columns)
        self._shows, final = self._seen[:, :width], self._final[:, :width]
        self._info: dict[str, Any] = {"final_observation": final, "position": self._position}
        self._random = generator(0, "known market")

    def reset(
        self, seed: int | None = None, starts: ArrayLike | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins new episodes at random bars; a seed begins the random stream anew.

        Args:
            seed: of the places and of the first episodes' lengths.
            starts: (lane,) bars to start at, for whole episodes.

        Raises:
            RunError: starts of another shape, or without room for an episode.
        """
        if seed is not None:
            self._random = generator(seed, "known market")
        if starts is None:
            self._left[:] = self._random.integers(1, self.episode_length + 1, self.n_envs)
            self._bar[:] = self._draw(self.n_envs)
        else:
            self._left[:] = self.episode_length
            self._bar[:] = self._checked_starts(starts)
        self._position[:] = 0.0
        self._seen[:, :-1] = self._shown[self._bar]
        self._seen[:, -1] = 0.0
        return self._shows, self._info

    def step(self, actions: NDArray[Any]) -> Step:
        """Takes (lane,) indices of levels, or (lane, 1) positions, and steps every lane by one bar."""
        targets = self.levels[actions] if self.levels is not None else actions[:, 0].astype(np.float64)
        ending = np.flatnonzero(self._left == 1)
        if len(ending):
            self._starts[ending] = self._draw(len(ending))
        _step(
            targets,
            self._shown,
            self._gains,
            self._terms,
            self._starts,
            self.episode_length,
            self._bar,
            self._left,
            self._position,
            self._rewards,
            self._truncated,
            self._seen,
            self._final,
        )
        return self._shows, self._rewards, self._terminated, self._truncated, self._info

    def best(self, observation: NDArray[Any]) -> NDArray[Any]:
        """Returns what the market's best rule does where lanes show this: indices (lane,), or positions (lane, 1).

        Args:
            observation: (lane, width), the market's column first and the position last.

        Raises:
            ConfigError: a market whose best rule is not one of what it shows and of the position.
        """
        respond = getattr(self.market, "respond", None)
        if respond is None or self.spec.columns[-1] != "position":
            raise ConfigError("agents.expert", "must be of a market that shows what its best rule reads", "optimum")
        rows = np.asarray(observation, np.float64)
        positions = np.asarray(respond(rows[:, 0], rows[:, -1]), np.float64)
        if self.levels is None:
            return np.clip(positions, self.spec.low, self.spec.high)[:, None]
        return np.asarray(np.abs(positions[:, None] - self.levels).argmin(axis=1))

    @property
    def path(self) -> tuple[Floats, Floats, _Terms]:
        """What the lanes walk along, for the exact gradient: what is shown, gains, and what they are paid."""
        return self._shown, self._gains, self._terms

    @property
    def possible_starts(self) -> tuple[PossibleStarts, ...]:
        """The bars at which an episode of any lane can start."""
        return (PossibleStarts(self.n_envs, np.arange(len(self._gains) - self.episode_length)),)

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes: places, positions, and where the random stream stands."""
        changing = {name: array.copy() for name, array in self._changing().items()}
        return changing | {"random": generator_state(self._random)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state` of an environment of the same market, path and lanes, bit for bit."""
        for name, array in self._changing().items():
            array[...] = state[name]
        self._random = restore_generator(state["random"])

    def __reduce__(self) -> tuple[Callable[..., KnownMarketEnv], tuple[object, ...]]:
        """Lets another process have it, or a copy: built anew where it stands, since its arrays are views."""
        return _rebuilt, (self.recipe, self.n_envs, self.state())

    def _check_ruin(self, reach: float) -> None:
        worst = float(np.abs(self._gains - self._terms.cash).max())
        if self._terms.aversion > 0.0 and reach * worst >= 1.0:
            raise ConfigError(
                "envs.reach", f"must be below {1.0 / worst:.3g}, where one bar of this path is ruin", reach
            )

    def _changing(self) -> dict[str, NDArray[Any]]:
        return {"bar": self._bar, "left": self._left, "position": self._position, "seen": self._seen}

    def _checked_starts(self, starts: ArrayLike) -> NDArray[np.int64]:
        bars, stop = np.asarray(starts), len(self._gains) - self.episode_length
        if bars.shape != (self.n_envs,) or bars.dtype.kind not in "iu":
            raise RunError("starts", f"must be bars of shape ({self.n_envs},)", bars.shape)
        if ((bars < 0) | (bars >= stop)).any():
            bad = int(bars[((bars < 0) | (bars >= stop)).argmax()])
            raise RunError("starts", f"must lie in [0, {stop - 1}], with room for an episode", bad)
        return bars.astype(np.int64)

    def _draw(self, lanes: int) -> NDArray[np.int64]:
        return self._random.integers(0, len(self._gains) - self.episode_length, lanes)


@final
@dataclass(frozen=True, eq=False)
class KnownMarketRecipe:
    """What a `KnownMarketEnv` is made of, but for the number of its lanes; see there."""

    market: PlayableMarket
    simulation: Simulation
    fields: Mapping[str, Any]

    def build(self, lanes: int, seed: int = 0) -> KnownMarketEnv:
        """Returns so many lanes, at the random places of a seed."""
        env = KnownMarketEnv(self.market, self.simulation, lanes, **self.fields)
        env.reset(seed)
        return env


def _rebuilt(recipe: KnownMarketRecipe, lanes: int, state: Mapping[str, NDArray[Any]]) -> KnownMarketEnv:
    env = KnownMarketEnv(recipe.market, recipe.simulation, lanes, **recipe.fields)
    env.restore(state)
    return env
