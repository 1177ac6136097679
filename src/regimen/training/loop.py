"""The one training loop: sample rows, transform the batch, lower the objective; keep the best weights."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from regimen.errors import RunError
from regimen.predictors import Predictor
from regimen.seeding import generator, torch_seed
from regimen.training.checkpoint import Epoch, Progress, identify, load_checkpoint, save_checkpoint
from regimen.training.config import TrainingConfig, learning_rate
from regimen.training.data import TrainingData
from regimen.training.defaults import check_settings, default_objective, default_sampler, make_optimizer
from regimen.training.objectives import Batch, Objective, Transform, identity
from regimen.training.reproducible import pick_device, reproducible
from regimen.training.samplers import Rows, Sampler, check_batches

_VALIDATION_ROWS = 8192


@dataclass(frozen=True)
class FitResult:
    """A finished training.

    Attributes:
        predictor: the predictor that was given, with the weights of ``best_epoch``.
        best_epoch: the epoch (from 1) with the lowest validation loss; the last one without validation rows.
        history: every epoch, those before a resume included.
        stopped_early: patience ran out before the last epoch.
    """

    predictor: Predictor
    best_epoch: int
    history: tuple[Epoch, ...]
    stopped_early: bool


def fit(
    predictor: Predictor,
    data: TrainingData,
    config: TrainingConfig,
    *,
    seed: int = 0,
    window: int = 0,
    checkpoint: Path | str | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    sampler: Sampler | None = None,
    transform: Transform = identity,
    objective: Objective | None = None,
) -> FitResult:
    """Trains a predictor in place and leaves it with its best weights.

    The same predictor, data, config, seed and window give the same bytes on the same machine. Called again
    with the same arguments and the same checkpoint folder, it continues after the last whole epoch and ends
    with the bytes of a run that was never stopped; a finished checkpoint is returned at once.

    Args:
        predictor: freshly built (also when resuming).
        data: rows of the training slice and of its purged tail.
        config: the settings.
        seed: of batches, dropout and transforms.
        window: number of the walk-forward window; each has its own random streams.
        checkpoint: folder for ``checkpoint.safetensors``, written after each epoch; None: no checkpoints.
        on_epoch: called after each epoch that is done in this call, when its checkpoint is on disk.
        sampler: replaces the one that ``config.sampler`` names.
        transform: changes each training batch.
        objective: replaces cross-entropy with ``config.class_weights`` and ``config.label_smoothing``.

    Raises:
        DataError: rows that cannot be trained on, or a class that never occurs.
        ConfigError: settings that cannot act together, or no such device.
        RunError: the loss is no longer a number; a checkpoint that is damaged, foreign or not writable.
    """
    check_settings(config, data, sampler, objective)
    data.check(predictor.inputs, predictor.classes, allow_missing_classes=config.allow_missing_classes)
    device = pick_device(config.device)
    module, home = predictor.module, next(predictor.module.parameters()).device
    run_identity: dict[str, Any] = {}
    if checkpoint is not None:
        seams = {"sampler": sampler, "transform": transform, "objective": objective}
        run_identity = identify(predictor, data, config, seed, window, device, seams)
    if sampler is None:
        sampler = default_sampler(config, data)
    was_training = module.training
    with reproducible(config.threads, device):
        module.to(device)
        try:
            objective = objective or default_objective(config, data, predictor.classes, device)
            optimizer = make_optimizer(module, config)
            progress = Progress()
            if checkpoint is not None:
                progress = load_checkpoint(Path(checkpoint), run_identity, module, optimizer) or progress
            train = _to_device(data.x_train, data.y_train, data.weights, device)
            val = None if data.x_val is None else _to_device(data.x_val, data.y_val, None, device)
            while not progress.finished:
                started = time.perf_counter()
                number = len(progress.history) + 1
                path = ("window", window, "epoch", number)
                torch.manual_seed(torch_seed(seed, *path))  # dropout
                draws = torch.Generator(device).manual_seed(torch_seed(seed, *path, "transform"))
                batches = sampler(number, generator(seed, *path, "sampler"))
                check_batches(batches, len(data.x_train))

                module.train()
                train_loss = _epoch(module, train, batches, number, optimizer, config, transform, draws, objective)
                val_loss = None if val is None else _validate(module, val, objective)
                _require_number(train_loss, "training", number, config)
                _require_number(val_loss, "validation", number, config)

                better = _is_better(val_loss, progress.best_loss, config.min_improvement)
                if better:
                    progress.best_epoch, progress.best_loss, progress.stale = number, val_loss, 0
                    progress.keep(module)
                else:
                    progress.stale += 1
                out_of_patience = config.patience is not None and progress.stale >= config.patience
                progress.finished = number == config.epochs or out_of_patience
                seconds = time.perf_counter() - started
                progress.history.append(Epoch(number, train_loss, val_loss, better, seconds))
                if checkpoint is not None:
                    save_checkpoint(Path(checkpoint), run_identity, progress, module, optimizer)
                if on_epoch is not None:
                    on_epoch(progress.history[-1])
            module.load_state_dict(progress.best_weights)
        finally:
            module.to(home)
            module.zero_grad(set_to_none=True)
            module.train(was_training)
    stopped_early = len(progress.history) < config.epochs
    return FitResult(predictor, progress.best_epoch, tuple(progress.history), stopped_early)


def _epoch(
    module: nn.Module,
    train: Batch,
    batches: Sequence[Rows],
    number: int,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    transform: Transform,
    draws: torch.Generator,
    objective: Objective,
) -> float:
    """One pass of optimiser steps; returns the mean loss of its batches, by their weights."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    total = torch.zeros((), dtype=torch.float64, device=train.x.device)
    weight = torch.zeros_like(total)
    order = torch.from_numpy(np.concatenate(batches)).to(train.x.device)  # one transfer, not one a batch
    for step, rows in enumerate(torch.split(order, [len(rows) for rows in batches])):
        rate = learning_rate(config, number - 1 + (step + 1) / len(batches))
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = transform(_take(train, rows), draws)
        if not len(batch.x) == len(batch.y) == len(batch.weights):
            raise ValueError(f"a transform must keep x, y and weights of one length: {[len(part) for part in batch]}")
        loss = objective(module, batch)
        if loss.ndim != 0:
            raise ValueError(f"an objective must return a scalar, not {tuple(loss.shape)}")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.gradient_clip is not None:
            nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
        optimizer.step()
        share = batch.weights.sum()
        total += loss.detach() * share
        weight += share
    return float(total / weight)


