"""Why a run's policy holds: costs, no edge, features, exploration, rewards, or learning that fell short."""

from __future__ import annotations

from regimen.runs.collapse.diagnosis import CAUSES, Collapse, Symptoms, diagnosed
from regimen.runs.collapse.exhibit import FORECAST_HEADINGS, facts_of, forecast_rows
from regimen.runs.collapse.forecasts import ForecastWorth, forecasts
from regimen.runs.collapse.measure import collapse_of

__all__ = [
    "CAUSES",
    "FORECAST_HEADINGS",
    "Collapse",
    "ForecastWorth",
    "Symptoms",
    "collapse_of",
    "diagnosed",
    "facts_of",
    "forecast_rows",
    "forecasts",
]
