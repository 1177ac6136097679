"""Market c: a persistent signal and a proportional cost. The optimum holds on until the signal is well against it."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.jit import jit
from regimen.simulators.autoregressive import MEAN_SIZE
from regimen.simulators.quotes import Quotes
from regimen.simulators.rewards import position_rewards, random_sides
from regimen.simulators.signals import noise, shifted, stationary_path
from regimen.simulators.simulation import Simulation, checked_length
from regimen.simulators.thresholds import best_threshold, value_of_threshold

Values = NDArray[np.float64]


@jit
def _hold_on(signal: Values, q: float) -> Values:
    positions = np.empty(signal.shape[0])
    position = 0.0
    for t in range(signal.shape[0]):
        if signal[t] > q:
            position = 1.0
        elif signal[t] < -q:
            position = -1.0
        positions[t] = position
    return positions


class HysteresisConfig(BaseModel):
    """r_{t+1} = f_t + σ_u u; f AR(1) with φ and s; x ∈ {−1, 0, 1}; reward x_t r_{t+1} − c|x_t − x_{t−1}|.

    The best rule changes sides when f crosses q against the position, enters from zero at the same ±q, and never
    returns to zero. q and J* come from the free-boundary equation (`thresholds.py`). For small costs
    q ≈ (3cβ²/2)^{1/3} − .583β with β² = (1 − φ²)s² (cube-root law: Martin and Schöneborn, arXiv 1103.4934; linear
    costs: de Lataillade et al., arXiv 1203.5957).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["hysteresis"] = "hysteresis"
    cost: float = Field(default=1.0, ge=0.0, le=100.0, description="c per unit traded, in the unit of the signal")
    phi: float = Field(default=0.9, ge=0.0, le=0.9999, description="persistence of the signal from bar to bar")
    deviation: float = Field(default=1.0, gt=0.0, description="s, stationary standard deviation of the signal")
    noise: float = Field(
        default=0.0, ge=0.0, description="σ_u, noise that hides the signal in returns: R² = s²/(s² + σ_u²); 0 for none"
    )
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="standard deviation of a bar's simple return")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @property
    def scale(self) -> float:
        """Simple return of the bars for one unit of r."""
        return self.volatility / math.hypot(self.deviation, self.noise)

    @property
    def cost_bps(self) -> float:
        """c as an account pays it: basis points of the traded notional."""
        return 1e4 * self.cost * self.scale

    @property
    def threshold(self) -> float:
        """q, beyond which the signal turns a position over."""
        return best_threshold(self.phi, self.deviation, self.cost).threshold

    @property
    def asymptotic_threshold(self) -> float:
        """(3cβ²/2)^{1/3} − .583β: the limit of small costs, corrected for discrete time; at least 0."""
        beta = self.deviation * math.sqrt(1.0 - self.phi**2)
        return max(0.0, math.cbrt(1.5 * self.cost * beta**2) - 0.583 * beta)

    @property
    def optimum(self) -> float:
        """J*, from the free-boundary equation."""
        return best_threshold(self.phi, self.deviation, self.cost).value

    def value_of_threshold(self, q: float) -> float:
        """Returns the mean reward per bar of the rule that changes sides at ±q."""
        return value_of_threshold(q, self.phi, self.deviation, self.cost)

    @property
    def reference(self) -> str:
        """Staying out scores zero."""
        return "flat"

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean reward per bar; myopic sign(f): s√(2/π) − 2c·arccos(φ)/π; random loses 8c/9."""
        myopic = self.deviation * MEAN_SIZE - 2.0 * self.cost * math.acos(self.phi) / math.pi
        return {
            "flat": 0.0,
            "hold": 0.0,
            "random": -8.0 * self.cost / 9.0,
            "myopic": myopic,
            "cube root": self.value_of_threshold(self.asymptotic_threshold),
        }

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the extra ``signal`` is f_t, the mean of the next return."""
        bars = checked_length(bars)
        before, signal = stationary_path(self.phi, self.deviation, bars, seed, self.kind, "signal")
        returns = shifted(before, signal) + noise(self.noise, bars, seed, self.kind, "noise")
        path = self.quotes.bars(
            self.scale * returns, self.volatility, seed, f"simulated {self.kind}", {"signal": signal}
        )
        return Simulation(path, {"returns": returns, "expected": signal}, self.scale)

    def respond(self, signal: object, position: object = 0.0) -> Values:
        """Returns the best next positions for signals f and the positions held, elementwise."""
        f, current = np.asarray(signal, dtype=np.float64), np.asarray(position, dtype=np.float64)
        return np.asarray(np.where(np.abs(f) > self.threshold, np.sign(f), current))

    def optimal(self, simulation: Simulation) -> Values:
        """Returns −1, 0 or 1 (time,): the rule with the optimal threshold, from zero."""
        return _hold_on(simulation.signal, self.threshold)

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns flat, hold, random (evenly −1, 0, 1), myopic (sign f) and the small-cost rule (cube root)."""
        return {
            "flat": np.zeros(len(simulation)),
            "hold": np.ones(len(simulation)),
            "random": random_sides(len(simulation), seed),
            "myopic": np.sign(simulation.signal),
            "cube root": _hold_on(simulation.signal, self.asymptotic_threshold),
        }

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """x_t r_{t+1} − c|x_t − x_{t−1}|, (time − 1,)."""
        return position_rewards(simulation, positions, expected, proportional=self.cost)
