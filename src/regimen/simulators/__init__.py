"""Markets whose truth is known: nine with known optima, regimes, a rule that flips, and three to try a judge on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.simulators.almgren_chriss import AlmgrenChrissConfig
from regimen.simulators.autoregressive import Ar1Config
from regimen.simulators.edges import BounceMarketConfig, PlantedMarketConfig, SeasonalMarketConfig
from regimen.simulators.garleanu_pedersen import GarleanuPedersenConfig
from regimen.simulators.hidden_regime import HiddenRegimeConfig
from regimen.simulators.hysteresis import HysteresisConfig
from regimen.simulators.kelly import KellyConfig
from regimen.simulators.martingale import MartingaleConfig
from regimen.simulators.merton import MertonConfig
from regimen.simulators.ornstein_uhlenbeck import OrnsteinUhlenbeckConfig
from regimen.simulators.quotes import Quotes
from regimen.simulators.regimes import FlipMarketConfig, Regime, RegimeMarketConfig
from regimen.simulators.score import Score, score
from regimen.simulators.simulation import KnownMarket, Simulation

__all__ = [
    "AlmgrenChrissConfig",
    "Ar1Config",
    "BounceMarketConfig",
    "FlipMarketConfig",
    "GarleanuPedersenConfig",
    "HiddenRegimeConfig",
    "HysteresisConfig",
    "KellyConfig",
    "KnownMarket",
    "KnownMarketConfig",
    "MartingaleConfig",
    "MertonConfig",
    "OrnsteinUhlenbeckConfig",
    "PlantedMarketConfig",
    "Quotes",
    "Regime",
    "RegimeMarketConfig",
    "Score",
    "SeasonalMarketConfig",
    "Simulation",
    "SimulatorConfig",
    "score",
]

KnownMarketConfig = Annotated[
    MartingaleConfig
    | Ar1Config
    | OrnsteinUhlenbeckConfig
    | HysteresisConfig
    | GarleanuPedersenConfig
    | HiddenRegimeConfig
    | MertonConfig
    | KellyConfig
    | AlmgrenChrissConfig,
    Field(discriminator="kind"),
]
"""Every market with a known optimum; ``kind`` chooses."""

SimulatorConfig = Annotated[
    KnownMarketConfig
    | RegimeMarketConfig
    | FlipMarketConfig
    | SeasonalMarketConfig
    | BounceMarketConfig
    | PlantedMarketConfig,
    Field(discriminator="kind"),
]
"""Every simulated market."""
