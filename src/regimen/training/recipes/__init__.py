"""Recipes: frozen configs that wrap the loop's sampler, transform or objective; ``training.recipes`` lists them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.training.recipes.adversarial import AttackSettings, FGSMConfig, PGDConfig, TRADESConfig
from regimen.training.recipes.balanced import BalancedConfig
from regimen.training.recipes.block_shift import BlockShiftConfig
from regimen.training.recipes.curriculum import CurriculumConfig, DifficultyConfig
from regimen.training.recipes.jitter import JitterConfig
from regimen.training.recipes.label_smoothing import LabelSmoothingConfig
from regimen.training.recipes.maml import MamlConfig
from regimen.training.recipes.mixup import MixupConfig
from regimen.training.recipes.recipe import (
    ChangesBatches,
    ChangesObjective,
    FinishesModel,
    HoldsMore,
    NeedsTargets,
    Recipe,
    ReplacesObjective,
    ReplacesSampler,
    SamplesRows,
    Task,
    WatchesRows,
)
from regimen.training.recipes.self_paced import SelfPacedConfig
from regimen.training.recipes.sharpe_loss import SharpeLossConfig
from regimen.training.recipes.trading_loss import TradingLossConfig

RecipeConfig = Annotated[
    BalancedConfig
    | BlockShiftConfig
    | CurriculumConfig
    | FGSMConfig
    | JitterConfig
    | LabelSmoothingConfig
    | MamlConfig
    | MixupConfig
    | PGDConfig
    | SelfPacedConfig
    | SharpeLossConfig
    | TRADESConfig
    | TradingLossConfig,
    Field(discriminator="kind"),
]
"""Every recipe; ``kind`` says which."""

__all__ = [
    "AttackSettings",
    "BalancedConfig",
    "BlockShiftConfig",
    "ChangesBatches",
    "ChangesObjective",
    "CurriculumConfig",
    "DifficultyConfig",
    "FGSMConfig",
    "FinishesModel",
    "HoldsMore",
    "JitterConfig",
    "LabelSmoothingConfig",
    "MamlConfig",
    "MixupConfig",
    "NeedsTargets",
    "PGDConfig",
    "Recipe",
    "RecipeConfig",
    "ReplacesObjective",
    "ReplacesSampler",
    "SamplesRows",
    "SelfPacedConfig",
    "SharpeLossConfig",
    "TRADESConfig",
    "Task",
    "TradingLossConfig",
    "WatchesRows",
]
