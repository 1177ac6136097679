"""A verdict that goes on: what an account earns day by day, against what the backtest claimed and against nothing."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

Floats = NDArray[np.float64]

STAKES = np.array([0.02, 0.04, 0.08, 0.16])
"""Shares of wealth that are bet for each deviation of a day's return; of a block of n days √n times as much."""
MOST_LOST, MOST_WON = 0.9, 10.0
"""Of a stake's wealth in one block, however bad it is for the bet; and deviations beyond which nothing more is won."""
LEAST_DEVIATION = 0.1
"""Of the claimed one: an account that does nothing for a while has no deviation."""


class SequentialVerdictConfig(BaseModel):
    """What was claimed of a policy, and how the days since are weighed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["betting"] = Field("betting", description="A bet of growing wealth against each claim.")
    claimed: float = Field(gt=0.0, description="Sharpe ratio a year, after costs, that the backtest claims.")
    volatility: float = Field(gt=0.0, description="Standard deviation a year of its returns: the first guess.")
    days_per_year: float = Field(365.25, gt=1.0, description="Days a year on which the account has a return.")
    block: int = Field(5, ge=1, description="Days that are bet on together: what days have in common is in the block.")
    half_life: float = Field(250.0, ge=5.0, description="Days after which a day counts half in the deviation.")
    level: float = Field(0.05, gt=0.0, lt=1.0, description="Chance of ever deciding against what is true.")

    def build(self) -> SequentialVerdict:
        """Returns the test."""
        return SequentialVerdict(self)


class VerdictMemory(NamedTuple):
    """What is remembered of the days so far; a step gives another one and changes none."""

    wealth: Floats
    """(..., 2, stake) logarithms: of who bets against the claim, and of who bets against nothing being earned."""
    best: Floats
    """(..., 2) logarithm of the largest mean wealth so far."""
    variance: Floats
    """(...) of a day's return."""
    pending: Floats
    """(..., 2) sum of returns and of their squares since the last block."""
    days: NDArray[np.int64]
    """() days observed."""


class VerdictReading(NamedTuple):
    """What the record says after a day."""

    days: int
    against_claim: float
    """Wealth now of who began with 1 and bet that less is earned than was claimed."""
    above_zero: float
    """The same of who bet that something is earned."""
    contradicts: bool
    """Whether the first ever reached 1 / level: the account is not what the backtest claimed."""
    earns: bool
    """Whether the second ever reached it."""


@final
class SequentialVerdict:
    """Two bets that may be looked at every day, for as long as one likes.

    A block of n days with the mean return r̄ is ``x = √n·r̄ / σ``, σ the deviation of the days before it. Who bets the
    stake λ against "x has at least the mean s" has ``1 + λ(s − x)`` times his wealth after it; s = √n·claimed / √days a
    year. The other one bets against "x has at most the mean 0": ``1 + λx``. Each spreads his money on the four stakes.
    Where what he bets against is true his wealth is a supermartingale, and the chance that it ever reaches 1 / level is
    at most ``level`` (Ville): however often one looks, and whenever one stops.

    What this assumes: that the mean of a block, given the days before it, is what is claimed times the deviation that
    those days show. No normality, no finite fourth moment, no constant volatility. An account whose days lean on the
    days before breaks it, the less the longer the block, and a strategy that earns nothing for a year at a time looks
    like one that has stopped working; `regimen bench verdict` measures both. A loss is bounded at 90 % of a stake's
    wealth, which cuts off returns beyond 2.5 (the largest stake) to 20 deviations (the smallest) of a block.

    What it costs: a growth of ½(difference of the Sharpe ratios)² a year. To tell 0 from 1.5 takes years of days.

    Timing: after day t it uses returns of days <= t; the wealth changes at the end of a block.

    Source: I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", Journal of the
    Royal Statistical Society B 86 (2024), for bets; the deviation of the past makes returns of one size.

    Args:
        config: the settings.
    """

    def __init__(self, config: SequentialVerdictConfig) -> None:
        self.config = config

    def initial(self, shape: tuple[int, ...] = ()) -> VerdictMemory:
        """Returns the memory before the first day, of one account or of an array of them."""
        wealth = np.zeros((*shape, 2, len(STAKES)))
        deviation = self.config.volatility / math.sqrt(self.config.days_per_year)
        variance = np.full(shape, deviation**2)
        return VerdictMemory(wealth, wealth[..., 0].copy(), variance, np.zeros((*shape, 2)), np.zeros((), np.int64))

    def observe(self, memory: VerdictMemory, returns: ArrayLike) -> VerdictMemory:
        """Returns the memory after a day.

        Args:
            memory: before it.
            returns: (...) simple return of the day, after costs; one that is not finite changes nothing.
        """
        day = np.asarray(returns, np.float64)
        if not np.isfinite(day).all():
            return memory
        pending = memory.pending + np.stack([day, day * day], axis=-1)
        days = np.asarray(memory.days + 1)
        size = self.config.block
        if days % size:
            return memory._replace(pending=pending, days=days)
        least = (LEAST_DEVIATION * self.config.volatility) ** 2 / self.config.days_per_year
        x = pending[..., 0] / np.sqrt(size * np.maximum(memory.variance, least))
        claimed = self.config.claimed * math.sqrt(size / self.config.days_per_year)
        stakes = STAKES * math.sqrt(size)
        won = np.stack([claimed - x, x], axis=-1)[..., None]
        wealth = memory.wealth + np.log1p(stakes * np.clip(won, -MOST_LOST / stakes, MOST_WON))
        kept = 0.5 ** (size / self.config.half_life)
        variance = kept * memory.variance + (1.0 - kept) * pending[..., 1] / size
        best = np.maximum(memory.best, _mean_log(wealth))
        return VerdictMemory(wealth, best, variance, np.zeros_like(pending), days)

    def reading(self, memory: VerdictMemory) -> VerdictReading:
        """Returns what the record of one account says."""
        claim, zero = np.exp(np.minimum(_mean_log(memory.wealth), 700.0))
        contradicts, earns = memory.best >= -math.log(self.config.level)
        return VerdictReading(int(memory.days), float(claim), float(zero), bool(contradicts), bool(earns))


def _mean_log(wealth: Floats) -> Floats:
    """Returns the logarithm of the mean of what the last axis has logarithms of."""
    most = wealth.max(axis=-1)
    return np.asarray(most + np.log(np.exp(wealth - most[..., None]).mean(axis=-1)))
