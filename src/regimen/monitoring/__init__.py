"""Eyes and alarms of what trades: drift with a known rate of false alarms, alerts, metrics, a verdict that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.monitoring.adwin import Adwin, AdwinConfig, AdwinReading, AdwinState
    from regimen.monitoring.collapse import CollapseConfig, CollapseReading, CollapseReference, CollapseState
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
    "Adwin",
    "AdwinConfig",
    "AdwinReading",
    "AdwinState",
    "CollapseConfig",
    "CollapseReading",
    "CollapseReference",
    "CollapseState",
    "ColumnDrift",
    "DriftConfig",
    "DriftReading",
    "DriftReference",
    "DriftState",
    "market_columns",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Adwin": ".adwin",
        "AdwinConfig": ".adwin",
        "AdwinReading": ".adwin",
        "AdwinState": ".adwin",
        "CollapseConfig": ".collapse",
        "CollapseReading": ".collapse",
        "CollapseReference": ".collapse",
        "CollapseState": ".collapse",
        "ColumnDrift": ".drift",
        "DriftConfig": ".drift",
        "DriftReading": ".drift",
        "DriftReference": ".drift",
        "DriftState": ".drift",
        "MARKET_COLUMNS": ".drift",
        "market_columns": ".drift",
    },
)
