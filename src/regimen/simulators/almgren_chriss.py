"""Market g: a holding to be sold within a given time. The optimum is the Almgren–Chriss schedule."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import DataError
from regimen.jit import jit
from regimen.seeding import generator
from regimen.simulators.quotes import Quotes
from regimen.simulators.signals import noise
from regimen.simulators.simulation import Simulation, checked_length, checked_positions

Values = NDArray[np.float64]


@jit
def _liquidate(x: Values, gains: Values, shares: float, steps: int, impact: float, risk: float) -> Values:
    count = gains.shape[0] // steps * steps
    out = np.empty(count)
    units = shares
    for t in range(count):
        step = t % steps
        if step == 0:
            units = shares
        left = 0.0 if step == steps - 1 else x[t]
        sold = units - left
        out[t] = left * gains[t] - impact * sold * sold - risk * left * left
        units = left
    return out


class AlmgrenChrissConfig(BaseModel):
    """X shares are sold in N steps of length τ; sales cost η̃n²/τ, what is still held is charged λσ²τx².

    Positions are the shares held. Row t is decided at the close of bar t and held during bar t + 1; an episode of N
    decisions follows the other, each from X shares, and the last decision of each sells what is left, whatever the
    row says. Reward: x_t r_{t+1} − η̃(x_{t−1} − x_t)²/τ − λσ²τx_t²; returns r have mean 0 and standard deviation σ√τ.

    The best schedule is x_j = X·sinh(κ(T − t_j))/sinh(κT) with 2(cosh κτ − 1)/τ² = λσ²/η̃; it does not answer to the
    returns. Source: R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3
    (2000), equations 16 to 19, without permanent impact (η̃ stands for what remains of the temporary one).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["almgren_chriss"] = "almgren_chriss"
    shares: float = Field(default=1.0, gt=0.0, description="X, held at the start of every episode")
    steps: int = Field(default=20, ge=2, le=100_000, description="N, decisions in an episode; the last one sells out")
    interval: float = Field(default=1.0, gt=0.0, description="τ, length of a step")
    impact: float = Field(default=1.0, gt=0.0, description="η̃, cost of selling at a rate of one share per unit of time")
    risk_aversion: float = Field(default=0.05, ge=0.0, description="λ, price of variance")
    deviation: float = Field(default=1.0, gt=0.0, description="σ of the price per square root of time")
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="standard deviation of a bar's simple return")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @property
    def scale(self) -> float:
        """Simple return of the bars for one unit of r."""
        return self.volatility / (self.deviation * math.sqrt(self.interval))

    @property
    def urgency(self) -> float:
        """κ, per unit of time: 0 sells evenly, large sells at once."""
        pull = self.risk_aversion * (self.deviation * self.interval) ** 2 / self.impact
        return 2.0 * math.asinh(0.5 * math.sqrt(pull)) / self.interval  # cosh y − 1 = 2 sinh²(y/2)

    @property
    def schedule(self) -> Values:
        """(steps + 1,) shares held at the start and after each decision: X, …, 0."""
        left = np.arange(self.steps, -1, -1, dtype=np.float64)
        ratio = self.urgency * self.interval
        if ratio * self.steps < 1e-6:  # the limit; sinh of so little is itself
            return self.shares * left / self.steps
        # sinh a / sinh b with exponentials of negative numbers only, which cannot overflow
        decay = np.exp(-ratio * (self.steps - left))
        rest = np.expm1(-2.0 * ratio * left)
        return np.asarray(self.shares * (decay * (rest / rest[0])))  # the first row is X exactly

    def value_of(self, schedule: object) -> float:
        """Returns the mean reward per bar of a schedule (steps + 1,) that starts with X and ends with 0.

        Raises:
            DataError: another length, start or end.
        """
        x = np.asarray(schedule, dtype=np.float64)
        if x.shape != (self.steps + 1,) or x[0] != self.shares or x[-1] != 0.0:
            raise DataError("schedule", f"must have {self.steps + 1} rows from {self.shares:g} to 0", x.shape)
        sales = self.impact / self.interval * float(np.sum(np.diff(x) ** 2))
        return -(sales + self._holding * float(np.sum(x[1:] ** 2))) / self.steps

    @property
    def _holding(self) -> float:
        return self.risk_aversion * self.deviation**2 * self.interval

    @property
    def optimum(self) -> float:
        """J*: minus the cost and risk of the best schedule, per bar."""
        return self.value_of(self.schedule)

    @property
    def reference(self) -> str:
        """Selling evenly scores zero."""
        return "even"

    @property
    def _schedules(self) -> dict[str, Values]:
        left = np.arange(self.steps, -1, -1, dtype=np.float64)
        return {
            "even": self.shares * left / self.steps,
            "at once": self.shares * (left == self.steps),
            "at the end": self.shares * (left > 0.0),
        }

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean reward per bar of selling evenly (TWAP), all in the first step, and all in the last; and at random."""
        values = {name: self.value_of(schedule) for name, schedule in self._schedules.items()}
        # uniform levels, independent: E x² = X²/3, E(Δx)² = X²/6 between them, X²/3 at the first and the last sale
        drawn = self.steps - 1
        changes = (2.0 / 3.0 + (drawn - 1) / 6.0) * self.impact / self.interval
        values["random"] = -(self.shares**2) * (changes + self._holding * drawn / 3.0) / self.steps
        return values

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path of (bars − 1) // steps episodes; the extra ``return`` is r_t. It needs steps + 1 bars."""
        bars = checked_length(bars, self.steps + 1)
        returns = noise(self.deviation * math.sqrt(self.interval), bars, seed, self.kind, "returns")
        path = self.quotes.bars(
            self.scale * returns, self.volatility, seed, f"simulated {self.kind}", {"return": returns}
        )
        truth = {"returns": returns, "expected": np.zeros(bars), "step": np.arange(bars) % self.steps}
        return Simulation(path, truth, self.scale)

    def _repeated(self, schedule: Values, bars: int) -> Values:
        return np.resize(schedule[1:], bars)

    def optimal(self, simulation: Simulation) -> Values:
        """Returns the shares held after each decision (time,), episode after episode."""
        return self._repeated(self.schedule, len(simulation))

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns even, at once, at the end, and random (levels uniform between 0 and X)."""
        positions = {name: self._repeated(schedule, len(simulation)) for name, schedule in self._schedules.items()}
        rng = generator(seed, "simulators", "random positions")
        positions["random"] = rng.uniform(0.0, self.shares, len(simulation))
        return positions

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """The reward of each decision of whole episodes, ((time − 1) // steps × steps,)."""
        x = checked_positions(simulation, positions)
        gains = simulation.expected[:-1] if expected else simulation.returns[1:]
        impact = self.impact / self.interval
        return _liquidate(x, np.ascontiguousarray(gains), self.shares, self.steps, impact, self._holding)
