"""The `Policy` protocol, the observation it sees, and the adapters from classifiers and rules."""

from regimen.observation import ACCOUNT, ObservationSchema, observe
from regimen.policies.classifier import Classifier, ClassifierPolicy, Scaler
from regimen.policies.exposure import ExposureConfig, exposure, lean, share
from regimen.policies.policy import Constant, Policy, decide, targets
from regimen.policies.volatility import realised_volatility

__all__ = [
    "ACCOUNT",
    "Classifier",
    "ClassifierPolicy",
    "Constant",
    "ExposureConfig",
    "ObservationSchema",
    "Policy",
    "Scaler",
    "decide",
    "exposure",
    "lean",
    "observe",
    "realised_volatility",
    "share",
    "targets",
]
