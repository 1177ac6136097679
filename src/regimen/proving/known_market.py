"""A market with a known optimum as an environment: exactly its signal, its reward and its optimum, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from regimen.agents import EnvSpec
from regimen.agents.spec import Step
from regimen.errors import ConfigError
from regimen.jit import jit
from regimen.seeding import generator, generator_state, restore_generator
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    KnownMarket,
    MartingaleConfig,
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
)
"""The markets whose reward is a position's gain less charges for trading and for holding."""


def _charges(market: PlayableMarket) -> tuple[float, float, float, int]:
    """Returns proportional and quadratic cost, charge for risk, and the lag; see `simulators.rewards`."""
    if isinstance(market, MartingaleConfig | HysteresisConfig):
        return market.cost, 0.0, 0.0, 0
    if isinstance(market, GarleanuPedersenConfig):
        return 0.0, market.cost, market.risk, 0
    if isinstance(market, Ar1Config | OrnsteinUhlenbeckConfig):
        return 0.0, 0.0, 0.0, market.lag
    return 0.0, 0.0, 0.0, 0


def _shown(simulation: Simulation) -> tuple[tuple[str, ...], Floats]:
    extras = simulation.bars.extras
    return tuple(extras), np.ascontiguousarray(np.column_stack([extras[name][:, 0] for name in extras]))


