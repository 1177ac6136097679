"""Changes that are proved: detectors with thresholds from own blocks, and one rate of false alarms of them all."""

from regimen.monitoring.changes.card import (
    CONFIDENCE,
    COVERAGE,
    LOSS,
    VOLATILITY,
    CardReading,
    Ring,
    Streams,
    TrainingCard,
)
from regimen.monitoring.changes.config import ChangesConfig
from regimen.monitoring.changes.shift import MeanShift

__all__ = [
    "CONFIDENCE",
    "COVERAGE",
    "LOSS",
    "VOLATILITY",
    "CardReading",
    "ChangesConfig",
    "MeanShift",
    "Ring",
    "Streams",
    "TrainingCard",
]
