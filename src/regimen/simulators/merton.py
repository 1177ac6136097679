"""Market f, first form: lognormal prices and constant relative risk aversion. The optimum is Merton's fraction."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.jit import jit
from regimen.seeding import generator
from regimen.simulators.autoregressive import MEAN_SIZE
from regimen.simulators.quotes import Quotes
from regimen.simulators.simulation import Simulation, checked_length, checked_positions

Values = NDArray[np.float64]


@jit
def _within_band(returns: Values, cash: float, low: float, high: float) -> Values:
    """Fractions after trading at the close of each bar: drifted by the last return, moved to the nearest edge."""
    out = np.empty(returns.shape[0])
    fraction = 0.5 * (low + high)
    for t in range(returns.shape[0]):
        if t > 0:
            wealth = 1.0 + cash + fraction * (returns[t] - cash)
            fraction = fraction * (1.0 + returns[t]) / wealth
        fraction = min(max(fraction, low), high)
        out[t] = fraction
    return out


@jit
def _utilities(x: Values, returns: Values, drift: Values, cash: float, risk: float, cost: float) -> Values:
    count = returns.shape[0] - 1
    out = np.empty(count)
    known = drift.shape[0] > 0
    before = 0.0
    for t in range(count):
        fee = cost * abs(x[t] - before)
        if known:
            out[t] = drift[t] - fee
        else:
            wealth = (1.0 + cash + x[t] * (returns[t + 1] - cash)) * (1.0 - fee)
            if wealth <= 0.0:
                out[t] = -math.inf
            elif risk == 1.0:
                out[t] = math.log(wealth)
            else:
                out[t] = (wealth ** (1.0 - risk) - 1.0) / (1.0 - risk)
        before = x[t] * (1.0 + returns[t + 1]) / (1.0 + cash + x[t] * (returns[t + 1] - cash))
    return out


class MertonConfig(BaseModel):
    """Prices grow by exp(μ − σ²/2 + σZ) a bar, cash by r; the position is a fraction π of wealth. π* = (μ − r)/(γσ²).

    Reward: the CRRA utility of one bar's growth, log(1 + growth) for γ = 1 and ((1 + growth)^{1−γ} − 1)/(1 − γ)
    otherwise; returns are independent, so maximising it bar by bar maximises terminal utility. A constant fraction
    earns r + π(μ − r) − γπ²σ²/2 a bar (continuous-time limit; the next term is of order σ⁴), the optimum
    r + (μ − r)²/(2γσ²).

    With a proportional cost c the optimum lets the fraction drift within π* ± Δ,
    Δ = (3π²(1 − π)²c/(2γ))^{1/3}, which minimises γσ²Δ²/6 + cσ²π²(1 − π)²/(2Δ); J* falls by γσ²Δ²/2. That is the limit
    of small costs (K. Janeček and S. Shreve, "Asymptotic analysis for optimal investment and consumption with
    transaction costs", Finance and Stochastics 8, 2004).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["merton"] = "merton"
    drift: float = Field(default=5e-5, gt=-0.01, lt=0.01, description="μ, expected simple return of a bar")
    cash_rate: float = Field(default=0.0, ge=0.0, lt=0.01, description="r, what cash earns in a bar")
    volatility: float = Field(default=0.01, gt=0.0, le=0.1, description="σ, standard deviation of a bar's log return")
    risk_aversion: float = Field(default=1.0, gt=0.0, le=100.0, description="γ; 1 is the logarithm (Kelly)")
    cost: float = Field(default=0.0, ge=0.0, lt=0.1, description="c, a fraction of the traded notional")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @property
    def fraction(self) -> float:
        """π* = (μ − r)/(γσ²), signed; above 1 it is leverage."""
        return (self.drift - self.cash_rate) / (self.risk_aversion * self.volatility**2)

    @property
    def cost_bps(self) -> float:
        """c in basis points of the traded notional."""
        return 1e4 * self.cost

    @property
    def half_band(self) -> float:
        """Δ, how far the fraction may drift from π* before it pays to trade; 0 without costs."""
        pi = self.fraction
        return float((1.5 * (pi * (1.0 - pi)) ** 2 * self.cost / self.risk_aversion) ** (1.0 / 3.0))

    def value_of(self, fraction: float) -> float:
        """Returns the mean reward per bar of a constant fraction before costs, r + π(μ − r) − γπ²σ²/2."""
        excess = self.drift - self.cash_rate
        return self.cash_rate + fraction * excess - 0.5 * self.risk_aversion * (fraction * self.volatility) ** 2

    @property
    def optimum(self) -> float:
        """J* = r + (μ − r)²/(2γσ²) − γσ²Δ²/2."""
        return self.value_of(self.fraction) - 0.5 * self.risk_aversion * (self.volatility * self.half_band) ** 2

    @property
    def reference(self) -> str:
        """Staying in cash scores zero."""
        return "flat"

    def _constant(self, fraction: float) -> float:
        """Value of restoring a fraction at every bar: the fraction drifts by σ|π(1 − π)||Z|, and each drift is paid."""
        drifting = self.volatility * abs(fraction * (1.0 - fraction)) * MEAN_SIZE
        return self.value_of(fraction) - self.cost * drifting

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean reward per bar; the constant fractions are restored at every bar."""
        return {
            "flat": self.cash_rate,
            "hold": self.value_of(1.0),
            "rebalance": self._constant(self.fraction),
            "half": self._constant(0.5 * self.fraction),
            "double": self._constant(2.0 * self.fraction),
        }

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; ``returns`` are the bars' simple returns, the extra ``return`` shows them."""
        bars = checked_length(bars)
        draws = generator(seed, "simulators", self.kind, "returns").standard_normal(bars)
        # a simple return of mean μ: the log of the mean growth is log(1 + μ)
        returns = np.expm1(math.log1p(self.drift) - 0.5 * self.volatility**2 + self.volatility * draws)
        path = self.quotes.bars(returns, self.volatility, seed, f"simulated {self.kind}", {"return": returns})
        return Simulation(path, {"returns": returns, "expected": np.full(bars, self.drift)})

    def within_band(self, simulation: Simulation, half_band: float) -> Values:
        """Returns the fractions (time,) of trading only to stay within π* ± half_band."""
        if half_band == 0.0:
            return np.full(len(simulation), self.fraction)
        low, high = self.fraction - half_band, self.fraction + half_band
        return _within_band(simulation.returns, self.cash_rate, low, high)

    def optimal(self, simulation: Simulation) -> Values:
        """Returns π* (time,), or with costs the fraction that drifts within π* ± Δ."""
        return self.within_band(simulation, self.half_band)

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns flat, hold (1), rebalance (π* at every bar), half and double of π*."""
        del seed
        constants = {"flat": 0.0, "hold": 1.0, "rebalance": 1.0, "half": 0.5, "double": 2.0}
        unit = {name: 1.0 if name in ("flat", "hold") else self.fraction for name in constants}
        return {name: np.full(len(simulation), constant * unit[name]) for name, constant in constants.items()}

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """Utility of the growth of wealth in bar t + 1, net of c times what was traded at its open, (time − 1,).

        What is traded is the distance to the fraction that the last bar's return left over. Ruin is −inf.
        ``expected`` rewards are r + x(μ − r) − γx²σ²/2 − cost.
        """
        x = checked_positions(simulation, positions)
        excess = self.drift - self.cash_rate
        mean = self.cash_rate + x * excess - 0.5 * self.risk_aversion * (x * self.volatility) ** 2
        known = mean if expected else np.empty(0)
        return _utilities(x, simulation.returns, known, self.cash_rate, self.risk_aversion, self.cost)