@jit
def _step(
    held: Floats,
    shown: Floats,
    gains: Floats,
    charges: Floats,
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
        x, traded = held[lane], held[lane] - position[lane]
        rewards[lane] = (
            x * gains[bar[lane]]
            - charges[0] * abs(traded)
            - 0.5 * charges[1] * traded * traded
            - 0.5 * charges[2] * x * x
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

    Raises:
        ConfigError: no lanes, an empty episode, or one that is longer than the path.
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
    ) -> None:
        *charges, lag = _charges(market)
        self._gains = np.ascontiguousarray(simulation.returns[1 + lag :])
        for name, value, most in (("n_envs", n_envs, None), ("episode_length", episode_length, len(self._gains) - 1)):
            if value < 1 or (most is not None and value > most):
                rule = "must be at least 1" if most is None else f"must lie in [1, {most}], the length of the path"
                raise ConfigError(f"envs.{name}", rule, value)
        self.market, self.n_envs, self.episode_length = market, n_envs, episode_length
        names, self._shown = _shown(simulation)
        columns = (*names, "position")
        self.levels = None if levels is None else np.array(levels, dtype=np.float64)
        if levels is None:
            self.spec = EnvSpec(columns=columns, low=-reach, high=reach)
        else:
            self.spec = EnvSpec(columns=columns, choices=len(levels))
        self._charges = np.array(charges)
        self._bar, self._left, self._starts = (np.zeros(n_envs, np.int64) for _ in range(3))
        self._position, self._rewards = np.zeros(n_envs), np.zeros(n_envs)
        self._terminated, self._truncated = np.zeros(n_envs, np.bool_), np.zeros(n_envs, np.bool_)
        self._seen = np.zeros((n_envs, len(columns)), np.float32)
        self._final = np.zeros_like(self._seen)
        self._info: dict[str, Any] = {"final_observation": self._final, "position": self._position}
        self._random = generator(0, "known market")

    def reset(self, seed: int | None = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins new episodes at random bars; a seed begins the random stream anew."""
        if seed is not None:
            self._random = generator(seed, "known market")
        self._left[:] = self._random.integers(1, self.episode_length + 1, self.n_envs)
        self._bar[:] = self._draw(self.n_envs)
        self._position[:] = 0.0
        self._seen[:, :-1] = self._shown[self._bar]
        self._seen[:, -1] = 0.0
        return self._seen, self._info

    def step(self, actions: NDArray[Any]) -> Step:
        """Takes (lane,) indices of levels, or (lane, 1) positions, and steps every lane by one bar."""
        held = self.levels[actions] if self.levels is not None else actions[:, 0].astype(np.float64)
        ending = np.flatnonzero(self._left == 1)
        if len(ending):
            self._starts[ending] = self._draw(len(ending))
        _step(
            held,
            self._shown,
            self._gains,
            self._charges,
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
        return self._seen, self._rewards, self._terminated, self._truncated, self._info

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes: places, positions, and where the random stream stands."""
        changing = {name: array.copy() for name, array in self._changing().items()}
        return changing | {"random": generator_state(self._random)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state` of an environment of the same market, path and lanes, bit for bit."""
        for name, array in self._changing().items():
            array[...] = state[name]
        self._random = restore_generator(state["random"])

    def _changing(self) -> dict[str, NDArray[Any]]:
        return {"bar": self._bar, "left": self._left, "position": self._position, "seen": self._seen}

    def _draw(self, lanes: int) -> NDArray[np.int64]:
        return self._random.integers(0, len(self._gains) - self.episode_length, lanes)


class Predicts(Protocol):
    """Whatever answers an observation with an action."""

    def predict(self, observation: NDArray[Any], state: Any = None, deterministic: bool = True) -> tuple[Any, Any]:
        """Returns actions and the next state."""


@dataclass(frozen=True)
class Evaluation:
    """How an agent did on fresh paths of a known market.

    Attributes:
        score: (J − J_base)/(J* − J_base), all three on the same paths.
        error: its standard error, from the paths (delta method for a ratio).
        value, baseline, optimum: mean reward per bar of the agent, the baseline and the optimal policy.
        turnover: mean |Δx| per bar of the agent.
    """

    score: float
    error: float
    value: float
    baseline: float
    optimum: float
    turnover: float


def evaluate(
    agent: Predicts,
    market: PlayableMarket,
    seed: int,
    *,
    deterministic: bool = True,
    levels: tuple[float, ...] | None = (-1.0, 0.0, 1.0),
    paths: int = 64,
    bars: int = 4000,
) -> Evaluation:
    """Lets an agent trade ``paths`` fresh paths from a flat start, and scores it as `simulators.score` does.

    Never on the paths that it was trained on: the seeds of an evaluation are derived from ``seed`` and its name.

    Args:
        agent: has `predict`.
        market: any of `PlayableMarket`.
        seed: of the paths.
        deterministic: the agent's mode, or a draw from its distribution.
        levels: as in `KnownMarketEnv`.
        paths: number of paths, walked side by side.
        bars: length of each.

    Raises:
        ConfigError: fewer than two paths, which have no error.
    """
    if paths < 2:
        raise ConfigError("paths", "must be at least 2", paths)
    seeds = generator(seed, "evaluate").integers(0, 2**62, paths)
    simulations = [market.simulate(bars, int(number)) for number in seeds]
    shown = np.stack([_shown(simulation)[1] for simulation in simulations], axis=1)  # (time, path, column)
    exposures = None if levels is None else np.array(levels)
    positions = np.zeros((bars, paths))
    seen = np.zeros((paths, shown.shape[2] + 1), np.float32)
    state = None
    for t in range(bars):
        seen[:, :-1] = shown[t]
        actions, state = agent.predict(seen, state, deterministic)
        positions[t] = actions[:, 0] if exposures is None else exposures[actions]
        seen[:, -1] = positions[t]
    return _score(market, simulations, positions)


def _score(market: KnownMarket, simulations: list[Simulation], positions: Floats) -> Evaluation:
    means = np.empty((len(simulations), 3))
    for path, simulation in enumerate(simulations):
        held = (positions[:, path], market.baselines(simulation)[market.reference], market.optimal(simulation))
        means[path] = [market.rewards(simulation, each, True).mean() for each in held]
    value, baseline, optimum = means.mean(axis=0)
    ratio = float((value - baseline) / (optimum - baseline))
    residuals = (means[:, 0] - means[:, 1]) - ratio * (means[:, 2] - means[:, 1])
    error = float(residuals.std(ddof=1) / math.sqrt(len(means)) / abs(optimum - baseline))
    turnover = float(np.abs(np.diff(positions, axis=0, prepend=0.0)).mean())
    return Evaluation(ratio, error, float(value), float(baseline), float(optimum), turnover)
