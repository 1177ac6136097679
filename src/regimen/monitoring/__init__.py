"""Eyes and alarms of what trades: drift with a known rate of false alarms, alerts, metrics, a verdict that goes on."""

from __future__ import annotations

from regimen.monitoring.drift import (
    MARKET_COLUMNS,
    ColumnDrift,
    DriftConfig,
    DriftReading,
    DriftReference,
    DriftState,
    market_columns,
)

__all__ = [
    "MARKET_COLUMNS",
    "ColumnDrift",
    "DriftConfig",
    "DriftReading",
    "DriftReference",
    "DriftState",
    "market_columns",
]
