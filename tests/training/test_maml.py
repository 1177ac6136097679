"""MAML against closed forms, its episodes against a brute force, and what it may not be combined with."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from regimen.errors import ConfigError
from regimen.predictors import BaselineConfig, CNNConfig, HybridConfig, LSTMConfig, MultiTaskConfig
from regimen.seams import Batch, RowTable
from regimen.training import TrainingConfig, TrainingData, classification, fit
from regimen.training.recipes import (
    CurriculumConfig,
    JitterConfig,
    LabelSmoothingConfig,
    MamlConfig,
    PGDConfig,
    Task,
    TRADESConfig,
)
from regimen.training.recipes.maml.adaptation import MetaLoss, adapt, fast_weights
from regimen.training.recipes.maml.tasks import Episodes, regimes, stretches, terciles, watched

SMALL = MamlConfig(shots=5, queries=6, bars=50, tasks_per_batch=3, steps_per_epoch=4, inner_rate=0.1)


class Point(nn.Module):
    """One number; a row (h, target) costs ½ h (θ − target)²."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(0.7, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * x[:, 0] * (self.theta - x[:, 1]) ** 2


def _quadratic(module: nn.Module, batch: Batch) -> Tensor:
    losses: Tensor = module(batch.x)
    return losses.mean()


def _batch(x: Tensor) -> Batch:
    return Batch(x, torch.zeros(len(x), dtype=torch.int64), torch.ones(len(x), dtype=x.dtype))


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("first_order", "slope"), [(False, 0.4446186), (True, -0.0984)])
def test_the_gradient_through_three_steps_is_the_closed_form(first_order: bool, slope: float, at_once: bool) -> None:
    # Σ_i h_i (1 − α h_i)^{2k} (θ − θ_i), or with exponent k in first order: h = (1, 3), θ_i = (−1, 2), α = .1, k = 3
    x = torch.tensor([[1.0, -1.0], [1.0, -1.0], [3.0, 2.0], [3.0, 2.0]], dtype=torch.float64)
    point = Point()
    loss = MetaLoss(_quadratic, tasks=2, shots=1, rate=0.1, steps=3, first_order=first_order, adapts="all")
    loss._at_once = at_once
    (2.0 * loss(point, _batch(x))).backward()
    assert point.theta.grad is not None
    assert float(point.theta.grad) == pytest.approx(slope, rel=1e-6)


def test_adapting_walks_to_the_closed_form() -> None:
    point = Point()
    adapt(point, _quadratic, _batch(torch.tensor([[3.0, 2.0]], dtype=torch.float64)), rate=0.1, steps=3)
    assert point.theta.item() == pytest.approx(2.0 + (0.7 - 2.0) * 0.7**3, rel=1e-12)


def _data(model: Any = None, rows: int = 400, inputs: int = 4) -> TrainingData:
    rng = np.random.default_rng(0)
    shape = (rows, inputs) if model is None or getattr(model, "context", 1) == 1 else (rows, model.context, inputs)
    x = rng.normal(size=shape).astype(np.float32)
    y = rng.integers(0, 3, rows)
    table = RowTable(np.arange(rows), np.zeros(rows, np.int64), np.arange(rows) + 3, rng.gamma(2.0, size=rows))
    targets = {name: rng.integers(0, 3, rows).astype(np.float64) for name in getattr(model, "targets", ())}
    val = RowTable(*(column[:150] for column in table[:4]))
    few = {name: column[:150] for name, column in targets.items()}
    return TrainingData(x, y, x[:150], y[:150], targets_train=targets, targets_val=few, rows=table, rows_val=val)


SMALL_CNN: dict[str, Any] = {"width": 8, "kernels": (3,), "dilations": (1, 2)}
NETS: list[Any] = [
    BaselineConfig(hidden=(8,), dropout=0.2),
    CNNConfig(context=8, heads=2, dropout=0.1, **SMALL_CNN),
    LSTMConfig(context=6, width=8, layers=1, heads=2),
    HybridConfig(context=8, heads=2, **SMALL_CNN),
    MultiTaskConfig(context=8, encoder={"kind": "cnn", **SMALL_CNN}, heads=2, hidden=8),
]
PLAIN = [net.model_copy(update={"dropout": 0.0}) for net in NETS[:2]]


