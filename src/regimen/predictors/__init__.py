"""Supervised models, one per file: a frozen config that builds a `Predictor`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.predictors.baseline import BaselineConfig
from regimen.predictors.logistic import LogisticConfig
from regimen.predictors.predictor import Predictor

PredictorConfig = Annotated[LogisticConfig | BaselineConfig, Field(discriminator="kind")]
"""Every predictor's config; ``kind`` says which."""

__all__ = ["BaselineConfig", "LogisticConfig", "Predictor", "PredictorConfig"]
