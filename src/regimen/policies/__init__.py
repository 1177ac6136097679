"""The `Policy` protocol, the observation it sees, and the adapters from classifiers, agents and rules."""

from typing import TYPE_CHECKING

from regimen.lazy import lazily
from regimen.policies.exposure import (
    BUY,
    FLAT_VOLATILITY,
    SELL,
    ExposureConfig,
    ExposureRule,
    FractionalKellyConfig,
    exposure,
    lean,
)
from regimen.policies.preprocessed import Preprocessed, preprocessed  # at once: a file has the name of the function

if TYPE_CHECKING:
    from regimen.execution import History, Moment, Policy, Spanning, decide, share, targets
    from regimen.observation import ACCOUNT, ObservationSchema, observations
    from regimen.policies.agent import Actor, AgentPolicy, Sight
    from regimen.policies.band import Banded, NoTradeBand, NoTradeConfig
    from regimen.policies.calibration import (
        CalibratedClassifier,
        Calibration,
        CalibrationConfig,
        CalibrationSettings,
        IsotonicConfig,
        TemperatureConfig,
        VectorConfig,
    )
    from regimen.policies.classifier import Classifier, ClassifierPolicy, Opinion, Probable, Scaler
    from regimen.policies.config import ExposureRuleConfig, FunctionConfig, MomentumConfig, RuleConfig
    from regimen.policies.conformal import ConformalConfig, ConformalPolicy
    from regimen.policies.constant import Constant
    from regimen.policies.drawing import Drawn, draw, entropies
    from regimen.policies.kelly import Confirmation, KellyRule
    from regimen.policies.momentum import Momentum
    from regimen.policies.novelty import GatedPolicy, NoveltyConfig
    from regimen.policies.own_rule import OwnRule
    from regimen.policies.rules import RuleSettings
    from regimen.policies.showing import Showing
    from regimen.policies.volatility import RunningVolatility, realised_volatility
    from regimen.policies.wrapping import (
        Fitting,
        PolicyWrapper,
        WrapperSettings,
        Wrapping,
        innermost,
        unwrapped,
    )

__all__ = [
    "ACCOUNT",
    "BUY",
    "FLAT_VOLATILITY",
    "SELL",
    "Actor",
    "AgentPolicy",
    "Banded",
    "CalibratedClassifier",
    "Calibration",
    "CalibrationConfig",
    "CalibrationSettings",
    "Classifier",
    "ClassifierPolicy",
    "Confirmation",
    "ConformalConfig",
    "ConformalPolicy",
    "Constant",
    "Drawn",
    "ExposureConfig",
    "ExposureRule",
    "ExposureRuleConfig",
    "Fitting",
    "FractionalKellyConfig",
    "FunctionConfig",
    "GatedPolicy",
    "History",
    "IsotonicConfig",
    "KellyRule",
    "Moment",
    "Momentum",
    "MomentumConfig",
    "NoTradeBand",
    "NoTradeConfig",
    "NoveltyConfig",
    "ObservationSchema",
    "Opinion",
    "OwnRule",
    "Policy",
    "PolicyWrapper",
    "Preprocessed",
    "Probable",
    "RuleConfig",
    "RuleSettings",
    "RunningVolatility",
    "Scaler",
    "Showing",
    "Sight",
    "Spanning",
    "TemperatureConfig",
    "VectorConfig",
    "WrapperSettings",
    "Wrapping",
    "decide",
    "draw",
    "entropies",
    "exposure",
    "innermost",
    "lean",
    "observations",
    "preprocessed",
    "realised_volatility",
    "share",
    "targets",
    "unwrapped",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "ACCOUNT": "regimen.observation",
        "Actor": ".agent",
        "AgentPolicy": ".agent",
        "Banded": ".band",
        "NoTradeBand": ".band",
        "NoTradeConfig": ".band",
        "CalibratedClassifier": ".calibration",
        "Calibration": ".calibration",
        "CalibrationConfig": ".calibration",
        "CalibrationSettings": ".calibration",
        "Classifier": ".classifier",
        "ClassifierPolicy": ".classifier",
        "ConformalConfig": ".conformal",
        "ConformalPolicy": ".conformal",
        "Confirmation": ".kelly",
        "Constant": ".constant",
        "decide": "regimen.execution",
        "draw": ".drawing",
        "Drawn": ".drawing",
        "entropies": ".drawing",
        "ExposureRuleConfig": ".config",
        "Fitting": ".wrapping",
        "FunctionConfig": ".config",
        "GatedPolicy": ".novelty",
        "History": "regimen.execution",
        "innermost": ".wrapping",
        "IsotonicConfig": ".calibration",
        "KellyRule": ".kelly",
        "Moment": "regimen.execution",
        "Momentum": ".momentum",
        "MomentumConfig": ".config",
        "NoveltyConfig": ".novelty",
        "observations": "regimen.observation",
        "ObservationSchema": "regimen.observation",
        "Opinion": ".classifier",
        "OwnRule": ".own_rule",
        "Policy": "regimen.execution",
        "PolicyWrapper": ".wrapping",
        "Probable": ".classifier",
        "realised_volatility": ".volatility",
        "RuleConfig": ".config",
        "RuleSettings": ".rules",
        "RunningVolatility": ".volatility",
        "Scaler": ".classifier",
        "share": "regimen.execution",
        "Showing": ".showing",
        "Sight": ".agent",
        "Spanning": "regimen.execution",
        "targets": "regimen.execution",
        "TemperatureConfig": ".calibration",
        "unwrapped": ".wrapping",
        "VectorConfig": ".calibration",
        "WrapperSettings": ".wrapping",
        "Wrapping": ".wrapping",
    },
)
