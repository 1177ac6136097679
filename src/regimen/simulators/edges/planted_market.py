"""The planted market: a signal of two sides, and following it has a Sharpe ratio that is known, after costs."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from regimen.seeding import generator
from regimen.simulators.quotes import Quotes
from regimen.simulators.signals import noise
from regimen.simulators.simulation import Simulation, checked_length


class PlantedMarketConfig(BaseModel):
    """r_{t+1} = μ·s_t + σ·ε_{t+1}: s = ±1 turns with chance p a bar, is shown, and whoever holds s_t earns μ a bar.

    Holding s trades 2p a bar, so with costs of c per unit traded its Sharpe ratio a bar is (μ − 2pc) / σ, and μ is
    chosen so that this is the one that is asked for. Nobody can have a better one in the long run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["planted"] = "planted"
    sharpe: float = Field(default=0.05, ge=0.0, le=1.0, description="Sharpe ratio of one bar after costs, holding s")
    cost_bps: float = Field(default=0.0, ge=0.0, le=100.0, description="c, basis points per unit traded")
    turn: float = Field(default=0.1, gt=0.0, le=0.5, description="p, the chance that the signal turns in a bar")
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="σ, standard deviation of a bar's return")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @property
    def mean(self) -> float:
        """μ, what holding the signal earns in a bar before costs."""
        return self.sharpe * self.volatility + 2e-4 * self.turn * self.cost_bps

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the extra ``signal`` is s_t, known at the close of bar t.

        Truth, each (time,): ``returns`` (simple) and ``expected``, μ·s_t. The same seed gives the same bytes, and a
        longer path begins with the shorter one.

        Raises:
            ConfigError: fewer than 2 bars, more than nanosecond stamps can name, or prices beyond floats.
        """
        bars = checked_length(bars)
        random = generator(seed, "simulators", self.kind, "signal")
        first = 1.0 if random.random() < 0.5 else -1.0
        signal = first * np.where(np.cumsum(random.random(bars) < self.turn) % 2 == 0, 1.0, -1.0)
        returns = noise(self.volatility, bars, seed, self.kind, "returns")
        returns[1:] += self.mean * signal[:-1]
        deviation = math.sqrt(self.volatility**2 + self.mean**2)
        path = self.quotes.bars(returns, deviation, seed, f"simulated {self.kind}", {"signal": signal})
        return Simulation(path, {"returns": returns, "expected": self.mean * signal})
