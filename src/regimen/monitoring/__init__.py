"""Eyes and alarms of what trades: drift with a known rate of false alarms, alerts, metrics, a verdict that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.monitoring.adwin import Adwin, AdwinConfig, AdwinMemory, AdwinReading
    from regimen.monitoring.collapse import CollapseConfig, CollapseMemory, CollapseReading, CollapseReference
    from regimen.monitoring.drift import (
        MARKET_COLUMNS,
        ColumnDrift,
        DriftConfig,
        DriftMemory,
        DriftReading,
        DriftReference,
        market_columns,
    )
    from regimen.monitoring.sequential import (
        SequentialVerdict,
        SequentialVerdictConfig,
        VerdictMemory,
        VerdictReading,
    )

__all__ = [
    "MARKET_COLUMNS",
    "Adwin",
    "AdwinConfig",
    "AdwinMemory",
    "AdwinReading",
    "CollapseConfig",
    "CollapseMemory",
    "CollapseReading",
    "CollapseReference",
    "ColumnDrift",
    "DriftConfig",
    "DriftMemory",
    "DriftReading",
    "DriftReference",
    "SequentialVerdict",
    "SequentialVerdictConfig",
    "VerdictMemory",
    "VerdictReading",
    "market_columns",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Adwin": ".adwin",
        "AdwinConfig": ".adwin",
        "AdwinReading": ".adwin",
        "AdwinMemory": ".adwin",
        "CollapseConfig": ".collapse",
        "CollapseReading": ".collapse",
        "CollapseReference": ".collapse",
        "CollapseMemory": ".collapse",
        "ColumnDrift": ".drift",
        "DriftConfig": ".drift",
        "DriftReading": ".drift",
        "DriftReference": ".drift",
        "DriftMemory": ".drift",
        "MARKET_COLUMNS": ".drift",
        "market_columns": ".drift",
        "SequentialVerdict": ".sequential",
        "SequentialVerdictConfig": ".sequential",
        "VerdictMemory": ".sequential",
        "VerdictReading": ".sequential",
    },
)
