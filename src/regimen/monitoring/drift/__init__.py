"""Has the market changed? Feature rows compared with the training slice, at a rate of false alarms that is known."""

from __future__ import annotations

from regimen.monitoring.drift.config import DriftConfig
from regimen.monitoring.drift.market_columns import MARKET_COLUMNS, market_columns, watched_rows
from regimen.monitoring.drift.reference import ColumnDrift, DriftMemory, DriftReading, DriftReference

__all__ = [
    "MARKET_COLUMNS",
    "ColumnDrift",
    "DriftConfig",
    "DriftMemory",
    "DriftReading",
    "DriftReference",
    "market_columns",
    "watched_rows",
]
