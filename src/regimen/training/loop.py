"""The one training loop: sample rows, transform the batch, lower the objective; keep the best weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from regimen.errors import RunError
from regimen.nets import activation_bytes, pick_device, require_memory, training_bytes
from regimen.predictors import TorchPredictor
from regimen.seams import Batch, Epoch, Objective, Rows, Sampler, Transform
from regimen.seeding import generator, torch_seed
from regimen.stateful import optimizer_tensors
from regimen.training.checkpoint import Progress, identify, load_checkpoint, save_checkpoint
from regimen.training.config import TrainingConfig, learning_rate
from regimen.training.data import TrainingData
from regimen.training.defaults import (
    check_seams,
    check_settings,
    default_objective,
    default_sampler,
    default_transform,
    default_validation,
    finished,
    make_optimizer,
)
from regimen.training.precision import mixed_precision, pick_precision
from regimen.training.ranks import Assignment, Ranks, Turn, check_processes, sharing
from regimen.training.recipes import HoldsMore, ReplacesSampler, Task
from regimen.training.reproducible import reproducible
from regimen.training.resident import Resident
from regimen.training.samplers import check_batches

_VALIDATION_ROWS, _FEWEST_WINDOWS, _MEASURED_ROWS = 8192, 256, 64


@dataclass(frozen=True)
class FitResult:
    """A finished training.

    Attributes:
        predictor: the predictor that was given, with the weights of ``best_epoch``.
        best_epoch: the epoch (from 1) with the lowest validation loss or the highest score, as ``config.select`` says;
            the last one without validation rows.
        history: every epoch, those before a resume included.
        stopped_early: patience ran out before the last epoch.
        last: the weights after the last epoch, by name; `TorchPredictor.load_state` takes them.
        earlier: those after the epochs before the best one, oldest first, one less than ``config.snapshots`` at most.
        unadapted: those of ``best_epoch`` before a recipe had the last word on them; None where none has.
    """

    predictor: TorchPredictor
    best_epoch: int
    history: tuple[Epoch, ...]
    stopped_early: bool
    last: dict[str, NDArray[np.generic]]
    earlier: tuple[dict[str, NDArray[np.generic]], ...] = ()
    unadapted: dict[str, NDArray[np.generic]] | None = None


def fit(
    predictor: TorchPredictor,
    data: TrainingData,
    config: TrainingConfig,
    *,
    seed: int = 0,
    window: int = 0,
    checkpoint: Path | str | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    sampler: Sampler | None = None,
    transform: Transform | None = None,
    objective: Objective | None = None,
    score: Callable[[TorchPredictor], float] | None = None,
) -> FitResult:
    """Trains a predictor in place and leaves it with its best weights.

    The same predictor, data, config, seed and window give the same bytes on the same machine. Called again
    with the same arguments and the same checkpoint folder, it continues after the last whole epoch and ends
    with the bytes of a run that was never stopped; a finished checkpoint is returned at once. A training with
    ``config.pause`` stops there with the best weights so far, and goes on when it is called with a later one, or none.

    Args:
        predictor: freshly built (also when resuming).
        data: rows of the training slice and of its purged tail.
        config: the settings.
        seed: of batches, dropout and transforms.
        window: number of the walk-forward window; each has its own random streams.
        checkpoint: folder for ``checkpoint.safetensors``, written after each epoch; None: no checkpoints.
        on_epoch: called after each epoch that is done in this call, when its checkpoint is on disk.
        sampler: replaces the one that the config names; a trial of an idea, as the two below: what is to be resumed,
            and to count as a trial of its own, is a recipe.
        transform: changes each training batch.
        objective: replaces cross-entropy with ``config.class_weights``, and the further tasks of a model that learns
            more than the class.
        score: judges the weights after an epoch on the validation rows, such as their Sharpe ratio after costs; higher
            is better. Called with ``config.select`` = sharpe only; it must not change the predictor.

    Raises:
        DataError: rows that cannot be trained on, or a class that never occurs.
        ConfigError: settings that cannot act together, a bare callable with a checkpoint, no such device or precision,
            or too little memory (says how much is needed).
        RunError: the loss is no longer a number; a checkpoint that is damaged, foreign or not writable.
    """
    check_settings(config, data, score is not None)
    bare = {"sampler": sampler, "transform": transform, "objective": objective}
    given = [name for name, seam in bare.items() if seam is not None]
    check_seams(config, given, checkpoint is not None)
    data.check(
        predictor.inputs,
        predictor.classes,
        allow_missing_classes=config.allow_missing_classes,
        window=predictor.context,
        targets=predictor.targets if objective is None else (),
    )
    device = pick_device(config.device, "training.device")
    half = pick_precision(config.precision, device)
    check_processes(config, predictor, device, given)
    module, home = predictor.module, next(predictor.module.parameters()).device
    run_identity: dict[str, Any] = {}
    if checkpoint is not None:
        run_identity = identify(predictor, data, config, seed, window, device)
    task = Task(data, config.batch_size, predictor.classes, torch_seed(seed, "window", window, "recipes"))
    sampler = sampler or default_sampler(config, task)
    transform = transform or default_transform(config, task)
    was_training = module.training
    with sharing(config) as ranks, reproducible(config.threads, device), mixed_precision(module, device, half):
        module.to(device)
        try:
            objective = objective or default_objective(config, task, predictor, device)
            optimizer = make_optimizer(module, config)
            scaler = torch.amp.GradScaler(device.type, enabled=half is torch.float16)
            progress = Progress()
            if checkpoint is not None:
                earlier = load_checkpoint(Path(checkpoint), run_identity, module, optimizer, scaler)
                progress = earlier or progress
            train = Resident.of(data.x_train, data.y_train, data.weights, data.targets_train, device, data.rows)
            val: Resident | None = None
            watched: Sequence[Rows] = ()
            if data.x_val is not None:
                val = Resident.of(data.x_val, data.y_val, None, data.targets_val, device, data.rows_val)
                watched = default_validation(config, task, max(_FEWEST_WINDOWS, _VALIDATION_ROWS // val.length))
                check_batches(watched, len(val))
            learned = objective
            if ranks is not None:
                learned = ranks.own(objective)
                ranks.tell(_assignment(config, predictor, data, optimizer, task.seed))
            known = False
            while _goes_on(progress, config):
                started = time.perf_counter()
                number = len(progress.history) + 1
                path = ("window", window, "epoch", number)
                batches = sampler(tuple(progress.history), generator(seed, *path, "sampler"))
                check_batches(batches, len(data.x_train))
                if not known:
                    _require_memory(module, train, config, device, max(map(len, batches)))
                    known = True
                seeds = torch_seed(seed, *path), torch_seed(seed, *path, "transform")
                turn = Turn(number, batches, _rates(config, progress, len(batches)), *seeds)
                if ranks is not None:
                    ranks.tell(turn)
                train_loss = learn_epoch(module, train, turn, optimizer, scaler, config, transform, learned, ranks)
                val_loss = None if val is None else _validate(module, val, objective, watched)
                _require_number(train_loss, "training", number, config)
                _require_number(val_loss, "validation", number, config)
                scored = None if score is None or config.select != "sharpe" else float(score(predictor))

                value = val_loss if scored is None else -scored
                better = _is_better(value, progress.best_value, config.min_improvement)
                if better:
                    progress.best_epoch, progress.best_value, progress.stale = number, value, 0
                    progress.keep(module)
                else:
                    progress.stale += 1
                progress.remember(module, config.snapshots - 1)
                out_of_patience = config.patience is not None and progress.stale >= config.patience
                progress.finished = number == config.epochs or out_of_patience
                seconds = time.perf_counter() - started
                progress.history.append(Epoch(number, train_loss, val_loss, scored, better, turn.rates[-1], seconds))
                if checkpoint is not None:
                    save_checkpoint(Path(checkpoint), run_identity, progress, module, optimizer, scaler)
                if on_epoch is not None:
                    on_epoch(progress.history[-1])
            last = predictor.state()
            module.load_state_dict(progress.best_weights)
            unadapted = finished(
                config, task, predictor, device, lambda rows: train.take(torch.from_numpy(rows).to(device))
            )
        finally:
            module.to(home)
            module.zero_grad(set_to_none=True)
            module.train(was_training)
    stopped_early = progress.finished and len(progress.history) < config.epochs
    before_best = tuple({name: tensor.cpu().numpy() for name, tensor in state.items()} for state in progress.earlier)
    history = tuple(progress.history)
    return FitResult(predictor, progress.best_epoch, history, stopped_early, last, before_best, unadapted)


def _goes_on(progress: Progress, config: TrainingConfig) -> bool:
    """Whether there is another epoch to do now."""
    return not progress.finished and (config.pause is None or len(progress.history) < config.pause)


def _rates(config: TrainingConfig, progress: Progress, steps: int) -> list[float]:
    """Returns the learning rate of each step of the next epoch."""
    done, better = len(progress.history), [epoch.best for epoch in progress.history]
    return [learning_rate(config, done + (step + 1) / steps, better) for step in range(steps)]


def _require_memory(
    module: nn.Module, train: Resident, config: TrainingConfig, device: torch.device, largest: int
) -> None:
    """Refuses a training that would not fit, before its first step.

    Args:
        module: the network.
        train: its rows.
        config: the settings.
        device: where it trains.
        largest: rows in the largest batch of the first epoch.
    """
    rows = largest
    if not any(isinstance(recipe, ReplacesSampler) for recipe in config.all_recipes):  # later batches may be longer
        rows = max(largest, min(config.batch_size, len(train)))
    part = -(-rows // (config.accumulation * config.processes))
    few = train.take(torch.zeros(max(2, min(_MEASURED_ROWS, part // 2 * 2)), dtype=torch.int64, device=device))
    activations, copies = part * activation_bytes(module, few.x), 0
    more = [recipe for recipe in config.all_recipes if isinstance(recipe, HoldsMore)]
    for recipe in more:
        activations, copies = math.ceil(activations * recipe.passes), copies + recipe.copies
    learned = sum(each.numel() * each.element_size() for each in module.parameters() if each.requires_grad)
    field = f"training.batch_size={config.batch_size}"
    if kinds := [recipe.kind for recipe in more if recipe.passes > 1.0 or recipe.copies > 0]:
        field += f" with {', '.join(kinds)}"
    needed = training_bytes(lambda: module) + activations + copies * learned
    require_memory(config.processes * needed, field, device.type)


def _assignment(
    config: TrainingConfig,
    predictor: TorchPredictor,
    data: TrainingData,
    optimizer: torch.optim.Optimizer,
    seed: int,
) -> Assignment:
    """Returns what the other ranks need of the training as it is now."""
    module = predictor.module
    return Assignment(
        config,
        predictor.config,
        predictor.inputs,
        predictor.classes,
        predictor.schema,
        module.state_dict(),
        frozenset(name for name, parameter in module.named_parameters() if parameter.requires_grad),
        optimizer_tensors(optimizer),
        replace(data, x_val=None, y_val=None, targets_val={}, rows_val=None),
        seed,
    )


def learn_epoch(
    module: nn.Module,
    train: Resident,
    turn: Turn,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    config: TrainingConfig,
    transform: Transform,
    objective: Objective,
    ranks: Ranks | None,
) -> float:
    """One pass of optimiser steps; returns the mean loss of its batches, by their weights.

    Args:
        module: the network.
        train: its rows.
        turn: the batches, rates and seeds.
        optimizer, scaler, config, transform: of the training.
        objective: of this process's rows of a batch; see `Ranks.own`.
        ranks: the processes that share each batch; None: this one alone.
    """
    torch.manual_seed(turn.dropout)
    draws = torch.Generator(train.device).manual_seed(turn.transform)
    module.train()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    total = torch.zeros((), dtype=torch.float64, device=train.device)
    weight = torch.zeros_like(total)
    order = torch.from_numpy(np.concatenate(turn.batches)).to(train.device)  # one transfer, not one a batch
    for rate, rows in zip(turn.rates, torch.split(order, [len(rows) for rows in turn.batches]), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = transform(train.take(rows)._replace(epoch=turn.number), draws)
        if not len(batch.x) == len(batch.y) == len(batch.weights):
            lengths = [len(batch.x), len(batch.y), len(batch.weights)]
            raise ValueError(f"a transform must keep x, y and weights of one length: {lengths}")
        optimizer.zero_grad(set_to_none=True)
        share = batch.weights.sum()
        for part in _parts(batch, config.accumulation):
            loss = objective(module, part)
            if loss.ndim != 0:
                raise ValueError(f"an objective must return a scalar, not {tuple(loss.shape)}")
            if part is not batch:  # the mean of the whole batch is that of its parts by their weights
                loss = loss * (part.weights.sum() / share.clamp_min(torch.finfo(share.dtype).tiny))
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.detach() * share
        if ranks is not None:
            ranks.add_up(parameters)
        if config.gradient_clip is not None:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
        scaler.step(optimizer)
        scaler.update()
        weight += share
    if ranks is not None:
        ranks.require_alike(module)
        total = ranks.total(total)
    return float(total / weight)


def _parts(batch: Batch, number: int) -> Sequence[Batch]:
    """Returns the batch in so many parts, or in single rows where it has fewer."""
    if number == 1:
        return [batch]
    size = -(-len(batch.x) // number)
    return [batch.part(slice(start, start + size)) for start in range(0, len(batch.x), size)]


def _validate(module: nn.Module, val: Resident, objective: Objective, batches: Sequence[Rows]) -> float:
    """Returns the objective over batches of validation rows, in evaluation mode."""
    module.eval()
    total = 0.0
    with torch.no_grad():  # and not inference mode, in which an attack could not ask for the gradient of its inputs
        for rows in batches:
            total += float(objective(module, val.take(torch.from_numpy(rows).to(val.device)))) * len(rows)
    return total / sum(len(rows) for rows in batches)


def _is_better(value: float | None, best: float | None, margin: float) -> bool:
    """Without validation rows every epoch is the best so far, so that the last one is kept."""
    return value is None or best is None or value < best - margin


def _require_number(loss: float | None, which: str, epoch: int, config: TrainingConfig) -> None:
    if loss is not None and not math.isfinite(loss):
        clip = "off" if config.gradient_clip is None else f"{config.gradient_clip:g}"
        raise RunError(
            f"{which} loss, epoch {epoch}",
            f"must be a number: most likely training.learning_rate={config.learning_rate:g} is too high "
            f"(training.gradient_clip is {clip}) or a feature is not scaled",
            loss,
        )
