"""Alerts: what is worth one, an outbox that forgets none, and who carries them to each channel."""

from __future__ import annotations

from regimen.monitoring.alerts.alert import Alert, breaches
from regimen.monitoring.alerts.carriers import Carriers, Send, apprise_sends
from regimen.monitoring.alerts.config import AlertsConfig, ThresholdConfig
from regimen.monitoring.alerts.outbox import Delivery, Outbox

__all__ = [
    "Alert",
    "AlertsConfig",
    "Carriers",
    "Delivery",
    "Outbox",
    "Send",
    "ThresholdConfig",
    "apprise_sends",
    "breaches",
]
