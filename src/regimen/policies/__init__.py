"""The `Policy` protocol, the observation it sees, and the adapters from classifiers, agents and rules."""

from regimen.execution import History, Moment, Policy, Spanning, decide, share, targets
from regimen.observation import ACCOUNT, ObservationSchema, observations
from regimen.policies.agent import Actor, AgentPolicy, Sight
from regimen.policies.classifier import Classifier, ClassifierPolicy, Scaler
from regimen.policies.constant import Constant
from regimen.policies.drawing import Drawn, draw, entropies
from regimen.policies.exposure import ExposureConfig, exposure, lean
from regimen.policies.momentum import Momentum, MomentumConfig
from regimen.policies.preprocessed import Preprocessed, preprocessed
from regimen.policies.rules import RuleSettings
from regimen.policies.volatility import RunningVolatility, realised_volatility

RuleConfig = MomentumConfig
"""Every rule's config; a union as soon as there are two."""

__all__ = [
    "ACCOUNT",
    "Actor",
    "AgentPolicy",
    "Classifier",
    "ClassifierPolicy",
    "Constant",
    "Drawn",
    "ExposureConfig",
    "History",
    "Moment",
    "Momentum",
    "MomentumConfig",
    "ObservationSchema",
    "Policy",
    "Preprocessed",
    "RuleConfig",
    "RuleSettings",
    "RunningVolatility",
    "Scaler",
    "Sight",
    "Spanning",
    "decide",
    "draw",
    "entropies",
    "exposure",
    "lean",
    "observations",
    "preprocessed",
    "realised_volatility",
    "share",
    "targets",
]
