"""Preprocessing: fitted on the training slice, frozen afterwards, applied anywhere as a step with a memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.preprocess.chain import Chain
    from regimen.preprocess.config import KalmanConfig, PreprocessConfig, RunningConfig, StandardConfig
    from regimen.preprocess.fitted import Fitted
    from regimen.preprocess.kalman import KalmanFilter
    from regimen.preprocess.running import RunningScaler
    from regimen.preprocess.standard_scaler import StandardScaler

__all__ = [
    "Chain",
    "Fitted",
    "KalmanConfig",
    "KalmanFilter",
    "PreprocessConfig",
    "RunningConfig",
    "RunningScaler",
    "StandardConfig",
    "StandardScaler",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Chain": ".chain",
        "Fitted": ".fitted",
        "KalmanConfig": ".config",
        "KalmanFilter": ".kalman",
        "PreprocessConfig": ".config",
        "RunningConfig": ".config",
        "RunningScaler": ".running",
        "StandardConfig": ".config",
        "StandardScaler": ".standard_scaler",
    },
)
