"""Classifiers that learn on while they trade: what is asked of them, their calibration, and the policy of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.policies.online.calibration import StreamCalibration
    from regimen.policies.online.carried import NEVER, Carried, read_carried
    from regimen.policies.online.config import StreamCalibrationConfig
    from regimen.policies.online.learns import Learns, Portable
    from regimen.policies.online.online_policy import OnlinePolicy, OnlineWalk

__all__ = [
    "NEVER",
    "Carried",
    "Learns",
    "OnlinePolicy",
    "OnlineWalk",
    "Portable",
    "StreamCalibration",
    "StreamCalibrationConfig",
    "read_carried",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Carried": ".carried",
        "Learns": ".learns",
        "NEVER": ".carried",
        "OnlinePolicy": ".online_policy",
        "OnlineWalk": ".online_policy",
        "Portable": ".learns",
        "read_carried": ".carried",
        "StreamCalibration": ".calibration",
        "StreamCalibrationConfig": ".config",
    },
)
