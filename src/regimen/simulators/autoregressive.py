"""Market b, first form: AR(1) returns. Momentum where φ > 0, contrarian where φ < 0; nothing costs anything."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.simulators.quotes import Quotes
from regimen.simulators.rewards import position_rewards, random_sides
from regimen.simulators.signals import stationary_path
from regimen.simulators.simulation import Simulation, checked_length

Values = NDArray[np.float64]
MEAN_SIZE = math.sqrt(2.0 / math.pi)
"""E|Z| of a standard normal."""


class Ar1Config(BaseModel):
    """r_{t+1} = φ r_t + √(1 − φ²)·σ_r·ε; reward x_t r_{t+1+k}, |x| ≤ 1, execution lag k beyond the next open.

    The best position is sign(φ^{k+1} r_t) (not sign(φ r_t): with φ < 0 every bar of lag turns it over), with
    J* = m σ_r and m = |φ|^{k+1}√(2/π); the Sharpe ratio of a bar is m/√(1 − m²). A policy that peeks at r_{t+1}, one
    that is right and one that is a bar late earn 1 : φ : φ².
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["ar1"] = "ar1"
    phi: float = Field(default=0.2, gt=-1.0, lt=1.0, description="autocorrelation of returns")
    deviation: float = Field(default=1.0, gt=0.0, description="σ_r, the unit in which rewards are counted")
    lag: int = Field(default=0, ge=0, description="k: bars from the next open to the open at which a position fills")
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="standard deviation of a bar's simple return")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @property
    def scale(self) -> float:
        """Simple return of the bars for one unit of r."""
        return self.volatility / self.deviation

    @property
    def optimum(self) -> float:
        """J* = |φ|^{k+1}·σ_r·√(2/π)."""
        return abs(self.phi) ** (self.lag + 1) * self.deviation * MEAN_SIZE

    @property
    def sharpe(self) -> float:
        """The optimal policy's Sharpe ratio of one bar, not annualised: m/√(1 − m²)."""
        m = abs(self.phi) ** (self.lag + 1) * MEAN_SIZE
        return m / math.sqrt(1.0 - m * m)

    @property
    def reference(self) -> str:
        """Staying out scores zero."""
        return "flat"

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean reward per bar; momentum earns φ^{k+1}σ_r√(2/π), contrarian its opposite."""
        earned = self.phi ** (self.lag + 1) * self.deviation * MEAN_SIZE
        return {"flat": 0.0, "hold": 0.0, "random": 0.0, "momentum": earned, "contrarian": -earned}

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the extra ``signal`` is φ r_t, the mean of the next return."""
        bars = checked_length(bars, 2 + self.lag)
        _, returns = stationary_path(self.phi, self.deviation, bars, seed, self.kind, "returns")
        signal = self.phi * returns
        path = self.quotes.bars(
            self.scale * returns, self.volatility, seed, f"simulated {self.kind}", {"signal": signal}
        )
        return Simulation(path, {"returns": returns, "expected": signal}, self.scale)

    def respond(self, signal: object, position: object = 0.0) -> Values:
        """Returns the best positions for signals φ r_t; the position held does not matter."""
        del position
        turn = math.copysign(1.0, self.phi) ** self.lag
        return np.asarray(turn * np.sign(np.asarray(signal, dtype=np.float64)))

    def optimal(self, simulation: Simulation) -> Values:
        """Returns sign(φ^{k+1} r_t), (time,)."""
        return self.respond(simulation.signal)

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns flat, hold, random (evenly −1, 0, 1), momentum (sign r_t) and contrarian (−sign r_t)."""
        return {
            "flat": np.zeros(len(simulation)),
            "hold": np.ones(len(simulation)),
            "random": random_sides(len(simulation), seed),
            "momentum": np.sign(simulation.returns),
            "contrarian": -np.sign(simulation.returns),
        }

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """x_t r_{t+1+k}, (time − 1 − k,)."""
        return position_rewards(simulation, positions, expected, lag=self.lag)
