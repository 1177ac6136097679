"""Twenty methods that do nothing, in real trainings: other seeds of one config are not found to help."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.metrics import class_prior, log_loss_skill
from regimen.records import RunConfig
from regimen.reporting.ablation import Ablation, Arm, Column
from regimen.runs.families.calibrated_rule import forecasts_of
from regimen.runs.prepare import Prepared, prepare
from regimen.runs.window import fit_model

NO_OPS, SEEDS = 20, 6
SKILL = Column("skill", "log-loss skill · 10⁴", 1, 1, "nats")


def skills(prepared: Prepared, first: int) -> NDArray[np.float64]:
    """(seed, window) log-loss skill out of sample of so many trainings, from a seed on."""
    table = np.empty((SEEDS, len(prepared.windows)))
    for seed in range(SEEDS):
        for window in prepared.windows:
            policy = fit_model(prepared, window, first + seed).policy
            forecasts = forecasts_of(policy, prepared.history, prepared.labels, window.test)
            prior = class_prior(window.train.take(prepared.labels.y).astype(np.int64))
            table[seed, window.number] = 1e4 * log_loss_skill(*forecasts, prior)
    return table


@pytest.mark.slow
def test_other_seeds_of_real_trainings_are_not_found_to_help(configured: Callable[..., RunConfig]) -> None:
    words = ("splits={train: 300, test: 100}", "training.epochs=2", "training.batch_size=128", "calibration=none")
    prepared = prepare(configured(*words))
    assert len(prepared.windows) >= 5
    tables = [skills(prepared, 1000 * k) for k in range(NO_OPS + 1)]
    assert min(np.abs(one - tables[0]).max() for one in tables[1:]) > 1.0  # the trainings do differ
    tries = []
    for base in range(len(tables)):  # each of them is the base once, and the others are what does nothing
        others = [k for k in range(len(tables)) if k != base]
        arms = [Arm("base", "", "", {"skill": tables[base]})]
        arms += [Arm("alone", f"no-op {k}", "", {"skill": tables[k]}) for k in others]
        arms += [Arm("all", "", "", {"skill": tables[base]})]
        arms += [Arm("without", f"no-op {k}", "", {"skill": tables[k]}) for k in others]
        ablation = Ablation("none", arms, (SKILL,), "skill", SEEDS, len(prepared.windows), 0)
        tries.append(any(worth.says == "helps" for worth in ablation.worths))
    assert np.mean(tries) <= 0.05
    better = Arm("alone", "better", "", {"skill": tables[1] + 2.0 * float(np.std(tables[1] - tables[0]))})
    pair = [Arm("base", "", "", {"skill": tables[0]}), better]
    seen = Ablation("one", pair, (SKILL,), "skill", SEEDS, len(prepared.windows), 0)
    assert seen.verdicts[0].says == "helps"  # what does something is seen
