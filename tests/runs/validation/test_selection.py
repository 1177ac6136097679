"""PBO and SPA over the trials of a market: what they are of, and where there is too little to tell."""

from __future__ import annotations

import numpy as np

from regimen import metrics
from regimen.records import TrialReturns
from regimen.runs.validation.selection import SHORTEST, selection_of


def returns_of(days: int, trials: int, edge: float = 0.0, unknown: int = 0) -> TrialReturns:
    values = np.random.default_rng(0).normal(0.0, 0.01, (days, trials))
    values[:, 0] += edge
    clock = np.datetime64("2020-01-01") + np.arange(days)
    return TrialReturns(clock, values, tuple(f"run{k}" for k in range(trials)), unknown=unknown)


def test_it_is_the_statistics_of_the_trials_of_the_ledger() -> None:
    returns = returns_of(400, 6, unknown=2)
    selection = selection_of(returns, 0)
    assert selection is not None
    assert (selection.trials, selection.left_out, selection.days) == (6, 2, 400)
    assert selection.pbo == metrics.pbo(returns.values, blocks=16, seed=0).pbo
    assert selection.spa == metrics.superiority(returns.values, seed=0).p
    assert selection.effective == returns.effective == 8
    assert "Among 6 trials of this market on 400 days" in selection.sentence


def test_an_edge_is_told_from_a_search_among_noise() -> None:
    planted, noise = selection_of(returns_of(600, 20, edge=0.003), 0), selection_of(returns_of(600, 20), 0)
    assert planted is not None
    assert noise is not None
    assert planted.pbo < 0.05 < noise.pbo
    assert planted.spa < 0.01
    assert (planted.superior, noise.superior) == (1, 0)
    assert "1 earn" in planted.sentence
    assert "none earns more" in noise.sentence


def test_with_one_trial_or_too_few_days_nothing_can_be_told() -> None:
    assert selection_of(returns_of(400, 1), 0) is None
    assert selection_of(returns_of(SHORTEST - 1, 3), 0) is None
    assert selection_of(returns_of(SHORTEST, 3), 0) is not None
