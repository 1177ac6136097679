"""Supervised models, one per file: a frozen config that builds a `Predictor`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.predictors.baseline import BaselineConfig
from regimen.predictors.cnn import CNNConfig
from regimen.predictors.hybrid import HybridConfig
from regimen.predictors.logistic import LogisticConfig
from regimen.predictors.lstm import LSTMConfig
from regimen.predictors.multitask import MultiTaskConfig
from regimen.predictors.predictor import Predictor
from regimen.predictors.settings import PredictorSettings
from regimen.predictors.torch_predictor import TorchPredictor, logits_of

PredictorConfig = Annotated[
    LogisticConfig | BaselineConfig | CNNConfig | LSTMConfig | HybridConfig | MultiTaskConfig,
    Field(discriminator="kind"),
]
"""Every predictor's config; ``kind`` says which."""

__all__ = [
    "BaselineConfig",
    "CNNConfig",
    "HybridConfig",
    "LSTMConfig",
    "LogisticConfig",
    "MultiTaskConfig",
    "Predictor",
    "PredictorConfig",
    "PredictorSettings",
    "TorchPredictor",
    "logits_of",
]
