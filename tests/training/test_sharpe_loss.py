"""The Sharpe ratio as an objective, against the ratio itself, written out and by finite differences; blocks in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regimen.errors import ConfigError, DataError
from regimen.predictors import BaselineConfig, HybridConfig
from regimen.seams import Batch, RowTable
from regimen.training import TrainingConfig, TrainingData, classification, fit
from regimen.training.recipes import SharpeLossConfig, Task
from regimen.training.samplers import in_blocks

ROWS = 300


def _data(rows: int = ROWS, symbols: int = 2, seed: int = 0) -> TrainingData:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    place = np.arange(rows)
    time, symbol = place // symbols, place % symbols
    time = time + (time > 60)  # a bar without rows
    table = RowTable(time, symbol, time + 5, np.ones(rows))
    back = {"bar_return": 0.002 * x[:, 0] + rng.normal(0.0, 0.01, rows)}
    y = rng.integers(0, 3, rows)
    val = {"bar_return": back["bar_return"][:90]}
    first = RowTable(*(column[:90] for column in table if column is not None))
    return TrainingData(x, y, x[:90], y[:90], targets_train=back, targets_val=val, rows=table, rows_val=first)


def _batch(data: TrainingData, rows: np.ndarray) -> Batch:
    assert data.rows is not None
    return Batch(
        torch.from_numpy(np.asarray(data.x_train, dtype=np.float64)[rows]),
        torch.from_numpy(data.y_train[rows]),
        torch.from_numpy(np.random.default_rng(3).random(len(data.x_train))[rows]),
        {"bar_return": torch.from_numpy(data.targets_train["bar_return"][rows])},
        time=torch.from_numpy(data.rows.time[rows]),
        symbol=torch.from_numpy(data.rows.symbol[rows]),
    )


def _by_hand(recipe: SharpeLossConfig, pi: np.ndarray, batch: Batch) -> float:
    """−Sharpe + turnover, row by row: what each position earns, less what the change from the bar before costs."""
    assert batch.time is not None
    assert batch.symbol is not None
    held = {}
    for k, (t, s) in enumerate(zip(batch.time.tolist(), batch.symbol.tolist(), strict=True)):
        held[t, s] = pi[k, 2] - pi[k, 0], float(batch.weights[k]), float(batch.targets["bar_return"][k])
    gains, weights, changes = [], [], []
    for (t, s), (position, weight, back) in held.items():
        before = held.get((t - 1, s))
        change = 0.0 if before is None or before[1] == 0.0 else abs(position - before[0])
        gains.append(position * back - recipe.cost_bps * 1e-4 * change)
        weights.append(weight)
        changes.append(change)
    mean = np.average(gains, weights=weights)
    deviation = np.average((np.array(gains) - mean) ** 2, weights=weights) ** 0.5
    return float(recipe.turnover * np.average(changes, weights=weights) - mean / deviation)


@pytest.mark.parametrize("recipe", [SharpeLossConfig(), SharpeLossConfig(cost_bps=40.0, turnover=0.3, block=32)])
def test_its_gradient_is_that_of_the_sharpe_ratio_after_costs(recipe: SharpeLossConfig) -> None:
    data, module = _data(), nn.Linear(4, 3).double()
    assert data.rows is not None
    rows = in_blocks(data.rows, 32, 128)([], np.random.default_rng(0))[0]
    batch = _batch(data, rows)
    batch.weights[::7] = 0.0
    loss = recipe.objective(classification(), Task(data, 256))
    value = loss(module, batch)
    value.backward()
    computed = torch.cat([each.grad.flatten() for each in module.parameters()])  # type: ignore[union-attr]

    def by_hand() -> float:
        return _by_hand(recipe, torch.softmax(module(batch.x), dim=1).detach().numpy(), batch)

    assert value.item() == pytest.approx(by_hand(), rel=1e-7)
    differences = []
    with torch.no_grad():
        for parameter in module.parameters():
            flat = parameter.view(-1)
            for k in range(flat.numel()):
                before, ends = flat[k].item(), []
                for step in (1e-6, -1e-6):
                    flat[k] = before + step
                    ends.append(by_hand())
                flat[k] = before
                differences.append((ends[0] - ends[1]) / 2e-6)
    np.testing.assert_allclose(computed.numpy(), differences, rtol=1e-5, atol=1e-8)
    assert np.abs(differences).min() > 1e-6


def test_the_order_of_rows_does_not_matter() -> None:
    data, module = _data(), nn.Linear(4, 3).double()
    rows = np.arange(ROWS)
    loss = SharpeLossConfig().objective(classification(), Task(data, 256))
    mixed = np.random.default_rng(1).permutation(rows)
    torch.testing.assert_close(loss(module, _batch(data, rows)), loss(module, _batch(data, mixed)))


def test_blocks_hold_every_row_once_and_follow_each_other_in_time() -> None:
    table = _data().rows
    assert table is not None
    sampler = in_blocks(table, 32, 100)
    starts = set()
    for epoch in range(20):
        batches = sampler([], np.random.default_rng(epoch))
        assert sorted(np.concatenate(batches)) == list(range(ROWS))
        assert all(len(batch) <= 150 for batch in batches)
        for batch in batches:
            steps = np.diff(table.time[batch]) == 1
            same = np.diff(table.symbol[batch]) == 0
            pieces = np.split(batch, np.flatnonzero(~(steps & same)) + 1)
            assert min(len(piece) for piece in pieces) >= 16  # none begins or ends at the bar without rows but with it
            starts |= {int(piece[0]) for piece in pieces}
    assert len(starts) > 20  # blocks do not begin where they began before


def test_it_learns_positions_that_earn_more_than_they_cost() -> None:
    """Returns that follow the first feature: the validation ratio comes near the best there is, .2 of 1."""
    data = _data(4000)
    config = TrainingConfig(epochs=12, learning_rate=1e-2, batch_size=512, recipes=(SharpeLossConfig(cost_bps=0.0),))
    losses = [each.val_loss for each in fit(BaselineConfig(hidden=(8,)).build(4), data, config).history]
    assert min(x for x in losses if x is not None) < -0.1


def test_what_it_cannot_do_is_refused() -> None:
    data = _data()

    def train(data: TrainingData = data, model: Any = None, **settings: Any) -> None:
        recipe = settings.pop("recipe", SharpeLossConfig(block=32))
        config = TrainingConfig(epochs=1, batch_size=64, recipes=(recipe,), **settings)
        fit((model or BaselineConfig(hidden=(8,))).build(4), data, config)

    train()
    with pytest.raises(ConfigError, match=r"sharpe_loss.block: must be at most training.batch_size=64; got 256"):
        train(recipe=SharpeLossConfig())
    with pytest.raises(ConfigError, match="sharpe_loss: needs rows whose bar is known"):
        train(replace(data, rows_val=None))
    assert data.rows is not None
    with pytest.raises(ConfigError, match="sharpe_loss: needs rows that follow each other in time"):
        train(replace(data, rows=data.rows._replace(time=data.rows.time // 2)))
    with pytest.raises(ConfigError, match="sharpe_loss: needs the targets bar_return of every row"):
        train(replace(data, targets_train={}))
    with pytest.raises(DataError, match="targets_val: must hold bar_return"):
        train(replace(data, targets_val={}))
    with pytest.raises(ConfigError, match="class_weights: must be none with sharpe_loss"):
        train(class_weights="balanced")
    with pytest.raises(ConfigError, match="accumulation: must be 1 with sharpe_loss"):
        train(accumulation=2)
    more: Any = HybridConfig(context=4, width=4, kernels=(3,), dilations=(1,), heads=1)
    windows = replace(
        data,
        x_train=np.repeat(data.x_train[:, None], 4, axis=1),
        x_val=np.repeat(data.x_val[:, None], 4, axis=1),  # type: ignore[index]
        targets_train=data.targets_train | {"return": data.targets_train["bar_return"]},
        targets_val=data.targets_val | {"return": data.targets_val["bar_return"]},
    )
    with pytest.raises(ConfigError, match="must not hold sharpe_loss for a model that learns more than the class"):
        train(windows, more)