@pytest.mark.parametrize("first_order", [True, False])
@pytest.mark.parametrize("model", NETS, ids=lambda model: model.kind)
def test_every_net_learns_to_adapt_and_every_parameter_moves(model: Any, first_order: bool) -> None:
    predictor, data = model.build(4, 3, seed=1), _data(model)
    before = predictor.state()
    recipe = SMALL.model_copy(update={"first_order": first_order, "inner_steps": 2, "steps_per_epoch": 2})
    result = fit(predictor, data, TrainingConfig(epochs=2, patience=None, recipes=(recipe,)))
    assert result.unadapted is not None
    assert [name for name in before if np.array_equal(before[name], result.last[name])] == []
    after = predictor.state()
    assert all(np.isfinite(values).all() for values in after.values())
    assert any(not np.array_equal(after[name], values) for name, values in result.unadapted.items())


@pytest.mark.parametrize("model", PLAIN, ids=lambda model: model.kind)
@pytest.mark.parametrize("first_order", [True, False])
@pytest.mark.parametrize("adapts", ["all", "head"])
def test_all_tasks_at_once_is_one_after_another(model: Any, first_order: bool, adapts: str) -> None:
    module, data = model.build(4, 3, seed=1).module, _data(model)
    slopes = []
    for at_once in (True, False):
        loss = MetaLoss(classification(), tasks=3, shots=5, rate=0.5, steps=3, first_order=first_order, adapts=adapts)
        loss._at_once = at_once
        module.zero_grad()
        x, y = torch.from_numpy(data.x_train[:33]), torch.from_numpy(data.y_train[:33])
        loss(module, Batch(x, y, torch.ones(33))).backward()
        slopes.append([weight.grad.clone() for weight in module.parameters()])
    for one, other in zip(*slopes, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_only_the_head_adapts_where_it_is_told_to() -> None:
    module = NETS[0].build(4, 3).module
    before = {name: weight.clone() for name, weight in module.named_parameters()}
    rows = Batch(torch.randn(6, 4), torch.arange(6) % 3, torch.ones(6))
    adapt(module, classification(), rows, rate=0.5, steps=2, adapts="head")
    moved = {name for name, weight in module.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {"head.weight", "head.bias"}
    assert set(fast_weights(NETS[3].build(4, 3).module, "head")) == {
        f"{head}.{part}" for head in ("direction", "mean", "log_variance") for part in ("weight", "bias")
    }
    with pytest.raises(ConfigError, match=r"maml.adapts: must be all for a module without a child called head"):
        fast_weights(nn.Sequential(nn.Linear(2, 3)), "head")


class Normed(nn.Module):
    """A module of a user's: batch norm, dropout, and a look at a number, which no vectorised forward survives."""

    def __init__(self, looks: bool) -> None:
        super().__init__()
        self.norm, self.drop, self.last, self.looks = nn.BatchNorm1d(4), nn.Dropout(0.3), nn.Linear(4, 3), looks

    def forward(self, x: Tensor) -> Tensor:
        if self.looks and float(x.detach().abs().max()) > 1e9:
            return self.last(x * 0.0)  # type: ignore[no-any-return]
        return self.last(self.drop(self.norm(x)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("looks", [True, False])
def test_a_module_of_ones_own_with_batch_norm_and_dropout(looks: bool) -> None:
    torch.manual_seed(0)
    module = Normed(looks)
    loss = MetaLoss(classification(), tasks=3, shots=5, rate=0.1, steps=2, first_order=False, adapts="all")
    x = 3.0 + torch.randn(33, 4)
    loss(module, Batch(x, torch.arange(33) % 3, torch.ones(33))).backward()
    assert loss._at_once is not looks
    assert all(weight.grad is not None for weight in module.parameters())
    assert int(module.norm.num_batches_tracked) == 3  # two steps and the query, of each task
    passes = [x.view(3, 11, 4)[:, rows] for rows in (slice(0, 5), slice(0, 5), slice(5, None))]
    running = torch.zeros(3, 4)
    for rows in passes:
        running = 0.9 * running + 0.1 * rows.mean(1)
    assert torch.allclose(module.norm.running_mean, running.mean(0), atol=1e-5)
    module.eval()
    with torch.no_grad():
        assert torch.equal(*(loss(module, Batch(x, torch.arange(33) % 3, torch.ones(33))) for _ in range(2)))


def _panel(rows: int, horizon: int) -> RowTable:
    rng = np.random.default_rng(1)
    time, symbol = np.nonzero(rng.random((rows, 2)) < 0.8)
    return RowTable(time, symbol, time + rng.integers(1, horizon + 1, len(time)), rng.gamma(2.0, size=len(time)))


@pytest.mark.parametrize("kind", ["stretch", "regime"])
def test_support_lies_before_query_and_tasks_do_not_touch(kind: str) -> None:
    table = _panel(600, 7)
    tasks = stretches(table, 60) if kind == "stretch" else regimes(table, terciles(table))
    everything = np.concatenate([task.rows for task in tasks])
    assert len(np.unique(everything)) == len(everything)
    episodes = Episodes.of(tasks, table, 8, 9)
    batches = episodes.draw(50, 3, np.random.default_rng(0))
    seen = set()
    for batch in batches:
        for episode in batch.reshape(3, 17):
            support, query = episode[:8], episode[8:]
            assert table.end[support].max() < table.time[query].min()
            assert len(np.unique(table.symbol[episode])) == 1
            assert (np.diff(table.time[episode]) > 0).all()
            home = [k for k, task in enumerate(tasks) if np.isin(episode, task.rows).all()]
            assert len(home) == 1
            seen.add(home[0])
    assert len(seen) == len(episodes.places)
    if kind == "stretch":
        assert all(len(np.unique(table.time[task.rows] // 60)) == 1 for task in tasks)
        assert all((table.end[task.rows] // 60 == table.time[task.rows] // 60).all() for task in tasks)
    for batch in watched(tasks, table, 8, 20):
        assert table.end[batch[:8]].max() < table.time[batch[8:]].min()
        assert len(batch) <= 28


def test_regimes_are_thirds_of_each_symbols_volatility() -> None:
    table = _panel(600, 3)
    tasks = regimes(table, terciles(table))
    assert [task.name for task in tasks[:3]] == ["symbol 0, calm", "symbol 0, normal", "symbol 0, turbulent"]
    for symbol in (0, 1):
        parts = [task.rows for task in tasks if table.symbol[task.rows[0]] == symbol]
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        for low, high in pairwise(parts):
            assert table.volatility[low].max() <= table.volatility[high].min()


@pytest.mark.parametrize("recipe", [JitterConfig(), LabelSmoothingConfig(), PGDConfig(steps=2), TRADESConfig(steps=2)])
def test_it_adapts_by_whatever_objective_stands_before_it(recipe: Any) -> None:
    model, data = BaselineConfig(hidden=(8,)), _data()
    states = []
    for recipes in ((SMALL,), (recipe, SMALL)):
        predictor = model.build(4, 3, seed=1)
        fresh = predictor.state()
        result = fit(predictor, data, TrainingConfig(epochs=1, patience=None, recipes=recipes))
        assert [name for name in fresh if np.array_equal(fresh[name], result.last[name])] == []
        states.append(predictor.state())
    assert any(not np.array_equal(states[0][name], values) for name, values in states[1].items())


def test_what_is_traded_was_adapted_to_the_last_rows_of_the_market_itself() -> None:
    data, model = _data(), BaselineConfig(hidden=(8,))
    config = TrainingConfig(epochs=1, patience=None, recipes=(SMALL,))
    market = replace(data, own=300)  # the last hundred rows are those of a path
    result = fit(model.build(4, 3), market, config)
    assert result.unadapted is not None
    twin = model.build(4, 3)
    twin.load_state(result.unadapted)
    support = Batch(torch.from_numpy(data.x_train[295:300]), torch.from_numpy(data.y_train[295:300]), torch.ones(5))
    adapt(twin.module, classification(), support, rate=0.1, steps=5)
    for name, values in result.predictor.state().items():
        np.testing.assert_allclose(values, twin.state()[name], atol=1e-6)


def test_a_training_that_was_stopped_ends_with_the_same_bytes(tmp_path: Path) -> None:
    model, data = BaselineConfig(hidden=(8,), dropout=0.2), _data()

    class Stop(Exception):
        pass

    def stop(epoch: Any) -> None:
        if epoch.epoch == 2:
            raise Stop

    def state(folder: Path | None, **more: Any) -> dict[str, bytes]:
        config = TrainingConfig(epochs=4, patience=None, recipes=(SMALL,))
        result = fit(model.build(4, 3), data, config, checkpoint=folder, **more)
        return {name: values.tobytes() for name, values in result.predictor.state().items()}

    with pytest.raises(Stop):
        state(tmp_path, on_epoch=stop)
    assert state(tmp_path) == state(None) == state(tmp_path)  # the last: from a training that is finished


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"accumulation": 2}, "training.accumulation: must be 1 with maml: a batch is whole episodes"),
        ({"recipes": (SMALL, CurriculumConfig())}, "must not hold maml and curriculum: one leaves out rows"),
        ({"sampler": "balanced"}, "must not hold balanced and maml: each says alone which rows make a batch"),
        ({"recipes": (SMALL, LabelSmoothingConfig())}, "must list maml after what else changes the objective"),
        ({"snapshots": 2}, "training.snapshots: must be 1 with maml, which changes the chosen weights"),
        ({"precision": "float16"}, "training.precision: must be float32 or bfloat16 with maml: nothing scales"),
        ({"recipes": (MamlConfig(bars=398, shots=200, queries=198),)}, "needs a stretch of 398 bars with shots"),
        (
            {"recipes": (MamlConfig(task="regime", shots=100, queries=40),)},
            r"in each regime \(symbol 0, calm\); got 13",
        ),
    ],
)
def test_what_cannot_act_together_is_refused(settings: dict[str, Any], words: str) -> None:
    config = TrainingConfig(**{"recipes": (SMALL,), **settings})
    with pytest.raises(ConfigError, match=words):
        fit(BaselineConfig(hidden=(8,)).build(4, 3), _data(), config)


def test_other_mistakes_are_one_clear_error() -> None:
    config, model = TrainingConfig(recipes=(SMALL,)), BaselineConfig(hidden=(8,))
    with pytest.raises(ConfigError, match="needs to know where the training rows come from"):
        fit(model.build(4, 3), replace(_data(), rows=None), config)
    with pytest.raises(ConfigError, match="needs to know where the validation rows come from"):
        fit(model.build(4, 3), replace(_data(), rows_val=None), config)
    short = _data()
    assert short.rows is not None
    table = RowTable(*(column[:6] for column in short.rows[:4]))
    few = replace(short, x_val=short.x_train[:6], y_val=short.y_train[:6], rows_val=table)
    with pytest.raises(ConfigError, match="with validation rows behind the labels of its first shots = 5"):
        fit(model.build(4, 3), few, config)
    conflict = NETS[4].model_copy(update={"weighting": "pcgrad"})
    with pytest.raises(ConfigError, match=r"model.weighting: must not be pcgrad"):
        fit(conflict.build(4, 3), _data(conflict), config)
    for wrong, words in (
        ({"bars": 30}, "bars must be at least shots"),
        ({"task": "regime", "bars": 300}, "bars must be left alone"),
        ({"inner_rate": 0.0}, "greater than 0"),
    ):
        with pytest.raises(ValidationError, match=words):
            MamlConfig(**wrong)  # type: ignore[arg-type]


def test_a_batch_that_is_no_episode_is_refused() -> None:
    loss = SMALL.objective(classification(), Task(_data(), 64))
    module = BaselineConfig(hidden=(8,)).build(4, 3).module
    with pytest.raises(ValueError, match="a batch must be 3 episodes of more than 5 rows, not 32 rows"):
        loss(module, Batch(torch.randn(32, 4), torch.zeros(32, dtype=torch.int64), torch.ones(32)))
