"""The flip market: what the last return says of the next one changes its sign, and no bar alone shows which it is."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.jit import jit
from regimen.seeding import generator
from regimen.simulators.quotes import Quotes
from regimen.simulators.signals import noise
from regimen.simulators.simulation import Simulation, checked_length

Values = NDArray[np.float64]


@jit
def _follow(phi: Values, shocks: Values) -> Values:
    path = np.empty(shocks.shape[0])
    last = shocks[0]
    path[0] = last
    for t in range(1, shocks.shape[0]):
        last = phi[t] * last + math.sqrt(1.0 - phi[t] * phi[t]) * shocks[t]
        path[t] = last
    return path


class FlipMarketConfig(BaseModel):
    """r_t = φ_k r_{t−1} + √(1 − φ²)·ε_t, variance 1; φ_k = ±φ is drawn anew for each stretch of ``length`` bars.

    Stretch k holds the bars k·length to (k + 1)·length − 1. Who knows its sign is right about the next return's with
    probability ½ + asin(φ)/π (.7048 at φ = .6), and no rule of the last return that is one for all stretches with more
    than ½. So this is a market for what adapts: a few bars of a stretch say which rule holds in the rest of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["flip"] = "flip"
    phi: float = Field(default=0.6, gt=0.0, lt=1.0, description="φ, the size of the autocorrelation of returns")
    length: int = Field(default=80, ge=2, description="bars of a stretch, in which one sign holds")
    volatility: float = Field(default=0.005, gt=0.0, le=0.1, description="standard deviation of a bar's simple return")
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @property
    def accuracy(self) -> float:
        """½ + asin(φ)/π, how often one who knows the sign of the stretch is right about that of the next return."""
        return 0.5 + math.asin(self.phi) / math.pi

    @property
    def informed(self) -> float:
        """φ·√(2/π), the mean reward of a bar for one who knows the sign of the stretch; one standard deviation is 1."""
        return self.phi * math.sqrt(2.0 / math.pi)

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the extra ``return`` is r_t.

        Truth: ``regime`` (time,) int8, 0 contrarian, 1 momentum; ``stretch`` (time,) its number; ``expected``, the mean
        of the next return for one who knows the next bar's sign. The same seed gives the same bytes, and a longer path
        begins with the shorter one.

        Raises:
            ConfigError: fewer than 2 bars, more than nanosecond stamps can name, or prices beyond floats.
        """
        bars = checked_length(bars)
        stretch = np.arange(bars + 1) // self.length  # the bar after the last one too, for what is expected of it
        draws = generator(seed, "simulators", self.kind, "signs").random(int(stretch[-1]) + 1)
        regime = (draws < 0.5).astype(np.int8)[stretch]
        phi = np.where(regime == 1, self.phi, -self.phi)
        returns = _follow(phi[:-1], noise(1.0, bars, seed, self.kind, "returns"))
        shown = {"return": returns}
        path = self.quotes.bars(self.volatility * returns, self.volatility, seed, f"simulated {self.kind}", shown)
        truth: dict[str, NDArray[np.generic]] = {
            "returns": returns,
            "expected": phi[1:] * returns,
            "regime": regime[:-1],
            "stretch": stretch[:-1],
        }
        return Simulation(path, truth, self.volatility, {"regime": ("contrarian", "momentum")})
