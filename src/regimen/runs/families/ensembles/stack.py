"""What a stack learns from in one window: its members' predictions of the rows of purged folds, held out each once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, RegimenError, SplitError
from regimen.policies import ClassifierPolicy, Policy
from regimen.policies.ensemble import StackConfig, Stacker
from regimen.preprocess import Chain
from regimen.records import EnsembleConfig
from regimen.runs.families.ensembles.members import fit_members
from regimen.runs.families.rows import weights_of
from regimen.runs.fit import Tell
from regimen.runs.prepare import Prepared
from regimen.seams import RowTable
from regimen.splits import Fold, Window

STACK = "stack.json"
"""The file of a window's folder in which a stack is kept, with the losses that it was learned by."""

Floats = NDArray[np.float64]


class Stacked(NamedTuple):
    """A stack, and what is told of it.

    Attributes:
        stacker: how much each member counts.
        facts: rows, and the mean loss on them of each member, of their mean, and of the stack that they taught.
    """

    stacker: Stacker
    facts: dict[str, Any]


def adviser(policy: Policy) -> ClassifierPolicy:
    """Returns a policy that says probabilities.

    Raises:
        ConfigError: it does not.
    """
    if not isinstance(policy, ClassifierPolicy):
        raise ConfigError("model.members", "must say probabilities of SELL, HOLD and BUY", type(policy).__name__)
    return policy


def fit_stack(
    prepared: Prepared, chain: Chain, window: Window, seed: int, checkpoint: Path | None, tell: Tell | None
) -> Stacked:
    """Refits every member without each fold of the training slice in turn, and learns from what it says of that fold.

    The refitted members stop early on the window's own validation slice, which is in no fold. Seeds of a member are
    averaged before. Steps before the scaler were fitted on the whole training slice, labels apart.

    Raises:
        SplitError: a fold beside which no row, or one class, is left; no row that all members know.
        RegimenError: what a member's training says, with the fold behind it.
    """
    model = prepared.config.model
    assert isinstance(model, EnsembleConfig)
    assert isinstance(model.combine, StackConfig)
    members, how = model.fitted(seed), model.combine
    try:
        folds = prepared.folds(window.train, how.folds)
    except SplitError as error:
        raise error.named(f"model.combine.{error.field}") from None
    groups = [member.number for member in members]
    parts: list[Floats] = []
    times: list[NDArray[np.intp]] = []
    symbols: list[NDArray[np.intp]] = []
    for fold in folds:
        place = None if checkpoint is None else checkpoint / "folds" / str(fold.number)
        began = fold.number * len(members), (len(folds) + 1) * len(members)
        try:
            fitted = fit_members(members, prepared, chain, fold.window(window), place, tell, began)
        except RegimenError as error:
            raise error.adding(f", fold {fold.number + 1} of {len(folds)}") from error
        rows, (t, s) = _of_fold([adviser(one.policy) for one in fitted], groups, prepared, fold)
        parts.append(rows)
        times.append(t)
        symbols.append(s)
    rows, t, s = np.concatenate(parts), np.concatenate(times), np.concatenate(symbols)
    if not len(rows):
        raise SplitError("model.combine.folds", "must hold rows that every member knows; take fewer folds", 0)
    labels, at = prepared.labels, (t, s)
    table = RowTable(t, s, labels.t_end[at], prepared.volatility[at])
    weights = weights_of(prepared, window, table, labels.forward_return[at])
    y = labels.y[at].astype(np.int64)
    learned = Stacker.fit(rows, y, how.l2, weights)
    stacker = Stacker(learned.weights, learned.bias, groups)
    opinions = [rows[:, k] for k in range(rows.shape[1])]
    facts = {
        "rows": len(rows),
        "losses": {name: _loss(each, y) for name, each in zip(_names(model), opinions, strict=True)},
        "mean": _loss(rows.mean(axis=1), y),
        "stack": _loss(learned.blended(opinions), y),
    }
    return Stacked(stacker, facts)


def _of_fold(
    policies: list[ClassifierPolicy], groups: list[int], prepared: Prepared, fold: Fold
) -> tuple[Floats, tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Returns what the members say (row, member, 3) of a fold's rows that all of them know, and where those are."""
    times, symbols = fold.test.positions
    history, first, last = prepared.history, fold.test.start, fold.test.stop
    sums: dict[int, Floats] = {}
    for policy, number in zip(policies, groups, strict=True):
        rows = policy.probabilities(history, first, last)[times - first, symbols]
        sums[number] = sums.get(number, 0.0) + rows
    rows = np.stack([sums[number] / groups.count(number) for number in sorted(sums)], axis=1)
    known = np.isfinite(rows).all(axis=(1, 2))
    return rows[known], (times[known], symbols[known])


def _names(model: EnsembleConfig) -> list[str]:
    return [f"{number}-{name}" for number, name in enumerate(model.names)]


def _loss(rows: Floats, y: NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(rows[np.arange(len(y)), y], 1e-15)).mean())
