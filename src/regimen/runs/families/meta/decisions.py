"""What a primary decides on a training slice that it has not learned from, and whether acting on it paid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.execution import alone
from regimen.labels import BUY, SELL, UNDEFINED, Labels
from regimen.learning import AgentSettings
from regimen.policies import Policy, RuleSettings
from regimen.records import MetaConfig
from regimen.runs.families import family_of
from regimen.runs.fit import Tell
from regimen.runs.prepare import Prepared
from regimen.splits import Window

Stage = tuple[Path | None, Tell | None]
"""The folder of a fit's checkpoint, and its progress."""


def decided_by(
    model: MetaConfig,
    prepared: Prepared,
    window: Window,
    policy: Policy,
    seed: int,
    stages: Iterator[Stage],
) -> NDArray[np.float64]:
    """Returns what a primary decides (time, symbol) on the training and validation slices; 0 elsewhere.

    Nothing that decides a bar of the training slice has learned from it: a rule has learned nothing, a model of rows
    that is asked about a part was fitted on the others, purged and embargoed, and an agent, which trades through all
    of its bars, on the parts before (the first part has no decisions). The validation slice is decided by the policy
    that was fitted on the training slice.
    """
    history, train, last = prepared.history, window.train, max(window.train.stop, window.validation.stop)
    decided = np.zeros(prepared.bars.shape)
    if isinstance(model.primary, RuleSettings):
        decided[train.start : last] = alone(policy, history, train.start, last)
        return np.nan_to_num(decided)
    family = family_of(model.primary)
    for fold in prepared.folds(train, model.folds):
        apart = fold.window(window)
        checkpoint, tell = next(stages)
        if isinstance(model.primary, AgentSettings):
            if not fold.number:
                continue
            apart = replace(window, train=train.until(fold.test.start))
        fit = family.fit(prepared, apart, seed, checkpoint, tell)
        decided[fold.test.start : fold.test.stop] = alone(fit.policy, history, fold.test.start, fold.test.stop)
    decided[train.stop : last] = alone(policy, history, train.stop, last)
    return np.nan_to_num(decided)


def meta_labels(labels: Labels, decided: NDArray[np.float64], round_trip: float) -> Labels:
    """Returns labels of decisions: BUY where acting on them paid, SELL where it lost; no HOLD.

    With r the label's own forward return, acting pays when ``sign(decision) · r > round_trip``. A label looks as far
    as before; its return is what acting earned, before costs. Where nothing was decided there is no label.

    Args:
        labels: of bars.
        decided: (time, symbol) exposures; 0 or NaN: none.
        round_trip: what buying and selling once costs, as a fraction.

    Source: López de Prado, Advances in Financial Machine Learning (2018), section 3.6 (there: 1 and 0).
    """
    side = np.nan_to_num(np.sign(decided))
    acts = labels.defined & (side != 0.0)
    earned = np.where(acts, side * labels.forward_return, np.nan)
    y = np.where(acts, np.where(earned > round_trip, BUY, SELL), UNDEFINED).astype(np.int8)
    return Labels(y, np.where(acts, labels.t_end, UNDEFINED), earned, labels.horizon)


def share_that_paid(labels: Labels, window: Window) -> float:
    """Returns at how many of the training rows that a primary acts at it paid.

    Raises:
        ConfigError: it acts at none of them; at all of them it paid, or lost.
    """
    y, place = window.train.take(labels.y), f"in window {window.number + 1}'s training slice"
    acted = y[y != UNDEFINED]
    if not len(acted):
        rule = f"must act somewhere {place}, but its exposure is 0 at all {len(y):,} rows"
        raise ConfigError("model.primary", rule)
    paid = float(np.mean(acted == BUY))
    if paid in (0.0, 1.0):
        rule = f"must both pay and lose {place} for a second model to tell them apart, but at all {len(acted):,} rows"
        raise ConfigError("model.primary", f"{rule} at which it acts it {'paid' if paid else 'lost'} after costs")
    return paid
