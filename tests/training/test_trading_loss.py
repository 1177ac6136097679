"""The Bayes risk of decisions, against brute force, finite differences and the action of least expected cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from regimen.errors import ConfigError
from regimen.predictors import BaselineConfig, HybridConfig
from regimen.seams import Batch
from regimen.training import TrainingConfig, TrainingData, classification, fit, joint
from regimen.training.recipes import LabelSmoothingConfig, Task, TradingLossConfig

ROWS = 240
COSTS = ("wrong_side", "missed", "needless", "drawdown", "profit", "position", "volatility")


def _data(rows: int = ROWS, seed: int = 0) -> TrainingData:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    y = rng.integers(0, 3, rows)
    targets = {"return": (y - 1) * 0.7 + rng.normal(size=rows), "scale": rng.gamma(3.0, 0.01, rows)}
    return TrainingData(
        x, y, x[:60], y[:60], targets_train=targets, targets_val={k: v[:60] for k, v in targets.items()}
    )


def _batch(data: TrainingData) -> Batch:
    targets = {name: torch.from_numpy(values) for name, values in data.targets_train.items()}
    x = torch.from_numpy(np.asarray(data.x_train, dtype=np.float64))
    weights = torch.from_numpy(np.random.default_rng(5).random(len(x)))
    return Batch(x, torch.from_numpy(np.asarray(data.y_train)), weights, targets)


def _cost(recipe: TradingLossConfig, y: int, action: int, back: float, turbulence: float) -> float:
    """The cost of one action on one row, written out from the definition."""
    if y == action:
        cost = 0.0
    elif action == 1:
        cost = recipe.missed
    elif y == 1:
        cost = recipe.needless
    else:
        cost = recipe.wrong_side
    earned = (action - 1) * max(-recipe.return_limit, min(recipe.return_limit, back))
    cost += recipe.drawdown * max(0.0, -earned) - recipe.profit * max(0.0, earned) + recipe.position * abs(action - 1)
    return cost * (1.0 + recipe.volatility * (max(0.5, min(2.0, turbulence)) - 1.0))


def test_the_loss_is_the_bayes_risk() -> None:
    data, recipe = _data(), TradingLossConfig(return_limit=1.2, volatility=0.7)
    batch, module = _batch(data), nn.Linear(4, 3).double()
    loss = recipe.objective(classification(), Task(data, 64))(module, batch)
    pi = torch.softmax(module(batch.x), dim=1).detach().numpy()
    turbulence = data.targets_train["scale"] / data.targets_train["scale"].mean()
    risks = [
        sum(
            pi[k, a] * _cost(recipe, data.y_train[k], a, data.targets_train["return"][k], turbulence[k])
            for a in range(3)
        )
        for k in range(ROWS)
    ]
    expected = np.average(risks, weights=batch.weights.numpy())
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_every_term_has_a_gradient() -> None:
    """Finite differences by every weight of the net, with all terms and without each: no term does nothing."""
    data = _data()
    batch, module = _batch(data), nn.Linear(4, 3).double()

    def gradient(recipe: TradingLossConfig) -> torch.Tensor:
        objective = recipe.objective(classification(), Task(data, 64))
        module.zero_grad()
        objective(module, batch).backward()
        computed = torch.cat([each.grad.flatten() for each in module.parameters()])  # type: ignore[union-attr]
        differences = []
        with torch.no_grad():
            for parameter in module.parameters():
                flat = parameter.view(-1)
                for k in range(flat.numel()):
                    before = flat[k].item()
                    up, down = (
                        flat.__setitem__(k, before + step) or objective(module, batch) for step in (1e-6, -1e-6)
                    )
                    flat[k] = before
                    differences.append((up - down) / 2e-6)
        torch.testing.assert_close(computed, torch.stack(differences), rtol=1e-6, atol=1e-9)
        return computed.clone()

    whole = gradient(TradingLossConfig())
    assert (whole.abs() > 1e-4).all()
    for name in COSTS:
        part = whole - gradient(TradingLossConfig(**{name: 0.0}))
        assert (part.abs() > 1e-5).sum() >= 8, name


@pytest.mark.parametrize("seed", [0, *(pytest.param(each, marks=pytest.mark.slow) for each in (1, 2))])
def test_what_is_learned_is_the_action_of_least_expected_cost(seed: int) -> None:
    """1,000 situations of random probabilities and returns, random costs: the action of least expected cost."""
    rng = np.random.default_rng(seed)
    situations = 1000
    probabilities, back = rng.dirichlet(np.ones(3), situations), rng.normal(0.0, 1.5, (situations, 3))
    costs = dict(zip(COSTS[:6], rng.gamma(1.5, 0.7, 6), strict=True))
    recipe = TradingLossConfig(**costs)
    place, y = np.repeat(np.arange(situations), 3), np.tile(np.arange(3), situations)
    scale = np.repeat(rng.gamma(3.0, 0.01, situations), 3)
    batch = Batch(
        torch.from_numpy(place),
        torch.from_numpy(y),
        torch.from_numpy(probabilities.flatten()),
        {"return": torch.from_numpy(back.flatten()), "scale": torch.from_numpy(scale)},
    )
    data = TrainingData(np.zeros((3 * situations, 1)), y, targets_train={"scale": scale})
    table = nn.Embedding(situations, 3, dtype=torch.float64)
    nn.init.zeros_(table.weight)
    objective = recipe.objective(classification(), Task(data, 64))
    places = batch.x

    def module(x: torch.Tensor) -> torch.Tensor:
        del x
        return table(places)  # type: ignore[no-any-return]

    batch = batch._replace(x=torch.zeros(3 * situations, 1, dtype=torch.float64))
    optimizer = torch.optim.Adam(table.parameters(), lr=0.2)
    for _ in range(150):
        optimizer.zero_grad()
        objective(module, batch).backward()  # type: ignore[arg-type]
        optimizer.step()
    learned = table.weight.argmax(dim=1).numpy()
    best = [
        min(
            range(3),
            key=lambda a: sum(probabilities[k, c] * _cost(recipe, c, a, back[k, c], 1.0) for c in range(3)),
        )
        for k in range(situations)
    ]
    assert (learned == best).mean() >= 0.99
    assert len(set(best)) == 3
    assert (probabilities.argmax(axis=1) == best).mean() < 0.95  # that of the likeliest class is another


def test_costs_reach_the_class_of_a_model_that_learns_more_and_smoothing_reaches_costs() -> None:
    config = HybridConfig(context=8, width=8, kernels=(3,), dilations=(1,), heads=2, dropout=0.0)
    module = config.build(4, 3).module
    targets = {"return": torch.randn(6), "scale": torch.ones(6)}
    batch = Batch(torch.randn(6, 8, 4), torch.arange(6) % 3, torch.ones(6), targets)
    data = TrainingData(np.zeros((6, 4)), np.arange(6) % 3, targets_train={"scale": np.ones(6)})
    task = Task(data, 64)
    pure = {"drawdown": 0.0, "profit": 0.0, "position": 0.0, "volatility": 0.0}
    recipe = TradingLossConfig(wrong_side=4.0, missed=1.0, needless=0.5, **pure)
    pi = torch.softmax(module(batch.x).logits, dim=1)
    table = torch.tensor([[0.0, 1.0, 4.0], [0.5, 0.0, 0.5], [4.0, 1.0, 0.0]])
    q = 0.8 * nn.functional.one_hot(batch.y, 3) + 0.2 / 3
    expected = ((q @ table) * pi).sum(dim=1).mean()
    direction = -torch.log_softmax(module(batch.x).logits, dim=1)[torch.arange(6), batch.y].mean()
    losses = {"direction": direction} | {k: v.mean() for k, v in config.losses(module(batch.x), targets).items()}
    wanted = config.combine(module, losses | {"direction": expected})
    for order in ((recipe, LabelSmoothingConfig(epsilon=0.2)), (LabelSmoothingConfig(epsilon=0.2), recipe)):
        objective = joint(config)
        for each in order:
            objective = each.objective(objective, task)
        torch.testing.assert_close(objective(module, batch), wanted)


@pytest.mark.parametrize("field", ["targets_train", "targets_val"])
def test_rows_without_what_it_needs_are_refused_by_name(field: str) -> None:
    given: dict[str, Any] = {name: getattr(_data(), name) for name in ("x_train", "y_train", "x_val", "y_val")}
    given |= {"targets_train": _data().targets_train, "targets_val": _data().targets_val}
    data = TrainingData(**{**given, field: {"return": given[field]["return"]}})
    config = TrainingConfig(epochs=1, recipes=(TradingLossConfig(),))
    rule = {
        "targets_train": r"^training.recipes: trading_loss: needs the targets return, scale of every row",
        "targets_val": r"^targets_val: must hold scale",
    }[field]
    with pytest.raises(Exception, match=rule):
        fit(BaselineConfig(hidden=(8,)).build(4), data, config)
    free = TradingLossConfig(drawdown=0.0, profit=0.0, volatility=0.0)
    assert free.targets == ()
    fit(BaselineConfig(hidden=(8,)).build(4), _data(), TrainingConfig(epochs=1, recipes=(free,)))


def test_other_classes_and_costs_of_nothing_are_refused() -> None:
    config = TrainingConfig(epochs=1, recipes=(TradingLossConfig(),))
    data = TrainingData(_data().x_train, _data().y_train, targets_train=_data().targets_train)
    with pytest.raises(ConfigError, match="trading_loss: needs the classes SELL, HOLD, BUY; got 4"):
        fit(
            BaselineConfig(hidden=(8,)).build(4, 4),
            data,
            config.model_copy(update={"patience": None, "allow_missing_classes": True}),
        )
    with pytest.raises(ValidationError, match="nothing costs anything"):
        TradingLossConfig(**dict.fromkeys(COSTS[:6], 0.0))  # type: ignore[arg-type]
