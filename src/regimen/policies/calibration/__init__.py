"""Calibration: what a classifier says, made to come as often as it is said; fitted on rows that it has not learned."""

from __future__ import annotations

from regimen.policies.calibration.calibrated import CalibratedClassifier, Calibration
from regimen.policies.calibration.config import (
    CalibrationConfig,
    CalibrationSettings,
    IsotonicConfig,
    TemperatureConfig,
    VectorConfig,
)

__all__ = [
    "CalibratedClassifier",
    "Calibration",
    "CalibrationConfig",
    "CalibrationSettings",
    "IsotonicConfig",
    "TemperatureConfig",
    "VectorConfig",
]
