"""What a training config stands for: its optimiser, its sampler and its objective."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from regimen.errors import ConfigError
from regimen.predictors import Predictor
from regimen.seams import Objective, Sampler
from regimen.training.config import TrainingConfig
from regimen.training.data import TrainingData
from regimen.training.objectives import LearnsMore, classification, joint
from regimen.training.samplers import balanced, shuffled


def check_settings(
    config: TrainingConfig, data: TrainingData, sampler: Sampler | None, objective: Objective | None, scored: bool
) -> None:
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
    if sampler is not None and config.sampler != "shuffled":
        raise ConfigError("training.sampler", "must be left alone where a sampler is given", config.sampler)
    if objective is not None and (config.class_weights != "none" or config.label_smoothing > 0.0):
        raise ConfigError("training.class_weights, training.label_smoothing", "must be left alone with an objective")


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


def default_sampler(config: TrainingConfig, data: TrainingData) -> Sampler:
    """Returns the sampler that ``config.sampler`` names."""
    if config.sampler == "balanced":
        return balanced(data.y_train, config.batch_size)
    return shuffled(len(data.x_train), config.batch_size)


def default_objective(
    config: TrainingConfig, data: TrainingData, predictor: Predictor, device: torch.device
) -> Objective:
    """Returns cross-entropy with the config's class weights, whose mean over the training rows is 1.

    For a model that learns more than the class, its tasks together; see `joint`.
    """
    weights: Tensor | None = None
    classes = predictor.classes
    if config.class_weights == "balanced":
        counts = data.counts(classes)
        shares = np.divide(counts.sum(), np.count_nonzero(counts) * counts, where=counts > 0, out=np.zeros(classes))
        weights = torch.tensor(shares, dtype=torch.float32, device=device)
    if predictor.targets:
        model: LearnsMore = predictor.config  # type: ignore[assignment]
        return joint(model, weights, config.label_smoothing)
    return classification(weights, config.label_smoothing)
