"""The bounce market: trades at the bid and at the ask in turn look like an edge, and cost more than they bring."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from regimen.seeding import generator
from regimen.simulators.quotes import Quotes
from regimen.simulators.signals import noise
from regimen.simulators.simulation import Simulation, checked_length


class BounceMarketConfig(BaseModel):
    """close_t = m_t·(1 + h·q_t): m a martingale, q_t = ±1 at random (sold at the bid, bought at the ask).

    Closes return, with the first autocorrelation −h² / (σ² + 2h²), so a rule that buys what has fallen earns up to h
    on each unit that it trades. Whoever pays a half spread of at least h for it has nothing left.

    Source: R. Roll, Journal of Finance 39 (1984).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["bounce"] = "bounce"
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="σ, standard deviation of a bar's true return")
    half_spread_bps: float = Field(
        default=20.0, gt=0.0, le=1000.0, description="h, from the middle to the bid and to the ask, basis points"
    )
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @property
    def autocorrelation(self) -> float:
        """−h² / (σ² + 2h²), the first autocorrelation of the returns, to the first order in h and σ."""
        h = 1e-4 * self.half_spread_bps
        return -h * h / (self.volatility**2 + 2.0 * h * h)

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the bars show prices and volume only.

        Truth, each (time,): ``returns`` (simple, of closes); ``expected``, the mean of the next one for who knows the
        side of the last trade; ``side``, q as int8. The same seed gives the same bytes, and a longer path begins with
        the shorter one.

        Raises:
            ConfigError: fewer than 2 bars, more than nanosecond stamps can name, or prices beyond floats.
        """
        bars = checked_length(bars)
        h = 1e-4 * self.half_spread_bps
        drawn = generator(seed, "simulators", self.kind, "sides").random(bars + 1) < 0.5
        side = np.where(drawn, 1, -1).astype(np.int8)
        quoted = 1.0 + h * side
        true = noise(self.volatility, bars, seed, self.kind, "returns")
        returns = (1.0 + true) * quoted[1:] / quoted[:-1] - 1.0
        deviation = math.sqrt(self.volatility**2 + 2.0 * h * h)
        path = self.quotes.bars(returns, deviation, seed, f"simulated {self.kind}", {})
        return Simulation(path, {"returns": returns, "expected": 1.0 / quoted[1:] - 1.0, "side": side[1:]})
