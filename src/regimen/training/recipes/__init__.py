"""Recipes: frozen configs that wrap the loop's sampler, transform or objective; ``training.recipes`` lists them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.training.recipes.balanced import BalancedConfig
from regimen.training.recipes.curriculum import CurriculumConfig
from regimen.training.recipes.jitter import JitterConfig
from regimen.training.recipes.label_smoothing import LabelSmoothingConfig
from regimen.training.recipes.recipe import (
    ChangesBatches,
    ChangesObjective,
    NeedsTargets,
    Recipe,
    ReplacesSampler,
    SamplesRows,
    Task,
)
from regimen.training.recipes.trading_loss import TradingLossConfig

RecipeConfig = Annotated[
    BalancedConfig | CurriculumConfig | JitterConfig | LabelSmoothingConfig | TradingLossConfig,
    Field(discriminator="kind"),
]
"""Every recipe; ``kind`` says which."""

__all__ = [
    "BalancedConfig",
    "ChangesBatches",
    "ChangesObjective",
    "CurriculumConfig",
    "JitterConfig",
    "LabelSmoothingConfig",
    "NeedsTargets",
    "Recipe",
    "RecipeConfig",
    "ReplacesSampler",
    "SamplesRows",
    "Task",
    "TradingLossConfig",
]
