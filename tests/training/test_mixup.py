"""Rows between rows: each against its formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regimen.errors import ConfigError
from regimen.predictors import BaselineConfig
from regimen.seams import Batch
from regimen.training import TrainingConfig, TrainingData, classification, fit
from regimen.training.objectives import identity
from regimen.training.recipes import LabelSmoothingConfig, MixupConfig, Task

ROWS = 20_000


def _batch(rows: int = ROWS) -> Batch:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, 4, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 3, (rows,), generator=generator)
    return Batch(x, y, torch.ones(rows, dtype=torch.float64), {"return": 2.0 * x[:, 0]})


TASK = Task(TrainingData(np.zeros((9, 4), np.float32), np.arange(9) % 3), 64)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_rows_inputs_and_targets_are_mixed_alike_with_shares_from_beta(alpha: float) -> None:
    batch = _batch()
    mixed = MixupConfig(alpha=alpha).transform(identity, TASK)(batch, torch.Generator().manual_seed(0))
    assert mixed.shares is not None
    torch.testing.assert_close(mixed.shares.sum(dim=1), torch.ones(ROWS, dtype=torch.float64))
    torch.testing.assert_close(mixed.targets["return"], 2.0 * mixed.x[:, 0])
    torch.testing.assert_close(mixed.weights, batch.weights)
    # Where both rows are of other classes, the share of the own class is λ, and x − λ x_i = (1 − λ) x_j.
    share = mixed.shares[torch.arange(ROWS), batch.y]
    two = (mixed.shares > 0).sum(dim=1) == 2
    rest = (mixed.x - share[:, None] * batch.x) / (1.0 - share)[:, None]
    some = torch.nonzero(two)[:40, 0]
    distance = (rest[some, None] - batch.x[None]).abs().amax(dim=2)
    partner = distance.argmin(dim=1)
    assert distance.amin(dim=1).max() < 1e-6
    assert torch.equal(mixed.shares[some, batch.y[partner]], 1.0 - share[some])
    # Beta(α, α): mean ½, variance 1 / (4 (2α + 1)); four standard errors of both.
    drawn, number = share[two].numpy(), int(two.sum())
    variance = 1.0 / (4.0 * (2.0 * alpha + 1.0))
    assert abs(drawn.mean() - 0.5) < 4.0 * (variance / number) ** 0.5
    assert abs(drawn.var() / variance - 1.0) < 4.0 * (2.0 / number) ** 0.5


def test_the_loss_of_a_mixed_row_is_the_mixed_loss() -> None:
    batch, module = _batch(50), nn.Linear(4, 3).double()
    mixed = MixupConfig(alpha=1.0).transform(identity, TASK)(batch, torch.Generator().manual_seed(0))
    logs = torch.log_softmax(module(mixed.x), dim=1)
    assert mixed.shares is not None
    expected = -(mixed.shares * logs).sum(dim=1).mean()
    torch.testing.assert_close(classification()(module, mixed), expected)
    smooth = -((0.7 * mixed.shares + 0.1) * logs).sum(dim=1).mean()
    smoothed = LabelSmoothingConfig(epsilon=0.3).objective(classification(), TASK)
    torch.testing.assert_close(smoothed(module, mixed), smooth)
    weights = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    weighted = -((mixed.shares * logs).sum(dim=1) * (mixed.shares @ weights)).mean()
    torch.testing.assert_close(classification(weights)(module, mixed), weighted)


def test_a_row_that_counts_nothing_is_in_no_mixture() -> None:
    batch = _batch(200)
    batch.weights[::2] = 0.0
    strange = batch._replace(x=batch.x.clone())
    strange.x[::2] = 1e6
    transform = MixupConfig(alpha=1.0).transform(identity, TASK)
    one, other = (transform(each, torch.Generator().manual_seed(0)) for each in (batch, strange))
    counts = one.weights > 0.0
    assert 100 < counts.sum() < 200
    assert torch.equal(one.x[counts], other.x[counts])


def test_regimes_are_not_mixed() -> None:
    y = np.arange(9) % 3
    data: Any = TrainingData(np.zeros((9, 4), np.float32), y, targets_train={"regime": y.astype(np.float32)})
    config = TrainingConfig(epochs=1, patience=None, recipes=(MixupConfig(),))
    with pytest.raises(ConfigError, match="mixup: must not be mixed: regimes are classes"):
        fit(BaselineConfig(hidden=(8,)).build(4), data, config)
    fit(BaselineConfig(hidden=(8,)).build(4), replace(data, targets_train={}), config)
