"""Trees of other libraries: boosted by LightGBM and XGBoost, grown side by side by scikit-learn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.predictors.trees.forest import ExtraTreesConfig, ForestConfig
from regimen.predictors.trees.lightgbm import LightGBMConfig
from regimen.predictors.trees.predictor import TreePredictor
from regimen.predictors.trees.settings import TreeSettings
from regimen.predictors.trees.xgboost import XGBoostConfig

TreesConfig = Annotated[
    LightGBMConfig | XGBoostConfig | ForestConfig | ExtraTreesConfig,
    Field(discriminator="kind"),
]
"""Every config of trees; ``kind`` says which."""

__all__ = [
    "ExtraTreesConfig",
    "ForestConfig",
    "LightGBMConfig",
    "TreePredictor",
    "TreeSettings",
    "TreesConfig",
    "XGBoostConfig",
]
