"""What the regimes of a market are: their drift, risk, jumps and correlation, how long they last, what follows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Values = NDArray[np.float64]


class Regime(BaseModel):
    """One state of the market. Sizes are in base volatilities, so that one number moves a whole market."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1, description="the regime's name")
    duration: float = Field(gt=1.0, description="mean length in bars; lengths are geometric")
    drift: float = Field(default=0.0, description="mean return of a bar, in base volatilities")
    volatility: float = Field(default=1.0, gt=0.0, description="factor on the base volatility")
    reversion: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="expected share of the way back, in one bar, to the price at which the regime began",
    )
    jump_chance: float = Field(default=0.0, ge=0.0, le=1.0, description="chance of a jump in a bar, for all symbols")
    jump_mean: float = Field(default=0.0, description="mean jump, in the regime's volatilities")
    jump_deviation: float = Field(default=0.0, ge=0.0, description="spread of jumps, in the regime's volatilities")
    correlation: float | None = Field(
        default=None, ge=0.0, lt=1.0, description="correlation of any two symbols in this regime; null: the market's"
    )
    volume: float = Field(default=1.0, gt=0.0, description="factor on the volume, beyond what volatility explains")


STANDARD = (
    Regime(name="trend up", duration=120.0, drift=0.08, volatility=0.9, jump_chance=0.002, jump_deviation=3.0),
    Regime(name="trend down", duration=80.0, drift=-0.1, volatility=1.2, jump_chance=0.004, jump_deviation=3.0),
    Regime(name="range", duration=100.0, volatility=0.7, reversion=0.03, jump_chance=0.001, jump_deviation=3.0),
    Regime(name="high volatility", duration=40.0, volatility=1.9, jump_chance=0.01, jump_deviation=2.5, volume=1.2),
    Regime(
        name="crisis",
        duration=15.0,
        drift=-0.2,
        volatility=3.2,
        jump_chance=0.05,
        jump_mean=-1.5,
        jump_deviation=2.0,
        correlation=0.85,
        volume=1.5,
    ),
)
"""Trend up, trend down, range, high volatility and crisis."""

STANDARD_EXITS = (
    (0.0, 0.13, 0.6, 0.25, 0.02),
    (0.1, 0.0, 0.45, 0.35, 0.1),
    (0.5, 0.3, 0.0, 0.18, 0.02),
    (0.25, 0.3, 0.35, 0.0, 0.1),
    (0.1, 0.2, 0.1, 0.6, 0.0),
)
"""Row i: where the standard regime i goes when it ends."""


def transition_matrix(regimes: Sequence[Regime], exits: Sequence[Sequence[float]]) -> Values:
    """Returns (regime, regime): a regime stays with chance 1 − 1/duration and leaves along its row of exits."""
    if len(regimes) == 1:
        return np.ones((1, 1))
    stay = 1.0 - 1.0 / np.array([regime.duration for regime in regimes])
    return np.asarray(np.diag(stay) + (1.0 - stay)[:, None] * np.array(exits))


def stationary_law(transition: Values) -> Values:
    """Returns (regime,) the share of time in each regime in the long run."""
    count = len(transition)
    system = np.vstack([transition.T - np.eye(count), np.ones(count)])
    law = np.linalg.lstsq(system, np.append(np.zeros(count), 1.0), rcond=None)[0]
    return np.asarray(np.clip(law, 0.0, None) / np.clip(law, 0.0, None).sum())
