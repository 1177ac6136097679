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
        watched_rows,
    )
    from regimen.monitoring.meters import CONTENT_TYPE, METERS, Meter, Meters
    from regimen.monitoring.sequential import (
        SequentialVerdict,
        SequentialVerdictConfig,
        VerdictMemory,
        VerdictReading,
    )
    from regimen.monitoring.watch import Sights, Watch, WatchedBar, WatchMemory

__all__ = [
    "CONTENT_TYPE",
    "MARKET_COLUMNS",
    "METERS",
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
    "Meter",
    "Meters",
    "Outbox",
    "Send",
    "SequentialVerdict",
    "SequentialVerdictConfig",
    "Sights",
    "ThresholdConfig",
    "VerdictMemory",
    "VerdictReading",
    "Watch",
    "WatchMemory",
    "WatchedBar",
    "apprise_sends",
    "breaches",
    "market_columns",
    "watched_rows",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Adwin": ".adwin",
        "AdwinConfig": ".adwin",
        "AdwinMemory": ".adwin",
        "AdwinReading": ".adwin",
        "Alert": ".alerts",
        "AlertsConfig": ".alerts",
        "apprise_sends": ".alerts",
        "breaches": ".alerts",
        "Carriers": ".alerts",
        "CollapseConfig": ".collapse",
        "CollapseMemory": ".collapse",
        "CollapseReading": ".collapse",
        "CollapseReference": ".collapse",
        "ColumnDrift": ".drift",
        "CONTENT_TYPE": ".meters",
        "Delivery": ".alerts",
        "DriftConfig": ".drift",
        "DriftMemory": ".drift",
        "DriftReading": ".drift",
        "DriftReference": ".drift",
        "MARKET_COLUMNS": ".drift",
        "market_columns": ".drift",
        "watched_rows": ".drift",
        "Meter": ".meters",
        "Meters": ".meters",
        "METERS": ".meters",
        "Outbox": ".alerts",
        "Send": ".alerts",
        "SequentialVerdict": ".sequential",
        "SequentialVerdictConfig": ".sequential",
        "Sights": ".watch",
        "ThresholdConfig": ".alerts",
        "VerdictMemory": ".sequential",
        "VerdictReading": ".sequential",
        "Watch": ".watch",
        "WatchedBar": ".watch",
        "WatchMemory": ".watch",
    },
)
