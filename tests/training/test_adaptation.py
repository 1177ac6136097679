"""What adapting is worth where it should be worth something, and where it cannot be: the flip market."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from regimen.predictors import BaselineConfig, TorchPredictor
from regimen.seams import Batch, RowTable
from regimen.simulators import FlipMarketConfig
from regimen.training import TrainingConfig, TrainingData, classification, fit
from regimen.training.recipes import MamlConfig
from regimen.training.recipes.maml.adaptation import MetaLoss

LENGTH, SHOTS, QUERIES = 80, 20, 40
MODEL = BaselineConfig(hidden=(32, 32))
RECIPE = MamlConfig(inner_rate=0.1, shots=SHOTS, queries=QUERIES, tasks_per_batch=8, bars=LENGTH, steps_per_epoch=100)


def _rows(stretches: int, seed: int) -> TrainingData:
    """The last return, and whether the next one is up; the last bar of the path has no label."""
    returns = FlipMarketConfig(length=LENGTH).simulate(stretches * LENGTH, seed).returns
    x, y, bar = returns[:-1, None].astype(np.float32), (returns[1:] > 0.0).astype(np.int64), np.arange(len(returns) - 1)
    return TrainingData(x, y, rows=RowTable(bar, np.zeros(len(bar), np.int64), bar + 1, np.ones(len(bar))))


def _fitted(data: TrainingData, epochs: int, *recipes: MamlConfig) -> TorchPredictor:
    predictor = MODEL.build(1, 2, seed=0)
    config = TrainingConfig(epochs=epochs, patience=None, learning_rate=3e-3, recipes=recipes)
    result = fit(predictor, data, config)
    if result.unadapted is not None:
        predictor.load_state(result.unadapted)
    return predictor


def _accuracy(predictor: TorchPredictor, data: TrainingData, steps: int, rate: float = 0.1) -> tuple[float, float]:
    """How often it is right on 40 rows of each stretch, after steps on the 20 before them; and the standard error."""
    hits: list[float] = []

    def right(module: Any, batch: Batch) -> torch.Tensor:
        if not torch.is_grad_enabled():
            hits.append(float((module(batch.x).argmax(1) == batch.y).float().mean()))
        return classification()(module, batch)

    loss = MetaLoss(right, tasks=1, shots=SHOTS, rate=rate, steps=max(steps, 1), first_order=True, adapts="all")
    predictor.module.eval()
    with torch.no_grad():
        for start in range(0, len(data.x_train) - LENGTH, LENGTH):
            rows = slice(start, start + SHOTS + QUERIES)
            x, y = torch.from_numpy(data.x_train[rows]), torch.from_numpy(data.y_train[rows])
            batch = Batch(x, y, torch.ones(len(x)))
            if steps:
                loss(predictor.module, batch)
            else:
                right(predictor.module, batch.part(slice(SHOTS, None)))
    return float(np.mean(hits)), float(np.std(hits) / np.sqrt(len(hits)))


@pytest.mark.slow
def test_five_steps_on_twenty_rows_find_the_rule_that_no_joint_model_can_know() -> None:
    data, unseen = _rows(600, 1), _rows(301, 2)
    joint = _fitted(data, 5)
    assert _accuracy(joint, unseen, 0)[0] == pytest.approx(0.5, abs=0.04)  # a stretch is .7048 or .2952
    learner = _fitted(data, 8, RECIPE)
    before, after = _accuracy(learner, unseen, 0)[0], _accuracy(learner, unseen, 5)[0]
    assert before == pytest.approx(0.5, abs=0.04)
    assert 0.66 <= after <= 0.7048
    assert after > _accuracy(joint, unseen, 5)[0] + 0.03


@pytest.mark.slow
def test_few_tasks_are_memorised() -> None:
    """Eight stretches: learned by heart, and worth less on new ones than six hundred are."""
    few, unseen = _rows(9, 3), _rows(201, 2)
    learner = _fitted(few, 8, RECIPE)
    assert _accuracy(learner, few, 5)[0] > _accuracy(learner, unseen, 5)[0] + 0.03
    assert _accuracy(learner, unseen, 5)[0] < 0.66
