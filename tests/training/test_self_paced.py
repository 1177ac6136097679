"""Self-paced learning: the rows of least loss, a share that grows, and all rows in validation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from regimen.predictors import BaselineConfig
from regimen.seams import Batch
from regimen.training import TrainingConfig, TrainingData, classification, fit
from regimen.training.recipes import SelfPacedConfig, Task

TASK = Task(TrainingData(np.zeros((9, 4), np.float32), np.arange(9) % 3), 64)


@pytest.mark.parametrize("epoch", [0, 1, 2, 3, 4])
def test_the_rows_that_count_are_those_of_least_loss(epoch: int) -> None:
    torch.manual_seed(epoch)
    module = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)).double()
    weights = (torch.rand(101, dtype=torch.float64) > 0.2).double() * torch.rand(101, dtype=torch.float64)
    batch = Batch(torch.randn(101, 4, dtype=torch.float64), torch.randint(0, 3, (101,)), weights, epoch=epoch)
    chosen: list[Batch] = []

    def below(module: nn.Module, batch: Batch) -> torch.Tensor:
        chosen.append(batch)
        return classification()(module, batch)

    SelfPacedConfig(start=0.4, growth=1.5).objective(below, TASK)(module, batch)
    assert module.training
    losses = -torch.log_softmax(module.eval()(batch.x), dim=1)[torch.arange(101), batch.y].detach().numpy()
    share = 1.0 if epoch == 0 else min(1.0, 0.4 * 1.5 ** (epoch - 1))
    counted = np.flatnonzero(weights.numpy() > 0.0)
    easiest = counted[np.argsort(losses[counted])][: round(share * len(counted))]
    expected = np.zeros(101)
    expected[easiest] = weights.numpy()[easiest]
    np.testing.assert_array_equal(chosen[0].weights.numpy(), expected)


def test_the_loop_tells_it_the_epoch_and_validation_counts_every_row() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 4)).astype(np.float32), rng.integers(0, 3, 400)
    config = TrainingConfig(
        epochs=3, batch_size=64, learning_rate=1e-9, recipes=(SelfPacedConfig(start=0.3, growth=2.0),)
    )
    result = fit(BaselineConfig(hidden=(8,), dropout=0.0).build(4), TrainingData(x, y, x[:100], y[:100]), config)
    losses = [epoch.train_loss for epoch in result.history]
    assert losses[0] < losses[1] < losses[2]  # more and harder rows: .3, .6, all
    best = min(result.history, key=lambda epoch: epoch.val_loss or math.inf)
    logs = np.log(result.predictor.predict_proba(x[:100]))
    assert best.val_loss == pytest.approx(-logs[np.arange(100), y[:100]].mean(), rel=1e-5)
