"""Markets to try a judge on: volatility that follows the calendar, prices that bounce, an edge of a known size."""

from __future__ import annotations

from regimen.simulators.edges.bounce_market import BounceMarketConfig
from regimen.simulators.edges.planted_market import PlantedMarketConfig
from regimen.simulators.edges.seasonal_market import SeasonalMarketConfig

__all__ = ["BounceMarketConfig", "PlantedMarketConfig", "SeasonalMarketConfig"]