def _validate(module: nn.Module, val: Batch, objective: Objective) -> float:
    """Returns the objective over all validation rows, in evaluation mode."""
    module.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(val.x), _VALIDATION_ROWS):
            block = Batch(*(part[start : start + _VALIDATION_ROWS] for part in val))
            total += float(objective(module, block)) * len(block.x)
    return total / len(val.x)


def _is_better(loss: float | None, best: float | None, margin: float) -> bool:
    """Without validation rows every epoch is the best so far, so that the last one is kept."""
    return loss is None or best is None or loss < best - margin


def _require_number(loss: float | None, which: str, epoch: int, config: TrainingConfig) -> None:
    if loss is not None and not math.isfinite(loss):
        clip = "off" if config.gradient_clip is None else f"{config.gradient_clip:g}"
        raise RunError(
            f"{which} loss, epoch {epoch}",
            f"must be a number: most likely training.learning_rate={config.learning_rate:g} is too high "
            f"(training.gradient_clip is {clip}) or a feature is not scaled",
            loss,
        )


def _take(train: Batch, rows: Tensor) -> Batch:
    return Batch(*(part.index_select(0, rows) for part in train))


def _to_device(x: Any, y: Any, weights: Any, device: torch.device) -> Batch:
    if weights is None:
        weights = np.ones(len(x), dtype=np.float32)
    with warnings.catch_warnings():
        # A read-only array is fine: the loop takes rows out of it and never writes into it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return Batch(
            torch.from_numpy(np.asarray(x, dtype=np.float32)).to(device),
            torch.from_numpy(np.asarray(y, dtype=np.int64)).to(device),
            torch.from_numpy(np.asarray(weights, dtype=np.float32)).to(device),
        )
