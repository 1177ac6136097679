"""An agent walks fresh paths of a known market, and is scored against the best policy on the same paths."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.proving.known_market import PlayableMarket, shown_columns
from regimen.seeding import generator
from regimen.simulators import Simulation

Floats = NDArray[np.float64]


class Predicts(Protocol):
    """Whatever answers an observation with an action."""

    def predict(self, observation: NDArray[Any], state: Any = None, deterministic: bool = True) -> tuple[Any, Any]:
        """Returns actions and the next state."""


@dataclass(frozen=True, eq=False)
class Walk:
    """What an agent held on fresh paths, each from a flat start.

    Attributes:
        market: made the paths.
        simulations: the paths.
        positions: (time, path); row t is decided at the close of bar t.
    """

    market: PlayableMarket
    simulations: tuple[Simulation, ...]
    positions: Floats

    def paths(self) -> Iterator[tuple[Simulation, Floats]]:
        """Yields each path with the positions (time,) held on it."""
        return ((simulation, self.positions[:, path]) for path, simulation in enumerate(self.simulations))

    def before(self) -> Floats:
        """Returns the positions (time, path) before each decision."""
        return np.vstack([np.zeros((1, self.positions.shape[1])), self.positions[:-1]])

    def baseline(self, name: str) -> Iterator[tuple[Simulation, Floats]]:
        """Yields each path with the positions (time,) of one of the market's baselines; random ones differ by path."""
        for path, simulation in enumerate(self.simulations):
            yield simulation, self.market.baselines(simulation, path)[name]

    def signal(self) -> Floats:
        """Returns the signal (time, path) at each decision, of a market that shows one."""
        return np.column_stack([simulation.signal for simulation in self.simulations])


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


@lru_cache(maxsize=2)
def _fresh(market: PlayableMarket, seed: int, paths: int, bars: int) -> tuple[Simulation, ...]:
    seeds = generator(seed, "evaluate").integers(0, 2**62, paths)
    return tuple(market.simulate(bars, int(number)) for number in seeds)


def walk(
    agent: Predicts,
    market: PlayableMarket,
    seed: int,
    *,
    deterministic: bool = True,
    levels: tuple[float, ...] | None = (-1.0, 0.0, 1.0),
    paths: int = 64,
    bars: int = 4000,
    show_position: bool = True,
) -> Walk:
    """Lets an agent trade ``paths`` fresh paths side by side, each from a flat start and without an end in between.

    Never on the paths that it was trained on: the seeds of an evaluation are derived from ``seed`` and its name.

    Args:
        agent: has `predict`.
        market: any of `PlayableMarket`.
        seed: of the paths.
        deterministic: the agent's mode, or a draw from its distribution.
        levels: as in `KnownMarketEnv`.
        paths: how many.
        bars: length of each.
        show_position: as in `KnownMarketEnv`.

    Raises:
        ConfigError: fewer than two paths, which have no error.
    """
    if paths < 2:
        raise ConfigError("paths", "must be at least 2", paths)
    simulations = _fresh(market, seed, paths, bars)
    shown = np.stack([shown_columns(simulation)[1] for simulation in simulations], axis=1)  # (time, path, column)
    exposures = None if levels is None else np.array(levels)
    positions = np.zeros((bars, paths))
    seen = np.zeros((paths, shown.shape[2] + 1), np.float32)
    state = None
    for t in range(bars):
        seen[:, :-1] = shown[t]
        actions, state = agent.predict(seen if show_position else seen[:, :-1], state, deterministic)
        positions[t] = actions[:, 0] if exposures is None else exposures[actions]
        seen[:, -1] = positions[t]
    return Walk(market, simulations, positions)


def scored(walked: Walk) -> Evaluation:
    """Scores a walk as `simulators.score` does: with conditional means in the place of returns."""
    market = walked.market
    means = np.empty((len(walked.simulations), 3))
    for path, ((simulation, own), (_, naive)) in enumerate(
        zip(walked.paths(), walked.baseline(market.reference), strict=True)
    ):
        candidates = (own, naive, market.optimal(simulation))
        means[path] = [market.rewards(simulation, each, True).mean() for each in candidates]
    value, baseline, optimum = means.mean(axis=0)
    ratio = float((value - baseline) / (optimum - baseline))
    residuals = (means[:, 0] - means[:, 1]) - ratio * (means[:, 2] - means[:, 1])
    error = float(residuals.std(ddof=1) / math.sqrt(len(means)) / abs(optimum - baseline))
    turnover = float(np.abs(walked.positions - walked.before()).mean())
    return Evaluation(ratio, error, float(value), float(baseline), float(optimum), turnover)


def evaluate(
    agent: Predicts,
    market: PlayableMarket,
    seed: int,
    *,
    deterministic: bool = True,
    levels: tuple[float, ...] | None = (-1.0, 0.0, 1.0),
    paths: int = 64,
    bars: int = 4000,
    show_position: bool = True,
) -> Evaluation:
    """Lets an agent trade fresh paths and scores it: `walk`, then `scored`."""
    return scored(
        walk(
            agent,
            market,
            seed,
            deterministic=deterministic,
            levels=levels,
            paths=paths,
            bars=bars,
            show_position=show_position,
        )
    )
