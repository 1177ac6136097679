"""Preprocessing: fitted on the training slice, frozen afterwards, applied anywhere as a step with a memory."""

from __future__ import annotations

from regimen.preprocess.chain import Chain, PreprocessConfig
from regimen.preprocess.fitted import Fitted
from regimen.preprocess.running import RunningConfig, RunningScaler
from regimen.preprocess.standard_scaler import StandardConfig, StandardScaler

__all__ = [
    "Chain",
    "Fitted",
    "PreprocessConfig",
    "RunningConfig",
    "RunningScaler",
    "StandardConfig",
    "StandardScaler",
]
