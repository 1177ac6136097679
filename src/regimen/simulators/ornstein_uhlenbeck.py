"""Market b, second form: a price that returns to its mean (Ornstein–Uhlenbeck, sampled once a bar)."""

from __future__ import annotations

import math
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.simulators.autoregressive import MEAN_SIZE
from regimen.simulators.quotes import Quotes
from regimen.simulators.rewards import position_rewards, random_sides
from regimen.simulators.signals import shifted, stationary_path
from regimen.simulators.simulation import Simulation, checked_length

Values = NDArray[np.float64]
_REACH = 8.0


class OrnsteinUhlenbeckConfig(BaseModel):
    """P_{t+1} − μ = ρ(P_t − μ) + σε; reward x_t(P_{t+1+k} − P_{t+k}), |x| ≤ 1. Best: x = −sign(P_t − μ).

    J* = ρ^k σ√((1 − ρ)/(1 + ρ))·√(2/π). A position is a number of units of the asset, not a share of equity. The bars'
    close is μ(1 + volatility·(P − μ)/σ_ΔP) with μ = ``quotes.price``, so a unit of P is ``scale`` of the mean
    price, and the simple return of the bars is ``scale`` × reward × mean price / current price.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["ou"] = "ou"
    rho: float = Field(default=0.9, ge=0.0, lt=1.0, description="share of the distance to the mean left after a bar")
    deviation: float = Field(default=1.0, gt=0.0, description="σ of the innovation, in units of P")
    lag: int = Field(default=0, ge=0, description="k: bars from the next open to the open at which a position fills")
    volatility: float = Field(
        default=0.005, gt=0.0, le=0.1, description="standard deviation of a bar's price change over the mean price"
    )
    quotes: Quotes = Field(default_factory=Quotes, description="mean price, volume, bar length, decoys")

    @model_validator(mode="after")
    def _stays_positive(self) -> Self:
        if _REACH * self.scale * self.spread >= 1.0:
            raise ValueError(
                f"volatility must be lower for so slow a reversion: eight standard deviations of the price, "
                f"{_REACH * self.scale * self.spread:.2f} of its mean, must stay below 1"
            )
        return self

    @property
    def spread(self) -> float:
        """Stationary standard deviation of P, σ/√(1 − ρ²)."""
        return self.deviation / math.sqrt(1.0 - self.rho * self.rho)

    @property
    def scale(self) -> float:
        """Fraction of the mean price for one unit of P."""
        return self.volatility / (self.deviation * math.sqrt(2.0 / (1.0 + self.rho)))

    @property
    def optimum(self) -> float:
        """J* = ρ^k σ√((1 − ρ)/(1 + ρ))·√(2/π)."""
        return self.rho**self.lag * (1.0 - self.rho) * self.spread * MEAN_SIZE

    @property
    def reference(self) -> str:
        """Staying out scores zero."""
        return "flat"

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean reward per bar; momentum follows the last price change, which correlates −(1 − ρ)/2 with the next."""
        change = self.deviation * math.sqrt(2.0 / (1.0 + self.rho))
        follow = -(1.0 - self.rho) / 2.0 * self.rho**self.lag * change * MEAN_SIZE
        return {"flat": 0.0, "hold": 0.0, "random": 0.0, "momentum": follow, "trend": -self.optimum}

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the extra ``signal`` is −(1 − ρ)(P_t − μ), the mean of the next price change."""
        bars = checked_length(bars, 2 + self.lag)
        before, distance = stationary_path(self.rho, self.spread, bars, seed, self.kind, "price")
        previous = shifted(before, distance)
        changes = distance - previous
        signal = (self.rho - 1.0) * distance
        relative = (1.0 + self.scale * distance) / (1.0 + self.scale * previous) - 1.0
        quotes = self.quotes.model_copy(update={"price": self.quotes.price * (1.0 + self.scale * before)})
        path = quotes.bars(relative, self.volatility, seed, f"simulated {self.kind}", {"signal": signal})
        truth = {"returns": changes, "expected": signal, "distance": distance}
        return Simulation(path, truth, self.scale)

    def respond(self, signal: object, position: object = 0.0) -> Values:
        """Returns the best positions for signals −(1 − ρ)(P_t − μ); the position held does not matter."""
        del position
        return np.asarray(np.sign(np.asarray(signal, dtype=np.float64)))

    def optimal(self, simulation: Simulation) -> Values:
        """Returns −sign(P_t − μ), (time,)."""
        return self.respond(simulation.signal)

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns flat, hold, random, momentum (sign of the last price change) and trend (sign(P_t − μ))."""
        return {
            "flat": np.zeros(len(simulation)),
            "hold": np.ones(len(simulation)),
            "random": random_sides(len(simulation), seed),
            "momentum": np.sign(simulation.returns),
            "trend": -np.sign(simulation.signal),
        }

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """x_t(P_{t+1+k} − P_{t+k}), (time − 1 − k,)."""
        return position_rewards(simulation, positions, expected, lag=self.lag)
