"""What a rank does that does not lead: the same epochs as rank 0, on its own rows of each batch."""

from __future__ import annotations

import torch

from regimen.predictors import TorchPredictor
from regimen.stateful import restore_optimizer
from regimen.training.defaults import default_objective, default_transform, make_optimizer
from regimen.training.loop import learn_epoch
from regimen.training.precision import mixed_precision, pick_precision
from regimen.training.ranks import Assignment, Ranks, Turn
from regimen.training.recipes import Task
from regimen.training.reproducible import reproducible
from regimen.training.resident import Resident

_CPU = torch.device("cpu")


def follow(ranks: Ranks) -> bool:
    """Takes part in one training of rank 0.

    Returns:
        Whether there was one.

    Raises:
        RunError: another rank ended before the training.
    """
    assignment: Assignment | None = ranks.hear()
    if assignment is None:
        return False
    config, data = assignment.config, assignment.data
    predictor = _predictor(assignment)
    module = predictor.module
    task = Task(data, config.batch_size, predictor.classes, assignment.seed)
    half = pick_precision(config.precision, _CPU)
    with reproducible(config.threads, _CPU), mixed_precision(module, _CPU, half):
        objective = ranks.own(default_objective(config, task, predictor, _CPU))
        transform = default_transform(config, task)
        optimizer = make_optimizer(module, config)
        restore_optimizer(optimizer, assignment.moments)
        scaler = torch.amp.GradScaler("cpu", enabled=False)
        train = Resident.of(data.x_train, data.y_train, data.weights, data.targets_train, _CPU, data.rows)
        while isinstance(turn := ranks.hear(), Turn):
            learn_epoch(module, train, turn, optimizer, scaler, config, transform, objective, ranks)
    return True


def _predictor(assignment: Assignment) -> TorchPredictor:
    """Returns the predictor as rank 0 has it; weights have the type that they have there."""
    own = assignment.model.build(assignment.inputs, assignment.classes, schema=assignment.schema)
    predictor: TorchPredictor = own
    predictor.module.load_state_dict(assignment.weights, assign=True)
    for name, parameter in predictor.module.named_parameters():
        parameter.requires_grad_(name in assignment.learned)
    return predictor
