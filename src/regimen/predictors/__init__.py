"""Supervised models, one per file: a frozen config that builds a `Predictor`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.predictors.baseline import BaselineConfig
from regimen.predictors.cnn import CNNConfig
from regimen.predictors.estimator import EstimatorConfig, is_estimator
from regimen.predictors.estimator_predictor import EstimatorPredictor
from regimen.predictors.fitted_once import EstimatorSettings, OncePredictor
from regimen.predictors.hybrid import HybridConfig
from regimen.predictors.logistic import LogisticConfig
from regimen.predictors.lstm import LSTMConfig
from regimen.predictors.module import ModuleConfig
from regimen.predictors.multitask import CNNEncoderConfig, LSTMEncoderConfig, MultiTaskConfig, TaskWeights
from regimen.predictors.online import (
    OnlineConfig,
    OnlineForestConfig,
    OnlineLogisticConfig,
    OnlineNetConfig,
    OnlineSettings,
)
from regimen.predictors.predictor import Predictor
from regimen.predictors.settings import PredictorSettings
from regimen.predictors.snapshots import SnapshotPredictor
from regimen.predictors.tft import TFTConfig
from regimen.predictors.torch_predictor import TorchPredictor, logits_of
from regimen.predictors.trees import (
    ExtraTreesConfig,
    ForestConfig,
    LightGBMConfig,
    TreePredictor,
    TreesConfig,
    XGBoostConfig,
)

PredictorConfig = Annotated[
    LogisticConfig
    | BaselineConfig
    | CNNConfig
    | LSTMConfig
    | HybridConfig
    | MultiTaskConfig
    | TFTConfig
    | ModuleConfig,
    Field(discriminator="kind"),
]
"""Every config of a network that the common loop trains; ``kind`` says which."""

__all__ = [
    "BaselineConfig",
    "CNNConfig",
    "CNNEncoderConfig",
    "EstimatorConfig",
    "EstimatorPredictor",
    "EstimatorSettings",
    "ExtraTreesConfig",
    "ForestConfig",
    "HybridConfig",
    "LSTMConfig",
    "LSTMEncoderConfig",
    "LightGBMConfig",
    "LogisticConfig",
    "ModuleConfig",
    "MultiTaskConfig",
    "OncePredictor",
    "OnlineConfig",
    "OnlineForestConfig",
    "OnlineLogisticConfig",
    "OnlineNetConfig",
    "OnlineSettings",
    "Predictor",
    "PredictorConfig",
    "PredictorSettings",
    "SnapshotPredictor",
    "TFTConfig",
    "TaskWeights",
    "TorchPredictor",
    "TreePredictor",
    "TreesConfig",
    "XGBoostConfig",
    "is_estimator",
    "logits_of",
]
