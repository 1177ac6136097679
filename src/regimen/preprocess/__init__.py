"""Preprocessing: fitted on the training slice, frozen afterwards, applied anywhere as a step with a memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.preprocess.chain import Chain
    from regimen.preprocess.config import ConsensusConfig, KalmanConfig, PreprocessConfig, RunningConfig, StandardConfig
    from regimen.preprocess.consensus import ConsensusAutoencoder
    from regimen.preprocess.fitted import Fitted
    from regimen.preprocess.kalman import KalmanFilter
    from regimen.preprocess.running import RunningScaler
    from regimen.preprocess.standard_scaler import StandardScaler

__all__ = [
    "Chain",
    "ConsensusAutoencoder",
    "ConsensusConfig",
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
        "ConsensusAutoencoder": ".consensus",
        "ConsensusConfig": ".config",
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
