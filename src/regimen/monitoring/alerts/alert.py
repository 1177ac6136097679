"""What an alert is, and which numbers are worth one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from regimen.monitoring.alerts.config import Level, ThresholdConfig


class Alert(NamedTuple):
    """Something that a person should know."""

    key: str
    """What it is about; two with the same key and level are the same alert again."""
    level: Level
    title: str
    body: str
    at: int
    """When it happened, nanoseconds since 1970."""


def breaches(
    thresholds: Mapping[str, Sequence[ThresholdConfig]], values: Mapping[str, float], at: int
) -> tuple[Alert, ...]:
    """Returns an alert for each number beyond a threshold of its own: of several, the one that matters most.

    Args:
        thresholds: by number.
        values: the numbers now; one without a threshold, or NaN, is worth none.
        at: when, nanoseconds since 1970.
    """
    alerts = []
    for name, value in values.items():
        if math.isnan(value):
            continue
        beyond = [each for each in thresholds.get(name, ()) if _rule(each, value)]
        for each in sorted(beyond, key=lambda threshold: threshold.level != "critical")[:1]:
            title = f"{name.replace('_', ' ')} {value:.4g} is {_rule(each, value)}"
            alerts.append(Alert(name, each.level, title, f"{title}.", at))
    return tuple(alerts)


def _rule(threshold: ThresholdConfig, value: float) -> str:
    """Returns which side of a threshold a value is beyond, in words; empty where it is within."""
    if threshold.max is not None and value > threshold.max:
        return f"above {threshold.max:g}"
    if threshold.min is not None and value < threshold.min:
        return f"below {threshold.min:g}"
    return ""
