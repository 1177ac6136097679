"""One split and one seed: a model is fitted on its training folds, and decides those that it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.nets import torch_threads
from regimen.policies import targets
from regimen.runs.prepare import Prepared
from regimen.runs.validation.plan import ValidationPlan, prepared_of
from regimen.runs.window import fit_model, read_exposures, write_exposures
from regimen.splits import Combinatorial

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SplitFit:
    """One fit of a validation."""

    plan: ValidationPlan
    seed: int
    split: int


def fit_split(task: SplitFit) -> int:
    """Fits a split's model, and writes what it decides on the folds held out; nothing where that is there already.

    Each fold is decided from its first bar on as if nothing had been held before it, so that its decisions do not
    depend on which other folds the split holds out. Torch computes on one thread, so the decisions do not depend on
    the machine's cores, nor on where the task was done.

    Returns:
        The rows that are learned from.

    Raises:
        RegimenError: what the fit of the model says.
    """
    prepared, plan = prepared_of(task.plan.run), task.plan
    splits = plan.splits(prepared)
    window = splits.window(task.split, prepared.config.splits.validation)
    if _read(plan, splits, task.seed, task.split, prepared) is None:
        with torch_threads(1):
            policy = fit_model(prepared, window, task.seed).policy
            parts = [targets(policy, prepared.history, *splits.spans[fold]) for fold in splits.choices[task.split]]
        path = plan.decisions(task.seed, task.split)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_exposures(path, np.concatenate(parts))
    return window.train.rows


def path_targets(plan: ValidationPlan, splits: Combinatorial, prepared: Prepared, seed: int, path: int) -> Floats:
    """Returns the exposures (time, symbol) of one path; NaN outside the folds.

    Raises:
        RunError: a split of it has not been fitted, or its file is damaged.
    """
    exposures = np.full(prepared.bars.shape, np.nan)
    for fold, split in enumerate(splits.paths[path].tolist()):
        rows = _read(plan, splits, seed, split, prepared)
        if rows is None:
            raise RunError("validation", "must have every split; run the command again", f"seed {seed}, split {split}")
        choice = splits.choices[split]
        lengths = [splits.spans[each][1] - splits.spans[each][0] for each in choice]
        begin = sum(lengths[: choice.index(fold)])
        first, last = splits.spans[fold]
        exposures[first:last] = rows[begin : begin + last - first]
    return exposures


def _read(plan: ValidationPlan, splits: Combinatorial, seed: int, split: int, prepared: Prepared) -> Floats | None:
    length = sum(splits.spans[fold][1] - splits.spans[fold][0] for fold in splits.choices[split])
    return read_exposures(plan.decisions(seed, split), (length, prepared.bars.shape[1]))
