"""Markets whose rules change: regimes with the stylised facts of real bars, and a rule that flips its sign."""

from __future__ import annotations

from regimen.simulators.regimes.flip_market import FlipMarketConfig
from regimen.simulators.regimes.regime import STANDARD, STANDARD_EXITS, Regime
from regimen.simulators.regimes.regime_market import RegimeMarketConfig

__all__ = ["STANDARD", "STANDARD_EXITS", "FlipMarketConfig", "Regime", "RegimeMarketConfig"]
