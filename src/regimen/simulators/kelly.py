"""Market f, second form: a favourable coin. The optimum bets Kelly's fraction."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.seeding import generator
from regimen.simulators.quotes import Quotes
from regimen.simulators.simulation import Simulation, checked_length, checked_positions

Values = NDArray[np.float64]


class KellyConfig(BaseModel):
    """A bet of the fraction x of wealth wins b·x with chance p and loses x otherwise; reward log(1 + x·outcome).

    The best fraction is p − (1 − p)/b, none if that is negative; J* = p log(1 + bx) + (1 − p) log(1 − x). The bars move
    by volatility × outcome over the outcome's standard deviation, so a bet of x is an exposure of x/``scale``.

    Source: J. L. Kelly, "A new interpretation of information rate", Bell System Technical Journal 35 (1956).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["kelly"] = "kelly"
    chance: float = Field(default=0.55, gt=0.0, lt=1.0, description="p, chance that the bet wins")
    odds: float = Field(default=1.0, gt=0.0, description="b, won per unit staked")
    volatility: float = Field(default=0.001, gt=0.0, le=0.1, description="standard deviation of a bar's simple return")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @property
    def fraction(self) -> float:
        """Kelly's fraction, max(0, p − (1 − p)/b)."""
        return max(0.0, self.chance - (1.0 - self.chance) / self.odds)

    @property
    def scale(self) -> float:
        """Simple return of the bars for one unit of outcome."""
        return self.volatility / ((1.0 + self.odds) * math.sqrt(self.chance * (1.0 - self.chance)))

    def value_of(self, fraction: float) -> float:
        """Returns the mean log growth per bar of betting a constant fraction; −inf from 1 on."""
        if fraction >= 1.0 or self.odds * fraction <= -1.0:
            return -math.inf
        won, lost = math.log1p(self.odds * fraction), math.log1p(-fraction)
        return self.chance * won + (1.0 - self.chance) * lost

    @property
    def optimum(self) -> float:
        """J*, the growth of Kelly's fraction."""
        return self.value_of(self.fraction)

    @property
    def reference(self) -> str:
        """Not betting scores zero."""
        return "flat"

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean log growth per bar; above twice Kelly's fraction it is usually negative."""
        fractions = {"flat": 0.0, "half": 0.5 * self.fraction, "double": 2.0 * self.fraction}
        return {name: self.value_of(fraction) for name, fraction in fractions.items()}

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; ``returns`` are the outcomes b and −1, the extra ``return`` shows them."""
        bars = checked_length(bars)
        draws = generator(seed, "simulators", self.kind, "outcomes").random(bars)
        outcomes = np.where(draws < self.chance, self.odds, -1.0)
        path = self.quotes.bars(
            self.scale * outcomes, self.volatility, seed, f"simulated {self.kind}", {"return": outcomes}
        )
        expected = np.full(bars, self.chance * self.odds - (1.0 - self.chance))
        return Simulation(path, {"returns": outcomes, "expected": expected}, self.scale)

    def optimal(self, simulation: Simulation) -> Values:
        """Returns Kelly's fraction (time,)."""
        return np.full(len(simulation), self.fraction)

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns flat, half and double of Kelly's fraction."""
        del seed
        return {
            name: np.full(len(simulation), share * self.fraction)
            for name, share in (("flat", 0.0), ("half", 0.5), ("double", 2.0))
        }

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """log(1 + x_t·outcome_{t+1}), (time − 1,); ruin is −inf. ``expected``: its mean over the coin."""
        x = checked_positions(simulation, positions)[:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            won, lost = np.log1p(self.odds * x), np.log1p(-x)
        won, lost = np.where(self.odds * x <= -1.0, -np.inf, won), np.where(x >= 1.0, -np.inf, lost)
        if expected:
            return np.asarray(self.chance * won + (1.0 - self.chance) * lost)
        return np.asarray(np.where(simulation.returns[1:] > 0.0, won, lost))
