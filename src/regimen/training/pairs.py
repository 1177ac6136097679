"""Recipes that cannot act together, each pair with its reason."""

from __future__ import annotations

from itertools import combinations

from regimen.errors import ConfigError
from regimen.training.config import TrainingConfig
from regimen.training.recipes import AttackSettings, ChangesObjective, FinishesModel, ReplacesObjective

REASONS: dict[frozenset[str], str] = {
    frozenset(("balanced", "maml")): "each says alone which rows make a batch",
    frozenset(("balanced", "sharpe_loss")): "each says alone which rows make a batch",
    frozenset(("curriculum", "maml")): "one leaves out rows of the episodes that the other needs whole",
    frozenset(("curriculum", "sharpe_loss")): "one leaves out rows of the blocks in time that the other needs whole",
    frozenset(("label_smoothing", "sharpe_loss")): "one smooths the classes that the other does not read",
    frozenset(("maml", "mixup")): "a row that is mixed of two is of no one task, and a support knows its query",
    frozenset(("maml", "sharpe_loss")): "each says alone which rows make a batch",
    frozenset(("mixup", "sharpe_loss")): "a row that is mixed of two is of no one bar",
    frozenset(("self_paced", "sharpe_loss")): "one leaves out rows of the blocks in time that the other needs whole",
    frozenset(("sharpe_loss", "trading_loss")): "each says alone what is minimised",
}
"""By their kinds; what a single recipe needs of the settings or of the rows, it refuses itself."""

_WHOLE = {
    "maml": "a batch is whole episodes",
    "self_paced": "which rows are the easiest is asked of the whole batch",
    "sharpe_loss": "the ratio of a batch is not the mean of its parts'",
}


def check_pairs(config: TrainingConfig) -> None:
    """Refuses two recipes, or a recipe and a setting, of which one would switch the other off.

    Raises:
        ConfigError: naming both, and the reason.
    """
    kinds = [getattr(recipe, "kind", type(recipe).__name__) for recipe in config.all_recipes]
    for pair in combinations(kinds, 2):
        if (reason := REASONS.get(frozenset(pair))) is not None:
            raise ConfigError("training.recipes", f"must not hold {pair[0]} and {pair[1]}: {reason}", kinds)
    changing = [recipe for recipe in config.all_recipes if isinstance(recipe, ChangesObjective)]
    if any(isinstance(recipe, ReplacesObjective) for recipe in changing[1:]):
        raise ConfigError("training.recipes", "must list what replaces the objective before what wraps it", kinds)
    if "sharpe_loss" in kinds and config.class_weights != "none":
        rule = "must be none with sharpe_loss, which reads no class"
        raise ConfigError("training.class_weights", rule, config.class_weights)
    finishing = [recipe for recipe in config.recipes if isinstance(recipe, FinishesModel)]
    for recipe in finishing:
        if isinstance(recipe, ChangesObjective) and recipe is not changing[-1]:
            rule = f"must list {recipe.kind} after what else changes the objective, by which it adapts"
            raise ConfigError("training.recipes", rule, kinds)
        why = f"with {recipe.kind}, which changes the chosen weights after the training"
        if config.select == "sharpe":
            raise ConfigError("training.select", f"must be loss {why}", config.select)
        if config.snapshots > 1:
            raise ConfigError("training.snapshots", f"must be 1 {why}", config.snapshots)
        if config.precision == "float16":
            rule = (
                f"must be float32 or bfloat16 with {recipe.kind}: nothing scales the small gradients of its own steps"
            )
            raise ConfigError("training.precision", rule, config.precision)
    attacks = [recipe.kind for recipe in config.recipes if isinstance(recipe, AttackSettings)]
    if attacks and config.processes > 1:
        rule = f"must be 1 with {attacks[0]}: where its attack begins is drawn for the whole batch"
        raise ConfigError("training.processes", rule, config.processes)
    for kind, reason in _WHOLE.items():
        if kind in kinds and config.processes > 1:
            raise ConfigError("training.processes", f"must be 1 with {kind}: {reason}", config.processes)
        if kind in kinds and config.accumulation > 1:
            raise ConfigError("training.accumulation", f"must be 1 with {kind}: {reason}", config.accumulation)
