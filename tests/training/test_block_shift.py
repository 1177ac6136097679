"""Windows that end a few bars earlier: nothing wraps around."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regimen.errors import ConfigError
from regimen.predictors import BaselineConfig
from regimen.seams import Batch
from regimen.training import TrainingConfig, TrainingData, fit
from regimen.training.objectives import identity
from regimen.training.recipes import BlockShiftConfig, Task


def _task(length: int) -> Task:
    return Task(TrainingData(np.zeros((9, length, 2), np.float32), np.arange(9) % 3), 64)


def test_windows_are_shifted_evenly_and_no_newest_bar_is_among_the_oldest() -> None:
    rows, length = 6_000, 6
    x = torch.arange(length, dtype=torch.float32)[None, :, None] + torch.tensor([0.0, 100.0])
    batch = Batch(x.expand(rows, length, 2), torch.zeros(rows, dtype=torch.int64), torch.ones(rows))
    after = BlockShiftConfig(bars=2).transform(identity, _task(length))(batch, torch.Generator().manual_seed(0)).x
    possible = [[0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4], [0, 0, 0, 1, 2, 3]]
    counts = [int((after[..., 0] == torch.tensor(each)).all(dim=1).sum()) for each in possible]
    assert sum(counts) == rows  # each window is one of the three, whole
    assert np.abs(np.array(counts) - rows / 3).max() < 4 * (rows * 2 / 9) ** 0.5
    assert torch.equal(after[..., 1], after[..., 0] + 100.0)  # all features alike
    assert (after.diff(dim=1) >= 0).all()  # torch.roll would put row 5 before row 0


def test_it_needs_windows_that_are_longer() -> None:
    with pytest.raises(ConfigError, match=r"block_shift.bars: must be less than the 2 rows of a window; got 2"):
        BlockShiftConfig(bars=2).transform(identity, _task(2))
    data = TrainingData(np.zeros((9, 4), np.float32), np.arange(9) % 3)
    config = TrainingConfig(epochs=1, patience=None, recipes=(BlockShiftConfig(),))
    with pytest.raises(ConfigError, match="block_shift: needs a model of windows"):
        fit(BaselineConfig(hidden=(8,)).build(4), data, config)
