"""One path and one seed: its decisions in one account, with costs, and what the judge says of it."""

from __future__ import annotations

from dataclasses import dataclass

from regimen.execution import Ledger
from regimen.judging import Judgement, Trials, judge
from regimen.runs.guarding import trade
from regimen.runs.prepare import Prepared
from regimen.runs.validation.fits import path_targets
from regimen.runs.validation.plan import ValidationPlan, prepared_of


@dataclass(frozen=True)
class JudgedPath:
    """A path that is judged.

    Attributes:
        plan: of the validation.
        seed, path: which one.
        trials: what it is judged by.
    """

    plan: ValidationPlan
    seed: int
    path: int
    trials: Trials


def traded(plan: ValidationPlan, prepared: Prepared, seed: int, path: int) -> Ledger:
    """Returns the books of one path: all its folds one after another in one account, at the run's costs."""
    splits = plan.splits(prepared)
    return trade(prepared.config, prepared.bars, path_targets(plan, splits, prepared, seed, path), *splits.span)


def judge_path(task: JudgedPath) -> Judgement:
    """Judges one path as a run is judged: beside its controls, after costs, deflated by every trial."""
    prepared = prepared_of(task.plan.run)
    how = prepared.config.judge
    return judge(
        traded(task.plan, prepared, task.seed, task.path),
        task.trials,
        seed=prepared.config.seed,
        draws=how.random_controls,
        bootstrap_draws=how.bootstrap_draws,
    )
