"""Market a: a martingale with costs. Nothing can be earned, and the best policy never trades."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.simulators.quotes import Quotes
from regimen.simulators.rewards import position_rewards, random_sides
from regimen.simulators.signals import noise
from regimen.simulators.simulation import Simulation, checked_length

Values = NDArray[np.float64]


class MartingaleConfig(BaseModel):
    """r_{t+1} = u_{t+1}, N(0, 1); reward x_t r_{t+1} − c|x_t − x_{t−1}|, |x| ≤ 1. J* = 0: never trade.

    Positions drawn evenly from {−1, 0, 1} lose 8c/9 a bar. The unit of r and of c is one standard deviation of a
    bar's return.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["martingale"] = "martingale"
    cost: float = Field(default=0.1, gt=0.0, description="c per unit traded, in standard deviations of a bar's return")
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="standard deviation of a bar's simple return")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @property
    def scale(self) -> float:
        """Simple return of the bars for one unit of r."""
        return self.volatility

    @property
    def cost_bps(self) -> float:
        """c as an account pays it: basis points of the traded notional."""
        return 1e4 * self.cost * self.scale

    @property
    def optimum(self) -> float:
        """J* = 0."""
        return 0.0

    @property
    def reference(self) -> str:
        """Random trading scores zero, staying out scores one."""
        return "random"

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean reward per bar: momentum changes sides half of the time, for 2c each."""
        return {"flat": 0.0, "hold": 0.0, "random": -8.0 * self.cost / 9.0, "momentum": -self.cost}

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the extra ``return`` is r of the bar itself."""
        bars = checked_length(bars)
        returns = noise(1.0, bars, seed, self.kind, "returns")
        shown = {"return": returns}
        path = self.quotes.bars(self.scale * returns, self.scale, seed, f"simulated {self.kind}", shown)
        return Simulation(path, {"returns": returns, "expected": np.zeros(bars)}, self.scale)

    def optimal(self, simulation: Simulation) -> Values:
        """Returns zeros (time,)."""
        return np.zeros(len(simulation))

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns flat, hold (long), random (evenly −1, 0, 1) and momentum (the sign of the last return)."""
        return {
            "flat": np.zeros(len(simulation)),
            "hold": np.ones(len(simulation)),
            "random": random_sides(len(simulation), seed),
            "momentum": np.sign(simulation.returns),
        }

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """x_t r_{t+1} − c|x_t − x_{t−1}|, (time − 1,)."""
        return position_rewards(simulation, positions, expected, proportional=self.cost)
