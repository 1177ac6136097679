"""Eyes and alarms of what trades: drift with a known rate of false alarms, alerts, metrics, a verdict that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.monitoring.adwin import Adwin, AdwinConfig, AdwinMemory, AdwinReading
    from regimen.monitoring.alerts import (
        Alert,
        AlertsConfig,
        Carriers,
        Delivery,
        Outbox,
        Send,
        ThresholdConfig,
        apprise_sends,
        breaches,
    )
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
    "Alert",
    "AlertsConfig",
    "Carriers",
    "CollapseConfig",
    "CollapseMemory",
    "CollapseReading",
    "CollapseReference",
    "ColumnDrift",
    "Delivery",
    "DriftConfig",
    "DriftMemory",
    "DriftReading",
    "DriftReference",
    "Outbox",
    "Send",
    "SequentialVerdict",
    "SequentialVerdictConfig",
    "ThresholdConfig",
    "VerdictMemory",
    "VerdictReading",
    "apprise_sends",
    "breaches",
    "market_columns",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Adwin": ".adwin",
        "breaches": ".alerts",
        "apprise_sends": ".alerts",
        "ThresholdConfig": ".alerts",
        "Send": ".alerts",
        "Outbox": ".alerts",
        "Delivery": ".alerts",
        "Carriers": ".alerts",
        "AlertsConfig": ".alerts",
        "Alert": ".alerts",
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
