"""The seasonal market: when it is wild can be known long before, which way it goes cannot."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from regimen.simulators.quotes import Quotes
from regimen.simulators.signals import noise
from regimen.simulators.simulation import Simulation, checked_length


class SeasonalMarketConfig(BaseModel):
    """r_t = σ_t·ε_t, σ_t = σ·(1 + a·sin(2πt/long))·(1 + b·sin(2πt/short)), ε standard normal: a martingale.

    A rule may choose its hours, and earns nothing in any of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["seasons"] = "seasons"
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="σ, mean standard deviation of a bar's return")
    long: float = Field(default=365.25, gt=1.0, description="bars of the long season, such as days of a year")
    short: float = Field(default=7.0, gt=1.0, description="bars of the short season, such as days of a week")
    long_swing: float = Field(default=0.5, ge=0.0, lt=1.0, description="a, swing of the long season, share of σ")
    short_swing: float = Field(default=0.4, ge=0.0, lt=1.0, description="b, swing of the short season, share of σ")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the bars show prices and volume only.

        Truth: ``returns`` (simple), ``expected`` (zeros) and ``volatility``, σ_t, each (time,). The same seed gives the
        same bytes, and a longer path begins with the shorter one.

        Raises:
            ConfigError: fewer than 2 bars, more than nanosecond stamps can name, or prices beyond floats.
        """
        bars = checked_length(bars)
        angle = 2.0 * math.pi * np.arange(bars)
        sigma = self.volatility * (1.0 + self.long_swing * np.sin(angle / self.long))
        sigma *= 1.0 + self.short_swing * np.sin(angle / self.short)
        returns = sigma * noise(1.0, bars, seed, self.kind, "returns")
        path = self.quotes.bars(returns, sigma, seed, f"simulated {self.kind}", {})
        return Simulation(path, {"returns": returns, "expected": np.zeros(bars), "volatility": sigma})
