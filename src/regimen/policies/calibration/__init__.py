"""Calibration: what a classifier says, made to come as often as it is said; fitted on rows that it has not learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily
from regimen.policies.calibration.calibrated import CalibratedClassifier, Calibration
from regimen.policies.calibration.config import (
    CalibrationConfig,
    CalibrationSettings,
    IsotonicConfig,
    TemperatureConfig,
    VectorConfig,
)

if TYPE_CHECKING:
    from regimen.policies.calibration.isotonic import IsotonicCalibration
    from regimen.policies.calibration.temperature import TemperatureScaling
    from regimen.policies.calibration.vector import VectorScaling

__all__ = [
    "CalibratedClassifier",
    "Calibration",
    "CalibrationConfig",
    "CalibrationSettings",
    "IsotonicCalibration",
    "IsotonicConfig",
    "TemperatureConfig",
    "TemperatureScaling",
    "VectorConfig",
    "VectorScaling",
]

__getattr__, __dir__ = lazily(
    __name__,
    {"IsotonicCalibration": ".isotonic", "TemperatureScaling": ".temperature", "VectorScaling": ".vector"},
)
