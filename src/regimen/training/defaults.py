"""What a training config stands for: its optimiser, its sampler and its objective."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen.errors import ConfigError
from regimen.predictors import TorchPredictor
from regimen.seams import Batch, Objective, Rows, Sampler, Transform
from regimen.training.config import TrainingConfig
from regimen.training.data import TrainingData
from regimen.training.objectives import LearnsMore, classification, identity, joint
from regimen.training.pairs import check_pairs
from regimen.training.recipes import (
    ChangesBatches,
    ChangesObjective,
    FinishesModel,
    NeedsTargets,
    Recipe,
    ReplacesObjective,
    ReplacesSampler,
    SamplesRows,
    Task,
    WatchesRows,
)
from regimen.training.samplers import cut, shuffled


def check_settings(config: TrainingConfig, data: TrainingData, scored: bool) -> None:
    """Refuses a setting that another one would silently switch off, or that nothing could act on."""
    if config.select == "sharpe" and not (scored and data.x_val is not None):
        raise ConfigError(
            "training.select", "must be loss where no validation rows can be traded (fit's score is None)", "sharpe"
        )
    if config.schedule == "plateau" and data.x_val is None:
        raise ConfigError("training.schedule", "must not be plateau where there are no validation rows", "plateau")
    for name in ("plateau_patience", "plateau_factor"):
        if config.schedule != "plateau" and name in config.model_fields_set:
            default = type(config).model_fields[name].default
            if getattr(config, name) != default:
                raise ConfigError(
                    f"training.{name}", "must be left alone unless training.schedule is plateau", getattr(config, name)
                )
    if config.accumulation > config.batch_size:
        raise ConfigError(
            "training.accumulation", f"must be at most training.batch_size={config.batch_size}", config.accumulation
        )
    if config.patience is not None and config.patience < config.epochs and data.x_val is None:
        raise ConfigError("training.patience", "must be null where there are no validation rows", config.patience)
    if config.warmup_epochs >= config.epochs:
        raise ConfigError(
            "training.warmup_epochs",
            f"must be less than training.epochs={config.epochs}",
            config.warmup_epochs,
        )
    for each in config.recipes:
        wanted = each.targets if isinstance(each, NeedsTargets) else ()
        if not {*wanted} <= {*data.targets_train}:
            rule = f"needs the targets {', '.join(wanted)} of every row (TrainingData.targets_train)"
            raise ConfigError(f"training.recipes: {each.kind}", rule, [*data.targets_train])
    check_pairs(config)
    sampling = [recipe for recipe in config.all_recipes if isinstance(recipe, SamplesRows)]
    for recipe in sampling[1:]:
        if isinstance(recipe, ReplacesSampler):
            rule = "must list what replaces the sampler before what wraps it"
            raise ConfigError("training.recipes", rule, [each.kind for each in config.recipes])


_HOOKS: dict[str, type] = {"sampler": SamplesRows, "transform": ChangesBatches, "objective": ChangesObjective}


def check_seams(config: TrainingConfig, bare: Sequence[str], checkpoint: bool) -> None:
    """Refuses bare callables that would switch a setting off, or that a checkpoint could not know again.

    Args:
        config: the settings.
        bare: which of sampler, transform and objective are given as they are.
        checkpoint: whether the training writes one.
    """
    if bare and checkpoint:
        raise ConfigError("checkpoint", "must be left out with a bare callable, which no file knows again", *bare[:1])
    for name in bare:
        for recipe in config.all_recipes:
            if isinstance(recipe, _HOOKS[name]):
                kind = type(recipe).__name__.removesuffix("Config")
                raise ConfigError("training.recipes", f"must not change the {name} where a bare one is given", kind)
    if "objective" in bare and config.class_weights != "none":
        raise ConfigError("training.class_weights", "must be left alone with an objective", config.class_weights)


def make_optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Returns the optimiser of the trainable parameters; the loop sets its learning rate before each step."""
    # Decay acts on matrices only: pulling biases and norm gains to zero would shift the function, not
    # simplify it.
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9)
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def default_sampler(config: TrainingConfig, task: Task) -> Sampler:
    """Returns the rows in a new order each epoch, as the config's recipes change it."""
    sampler = shuffled(len(task.data.x_train), config.batch_size)
    for recipe in config.all_recipes:
        if isinstance(recipe, SamplesRows):
            sampler = recipe.sampler(sampler, task)
    return sampler


def default_transform(config: TrainingConfig, task: Task) -> Transform:
    """Returns the batch as it is, as the config's recipes change it."""
    transform: Transform = identity
    for recipe in config.all_recipes:
        if isinstance(recipe, ChangesBatches):
            transform = recipe.transform(transform, task)
    return transform


def default_validation(config: TrainingConfig, task: Task, most: int) -> Sequence[Rows]:
    """Returns the batches in which validation rows are looked at: in order, ``most`` at once, or as a recipe says.

    Raises:
        ConfigError: a recipe that finds no batch in them.
    """
    for recipe in config.all_recipes:
        if isinstance(recipe, WatchesRows):
            return recipe.watched_rows(task, most)
    assert task.data.x_val is not None
    return cut(np.arange(len(task.data.x_val), dtype=np.int64), most)


def finished(
    config: TrainingConfig, task: Task, predictor: TorchPredictor, device: torch.device, take: Callable[[Rows], Batch]
) -> dict[str, NDArray[np.generic]] | None:
    """Lets the config's recipe that has the last word change the chosen weights.

    Returns:
        The weights before that; None where no recipe changes them.
    """
    for recipe in config.all_recipes:
        if isinstance(recipe, FinishesModel):
            before = predictor.state()
            below = default_objective(config, task, predictor, device, below=recipe)
            recipe.finish(predictor.module, below, task, take)
            return before
    return None


def default_objective(
    config: TrainingConfig, task: Task, predictor: TorchPredictor, device: torch.device, below: Recipe | None = None
) -> Objective:
    """Returns cross-entropy with the config's class weights, whose mean over the training rows is 1, and its recipes.

    For a model that learns more than the class, its tasks together; see `joint`.

    Args:
        config: the settings.
        task: the training.
        predictor: the model.
        device: where it is.
        below: leaves out this recipe and those that wrap it.

    Raises:
        ConfigError: a recipe that leaves nothing to learn of what else a model learns; one that differentiates the
            loss of a model that takes gradients of its own.
    """
    weights: Tensor | None = None
    classes = predictor.classes
    if config.class_weights == "balanced":
        counts = task.data.counts(classes)
        shares = np.divide(counts.sum(), np.count_nonzero(counts) * counts, where=counts > 0, out=np.zeros(classes))
        weights = torch.tensor(shares, dtype=torch.float32, device=device)
    objective = classification(weights)
    alone = [recipe.kind for recipe in config.recipes if isinstance(recipe, ReplacesObjective)]
    if alone and predictor.targets:
        rule = f"must not hold {alone[0]} for a model that learns more than the class: what else would teach it that?"
        raise ConfigError("training.recipes", rule, [*predictor.targets])
    if predictor.targets:
        model: LearnsMore = predictor.config  # type: ignore[assignment]
        objective = joint(model, weights)
    for recipe in config.all_recipes:
        if recipe is below:
            break
        if isinstance(recipe, FinishesModel) and getattr(predictor.config, "weighting", "") == "pcgrad":
            rule = "must not be pcgrad where a recipe differentiates the loss: it takes gradients of its own"
            raise ConfigError("model.weighting", rule, "pcgrad")
        if isinstance(recipe, ChangesObjective):
            objective = recipe.objective(objective, task)
    return objective
