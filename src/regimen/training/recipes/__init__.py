"""Recipes: frozen configs that wrap the loop's sampler, transform or objective; ``training.recipes`` lists them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.training.recipes.adversarial import AttackSettings, FGSMConfig, PGDConfig, TRADESConfig
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
    BalancedConfig
    | CurriculumConfig
    | FGSMConfig
    | JitterConfig
    | LabelSmoothingConfig
    | PGDConfig
    | TRADESConfig
    | TradingLossConfig,
    Field(discriminator="kind"),
]
"""Every recipe; ``kind`` says which."""

__all__ = [
    "AttackSettings",
    "BalancedConfig",
    "ChangesBatches",
    "ChangesObjective",
    "CurriculumConfig",
    "FGSMConfig",
    "JitterConfig",
    "LabelSmoothingConfig",
    "NeedsTargets",
    "PGDConfig",
    "Recipe",
    "RecipeConfig",
    "ReplacesSampler",
    "SamplesRows",
    "TRADESConfig",
    "Task",
    "TradingLossConfig",
]
