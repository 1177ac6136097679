"""How much of what could be earned a policy earned: score = (J − J_base)/(J* − J_base), on one and the same noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from regimen.errors import ConfigError
from regimen.simulators.simulation import KnownMarket, Simulation

_BLOCKS = 50


@dataclass(frozen=True)
class Score:
    """A policy's place between a baseline (0) and the optimum (1).

    Attributes:
        score: (value − baseline)/(optimum − baseline), all three measured on the same path.
        error: its standard error, from the means of 50 consecutive blocks (delta method for a ratio).
        value, baseline, optimum: mean reward per bar of the policy, the baseline and the optimal policy.
        known_optimum: J* by formula or dynamic programming, for comparison.
    """

    score: float
    error: float
    value: float
    baseline: float
    optimum: float
    known_optimum: float


def score(
    market: KnownMarket,
    simulation: Simulation,
    positions: object,
    baseline: str | None = None,
    expected: bool = True,
    seed: int = 0,
) -> Score:
    """Scores positions against the optimal policy and a baseline on the same path.

    J itself carries about 1 % of noise even on 500,000 bars; the ratio of values that share their noise carries
    far less, so it is the ratio that a gate should look at.

    Args:
        market: made the simulation.
        simulation: the path.
        positions: (time,) in the market's units; row t is decided at the close of bar t.
        baseline: one of ``market.baselines``; the market's own ``reference`` unless given.
        expected: score conditional means instead of realised returns: the same expectation, less noise.
        seed: of the random baseline.

    Raises:
        ConfigError: a baseline that the market does not have, or one that earns exactly what the optimum earns.
        DataError: positions of another shape or not finite.
    """
    name = market.reference if baseline is None else baseline
    known = market.baselines(simulation, seed)
    if name not in known:
        raise ConfigError("baseline", f"must be one of {', '.join(known)}", name)
    value = market.rewards(simulation, positions, expected)
    worst = market.rewards(simulation, known[name], expected)
    best = market.rewards(simulation, market.optimal(simulation), expected)
    reach = float(best.mean() - worst.mean())
    if reach == 0.0:
        raise ConfigError("baseline", "must earn less than the optimum on this path", name)
    ratio = float(value.mean() - worst.mean()) / reach
    residuals = (value - worst) - ratio * (best - worst)
    blocks = np.array([block.mean() for block in np.array_split(residuals, min(_BLOCKS, len(residuals)))])
    error = float(blocks.std(ddof=1) / math.sqrt(len(blocks)) / abs(reach)) if len(blocks) > 1 else math.nan
    return Score(ratio, error, float(value.mean()), float(worst.mean()), float(best.mean()), market.optimum)
