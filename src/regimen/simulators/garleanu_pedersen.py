"""Market d: decaying signals and a quadratic cost. The optimum trades part of the way, and aims ahead of its target."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.jit import jit
from regimen.seeding import generator
from regimen.simulators.quotes import Quotes
from regimen.simulators.rewards import position_rewards
from regimen.simulators.signals import noise, shifted, stationary_path
from regimen.simulators.simulation import Simulation, checked_length

Values = NDArray[np.float64]
Persistence = Annotated[float, Field(ge=0.0, lt=1.0)]
Deviation = Annotated[float, Field(gt=0.0)]


@jit
def _approach(aim: Values, rate: float) -> Values:
    positions = np.empty(aim.shape[0])
    position = 0.0
    for t in range(aim.shape[0]):
        position = (1.0 - rate) * position + rate * aim[t]
        positions[t] = position
    return positions


class GarleanuPedersenConfig(BaseModel):
    """r_{t+1} = Σ_k f^k_t + σ_u u; reward x_t r_{t+1} − (κ/2)x_t² − (λ/2)(x_t − x_{t−1})²; x unbounded.

    With a the positive root of δa² + (κ + λ(1 − δ))a − κλ = 0 the best rule is
    x_t = (1 − τ)x_{t−1} + τ·Σ_k m_k f^k_t, τ = a/λ, m_k = 1/(κ + δa(1 − φ_k)). It maximises Σ δ^t reward;
    with δ = 1, the mean reward. `optimum` is the rule's mean reward in both cases.

    Source: N. Gârleanu and L. H. Pedersen, "Dynamic trading with predictable returns and transaction costs", Journal
    of Finance 68 (2013), with one asset and costs proportional to its variance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["garleanu_pedersen"] = "garleanu_pedersen"
    risk: float = Field(default=1.0, gt=0.0, description="κ, charge κx²/2 on a position")
    cost: float = Field(default=20.0, ge=0.0, description="λ, charge λΔx²/2 on a trade")
    phi: tuple[Persistence, ...] = Field(default=(0.95,), min_length=1, description="persistence of each signal")
    deviation: tuple[Deviation, ...] = Field(default=(1.0,), min_length=1, description="s of each signal")
    discount: float = Field(default=1.0, gt=0.0, le=1.0, description="δ, per bar")
    noise: float = Field(default=0.0, ge=0.0, description="σ_u, noise that hides the signals in returns; 0 for none")
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="standard deviation of a bar's simple return")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @model_validator(mode="after")
    def _one_deviation_per_signal(self) -> Self:
        if len(self.phi) != len(self.deviation):
            raise ValueError(f"phi and deviation must be equally long; got {len(self.phi)} and {len(self.deviation)}")
        return self

    @property
    def scale(self) -> float:
        """Simple return of the bars for one unit of r."""
        return self.volatility / math.hypot(*self.deviation, self.noise)

    @property
    def curvature(self) -> float:
        """a: how much the value bends with the position before the trade."""
        b = self.risk + self.cost * (1.0 - self.discount)
        root = math.sqrt(b * b + 4.0 * self.discount * self.cost * self.risk)
        return 2.0 * self.risk * self.cost / (b + root)  # (−b + root)/2δ without the cancellation

    @property
    def rate(self) -> float:
        """τ = a/λ, the share of the way that is traded in one bar; 1 without costs."""
        b = self.risk + self.cost * (1.0 - self.discount)
        return 2.0 * self.risk / (b + math.sqrt(b * b + 4.0 * self.discount * self.cost * self.risk))

    @property
    def aims(self) -> Values:
        """(signal,) m_k: the position aimed at per unit of each signal."""
        return np.asarray(1.0 / (self.risk + self.discount * self.curvature * (1.0 - np.array(self.phi))))

    def value_of(self, rate: float, aims: object) -> float:
        """Returns the mean reward per bar of x_t = (1 − rate)x_{t−1} + rate·Σ aims_k f^k_t, in closed form.

        Args:
            rate: in (0, 1].
            aims: (signal,).
        """
        phi, variance = np.array(self.phi), np.array(self.deviation) ** 2
        keep = 1.0 - rate
        push = rate * np.asarray(aims, dtype=np.float64)
        with_signal = push * variance / (1.0 - keep * phi)  # E[x_t f^k_t]
        behind = phi * with_signal  # E[x_{t−1} f^k_t]
        square = float((push @ (push * variance) + 2.0 * keep * (push @ behind)) / (1.0 - keep * keep))
        neighbour = float(keep * square + push @ behind)  # E[x_t x_{t−1}]
        return float(with_signal.sum() - 0.5 * self.risk * square - self.cost * (square - neighbour))

    @property
    def optimum(self) -> float:
        """J*; for one signal and δ = 1 it is ½τm s²/(1 − (1 − τ)φ)."""
        return self.value_of(self.rate, self.aims)

    @property
    def tuned_rate(self) -> float:
        """The best rate of trading towards the frictionless aim Σf/κ, by golden section on (0, 1]."""
        golden = 0.5 * (math.sqrt(5.0) - 1.0)
        low, high = 1e-6, 1.0
        aims = np.full(len(self.phi), 1.0 / self.risk)
        while high - low > 1e-10:
            left, right = high - golden * (high - low), low + golden * (high - low)
            if self.value_of(left, aims) < self.value_of(right, aims):
                low = left
            else:
                high = right
        return 0.5 * (low + high)

    @property
    def reference(self) -> str:
        """Staying out scores zero."""
        return "flat"

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean reward per bar of each baseline; random is uniform in [−1, 1]."""
        markowitz = np.full(len(self.phi), 1.0 / self.risk)
        return {
            "flat": 0.0,
            "random": -self.risk / 6.0 - self.cost / 3.0,
            "full rebalancing": self.value_of(1.0, markowitz),
            "tuned rate": self.value_of(self.tuned_rate, markowitz),
        }

    @property
    def frictionless(self) -> float:
        """Σ s_k²/(2κ): what a market without costs would give; an upper bound."""
        return float((np.array(self.deviation) ** 2).sum() / (2.0 * self.risk))

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the extra ``signal`` is Σf (with several: also ``signal_1``, ``signal_2``, …)."""
        bars = checked_length(bars)
        shown: dict[str, Values] = {}
        total, known = np.zeros(bars), 0.0
        for number, (phi, s) in enumerate(zip(self.phi, self.deviation, strict=True), 1):
            before, path = stationary_path(phi, s, bars, seed, self.kind, "signal", number)
            known, total = known + before, total + path
            shown[f"signal_{number}"] = path
        if len(self.phi) == 1:
            shown.clear()
        shown["signal"] = total
        returns = shifted(known, total) + noise(self.noise, bars, seed, self.kind, "noise")
        market = self.quotes.bars(self.scale * returns, self.volatility, seed, f"simulated {self.kind}", shown)
        return Simulation(market, {"returns": returns, "expected": total}, self.scale)

    def _signals(self, simulation: Simulation) -> Values:
        if len(self.phi) == 1:
            return simulation.signal[:, None]
        extras = simulation.bars.extras
        return np.column_stack([extras[f"signal_{number}"][:, 0] for number in range(1, len(self.phi) + 1)])

    def respond(self, signal: object, position: object = 0.0) -> Values:
        """Returns the best next positions for signals (..., signal) and the positions (...) held.

        With one signal its axis may be left out.
        """
        f = np.asarray(signal, dtype=np.float64)
        aim = self.aims[0] * f if len(self.phi) == 1 and f.shape[-1:] != (1,) else f @ self.aims
        return np.asarray((1.0 - self.rate) * np.asarray(position, dtype=np.float64) + self.rate * aim)

    def optimal(self, simulation: Simulation) -> Values:
        """Returns the optimal positions (time,), from zero."""
        return _approach(self._signals(simulation) @ self.aims, self.rate)

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns flat, random (uniform in [−1, 1]), full rebalancing (Σf/κ), and the tuned rate towards Σf/κ."""
        markowitz = simulation.signal / self.risk
        return {
            "flat": np.zeros(len(simulation)),
            "random": generator(seed, "simulators", "random positions").uniform(-1.0, 1.0, len(simulation)),
            "full rebalancing": markowitz,
            "tuned rate": _approach(markowitz, self.tuned_rate),
        }

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """x_t r_{t+1} − (κ/2)x_t² − (λ/2)(x_t − x_{t−1})², (time − 1,)."""
        return position_rewards(simulation, positions, expected, quadratic=self.cost, risk=self.risk)
