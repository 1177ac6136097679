"""Market e: the drift's sign is hidden in the returns. Only a policy with memory can find most of it."""

from __future__ import annotations

import math
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.jit import jit
from regimen.seeding import generator
from regimen.simulators.beliefs import belief_value, filtered, updated
from regimen.simulators.quotes import Quotes
from regimen.simulators.rewards import position_rewards, random_sides
from regimen.simulators.signals import noise
from regimen.simulators.simulation import Simulation, checked_length

Values = NDArray[np.float64]


@jit
def _sides(start: float, change: float, draws: Values) -> Values:
    out = np.empty(draws.shape[0])
    side = start
    for t in range(draws.shape[0]):
        if draws[t] < change:
            side = -side
        out[t] = side
    return out


class HiddenRegimeConfig(BaseModel):
    """r_t = μ_t + σu_t with μ_t = ±m, which lasts another bar with chance p; reward x_t r_{t+1}, |x| ≤ 1.

    The best policy is the sign of 2π_{t+1|t} − 1, Bayes' predictive belief; J* = m·E|2π − 1|. The best that sees the
    last return only earns m(2p − 1)(2Φ(m/σ) − 1); one that is told the regime of bar t earns m(2p − 1).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["hidden_regime"] = "hidden_regime"
    mean: float = Field(default=0.5, gt=0.0, description="m, the size of the drift")
    deviation: float = Field(default=1.0, gt=0.0, description="σ, of the noise around the drift")
    stay: float = Field(default=0.95, gt=0.5, le=0.9999, description="p, the chance that a regime lasts another bar")
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="standard deviation of a bar's simple return")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @model_validator(mode="after")
    def _check_contrast(self) -> Self:
        if not 0.01 <= self.mean / self.deviation <= 5.0:
            raise ValueError(f"mean must be 0.01 to 5 deviations; got {self.mean / self.deviation:g}")
        return self

    @property
    def scale(self) -> float:
        """Simple return of the bars for one unit of r."""
        return self.volatility / math.hypot(self.mean, self.deviation)

    @property
    def optimum(self) -> float:
        """J* = m·E|2π − 1|, by quadrature of the belief's stationary law."""
        return belief_value(self.mean, self.deviation, self.stay)

    @property
    def memoryless(self) -> float:
        """m(2p − 1)(2Φ(m/σ) − 1), the most that the last return alone can earn."""
        return self.informed * math.erf(self.mean / (self.deviation * math.sqrt(2.0)))

    @property
    def informed(self) -> float:
        """m(2p − 1), what knowing the regime of bar t would earn: an upper bound, not a policy of the market."""
        return self.mean * (2.0 * self.stay - 1.0)

    @property
    def reference(self) -> str:
        """Staying out scores zero."""
        return "flat"

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean reward per bar of each baseline."""
        return {"flat": 0.0, "hold": 0.0, "random": 0.0, "memoryless": self.memoryless}

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the extra ``return`` is r_t. Truth: ``regime`` (0 down, 1 up) of each bar."""
        bars = checked_length(bars)
        rng = generator(seed, "simulators", self.kind, "regime")
        start = 1.0 if rng.random() < 0.5 else -1.0
        sides = _sides(start, 1.0 - self.stay, rng.random(bars))
        returns = self.mean * sides + noise(self.deviation, bars, seed, self.kind, "noise")
        sigma = self.scale * self.deviation
        path = self.quotes.bars(self.scale * returns, sigma, seed, f"simulated {self.kind}", {"return": returns})
        regime = (sides > 0.0).astype(np.int8)
        truth: dict[str, NDArray[np.generic]] = {
            "returns": returns,
            "expected": self.informed * sides,
            "regime": regime,
        }
        return Simulation(path, truth, self.scale, {"regime": ("down", "up")})

    def beliefs(self, returns: object) -> Values:
        """Returns π_{t+1|t} (time,), the chance that the next bar is up given returns (time,) up to t."""
        return filtered(np.ascontiguousarray(returns, dtype=np.float64), self.mean, self.deviation, self.stay)

    def next_beliefs(self, beliefs: Values, returns: object) -> Values:
        """Returns π_{t+1|t} (lane,) from π_{t|t−1} (lane,), ½ where nothing is known, and the returns r_t (lane,)."""
        rows = np.ascontiguousarray(returns, dtype=np.float64)
        return updated(beliefs, rows, self.mean, self.deviation, self.stay)

    def optimal(self, simulation: Simulation) -> Values:
        """Returns sign(2π_{t+1|t} − 1), (time,)."""
        return np.sign(2.0 * self.beliefs(simulation.returns) - 1.0)

    def informed_positions(self, simulation: Simulation) -> Values:
        """Returns the positions (time,) of one who is told each bar's regime at its close."""
        return np.where(simulation.truth["regime"] == 1, 1.0, -1.0)

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns flat, hold, random (evenly −1, 0, 1) and memoryless (sign of the last return)."""
        return {
            "flat": np.zeros(len(simulation)),
            "hold": np.ones(len(simulation)),
            "random": random_sides(len(simulation), seed),
            "memoryless": np.sign(simulation.returns),
        }

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """x_t r_{t+1}, (time − 1,)."""
        return position_rewards(simulation, positions, expected)
