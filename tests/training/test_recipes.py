"""Recipes: each against what its formula says, all together against the loop's promises."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from regimen.errors import ConfigError
from regimen.predictors import BaselineConfig, CNNConfig, HybridConfig
from regimen.seams import Batch, Epoch, RowTable
from regimen.training import RecipeConfig, TrainingConfig, TrainingData, balanced, classification, fit, joint, shuffled
from regimen.training.objectives import identity
from regimen.training.recipes import (
    BalancedConfig,
    BlockShiftConfig,
    ChangesBatches,
    ChangesObjective,
    CurriculumConfig,
    FGSMConfig,
    JitterConfig,
    LabelSmoothingConfig,
    MamlConfig,
    SamplesRows,
    SharpeLossConfig,
    Task,
    TRADESConfig,
)

MEMBERS = get_args(get_args(RecipeConfig)[0])
ROWS, COLUMNS = 600, 4


def _data(symbols: int = 1) -> TrainingData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    y = np.where(rng.random(ROWS) < 0.6, 1, (x[:, :3] + rng.gumbel(size=(ROWS, 3))).argmax(axis=1))
    position = np.arange(ROWS)
    table = RowTable(position // symbols, position % symbols, position // symbols + 5, rng.gamma(2.0, size=ROWS))
    targets = {"return": x[:, 0] + rng.normal(size=ROWS), "scale": rng.gamma(2.0, size=ROWS)}
    targets["bar_return"] = 0.01 * targets["return"]
    val = {name: column[:200] for name, column in targets.items()}
    few = RowTable(*(column[:200] for column in table if column is not None))
    return TrainingData(x, y, x[:200], y[:200], targets_train=targets, targets_val=val, rows=table, rows_val=few)


TASK = Task(_data(), 64)


def _history(epochs: int) -> tuple[Epoch, ...]:
    return tuple(Epoch(k + 1, 1.0, 1.0, None, True, 1e-3, 0.1) for k in range(epochs))


@pytest.mark.parametrize("member", MEMBERS)
def test_every_recipe_has_a_hook(member: Any) -> None:
    assert isinstance(member(), SamplesRows | ChangesBatches | ChangesObjective)


ALONE = (BalancedConfig, SharpeLossConfig, MamlConfig, FGSMConfig, TRADESConfig)
"""What samples or counts by itself; and one attack is enough."""
ALL = tuple(member() for member in MEMBERS if member not in ALONE)


@pytest.mark.parametrize("recipes", [(), ALL, *((member(),) for member in MEMBERS)], ids=len)
@pytest.mark.parametrize("windows", [False, True])
def test_a_row_that_counts_nothing_teaches_nothing_whatever_wraps_the_objective(
    recipes: tuple[Any, ...], windows: bool
) -> None:
    def state(strange: float) -> dict[str, Any]:
        data = _data()
        weights = (np.arange(ROWS) % 3 > 0).astype(np.float32)
        x = data.x_train + np.where(weights[:, None] == 0.0, np.float32(strange), np.float32(0.0))
        data = replace(data, x_train=x, weights=weights)
        model: Any = BaselineConfig(hidden=(8,))
        if windows or any(isinstance(recipe, BlockShiftConfig) for recipe in recipes):
            model = CNNConfig(context=4, width=4, kernels=(3,), dilations=(1,), heads=1)
            if not any(
                isinstance(recipe, SharpeLossConfig) for recipe in recipes
            ):  # one that learns more than the class
                model = HybridConfig(context=4, width=4, kernels=(3,), dilations=(1,), heads=1)
            x_val = np.repeat(data.x_train[:200, None], 4, axis=1)
            data = replace(data, x_train=np.repeat(x[:, None], 4, axis=1), x_val=x_val)
        config = TrainingConfig(epochs=1, batch_size=256, recipes=recipes)
        return dict(fit(model.build(COLUMNS, 3), data, config).predictor.state())

    before, after = state(0.0), state(7.0)
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values, err_msg=name)


def test_a_config_without_recipes_is_written_as_before_there_were_any() -> None:
    assert "recipes" not in TrainingConfig().model_dump(mode="json")
    given = TrainingConfig(recipes=[{"kind": "jitter", "sigma": 0.2}])  # type: ignore[list-item]
    assert given.model_dump(mode="json")["recipes"] == [{"kind": "jitter", "sigma": 0.2}]
    assert TrainingConfig.model_validate(given.model_dump(mode="json")) == given


def test_label_smoothing_is_cross_entropy_to_the_smoothed_target() -> None:
    torch.manual_seed(0)
    module, x = nn.Linear(COLUMNS, 3).double(), torch.randn(50, COLUMNS, dtype=torch.float64)
    batch = Batch(x, torch.randint(0, 3, (50,)), torch.rand(50, dtype=torch.float64))
    epsilon = 0.3
    # Szegedy et al. (2016), section 7: q'(k) = (1 - ε) δ(k, y) + ε / K
    q = (1 - epsilon) * nn.functional.one_hot(batch.y, 3).double() + epsilon / 3
    rows = -(q * torch.log_softmax(module(x), dim=1)).sum(dim=1)
    expected = (rows * batch.weights).sum() / batch.weights.sum()
    smoothed = LabelSmoothingConfig(epsilon=epsilon).objective(classification(), TASK)
    assert torch.allclose(smoothed(module, batch), expected, rtol=1e-12)
    assert not torch.allclose(classification()(module, batch), expected, rtol=1e-3)
    halves = [
        smoothed(module, part) * part.weights.sum() for part in (batch.part(slice(20)), batch.part(slice(20, 50)))
    ]
    assert torch.allclose(sum(halves) / batch.weights.sum(), expected, rtol=1e-12)


def test_label_smoothing_reaches_the_class_of_a_model_that_learns_more() -> None:
    config = HybridConfig(context=8, width=8, kernels=(3,), dilations=(1,), heads=2, dropout=0.0)
    module = config.build(COLUMNS, 3).module
    batch = Batch(torch.randn(6, 8, COLUMNS), torch.arange(6) % 3, torch.ones(6), {"return": torch.randn(6)})
    plain, smoothed = joint(config), LabelSmoothingConfig(epsilon=0.2).objective(joint(config), TASK)
    logs = torch.log_softmax(module(batch.x).logits, dim=1)
    more = -0.2 * (logs.mean(dim=1) - logs[torch.arange(6), batch.y]).mean()
    assert torch.allclose(smoothed(module, batch), plain(module, batch) + more, atol=1e-6)


def test_the_field_and_the_recipe_are_one_thing() -> None:
    def bytes_of(config: TrainingConfig) -> list[bytes]:
        state = fit(BaselineConfig(hidden=(8,)).build(COLUMNS, 3), _data(), config).predictor.state()
        return [values.tobytes() for values in state.values()]

    short = TrainingConfig(epochs=2, label_smoothing=0.1, sampler="balanced")
    long = TrainingConfig(epochs=2, recipes=(BalancedConfig(), LabelSmoothingConfig(epsilon=0.1)))
    assert bytes_of(short) == bytes_of(long)


@pytest.mark.parametrize("sigma", [0.5, (0.0, 0.5, 1.0, 2.0)])
def test_jitter_adds_its_variance(sigma: float | tuple[float, ...]) -> None:
    rows = 200_000
    generator = torch.Generator().manual_seed(0)
    batch = Batch(
        torch.randn(rows, COLUMNS, generator=generator), torch.zeros(rows, dtype=torch.int64), torch.ones(rows)
    )
    after = JitterConfig(sigma=sigma).transform(identity, TASK)(batch, generator).x
    expected = 1.0 + np.broadcast_to(sigma, COLUMNS) ** 2
    # The relative standard error of a variance of n normal draws is sqrt(2 / n); four of those.
    np.testing.assert_allclose(after.var(dim=0), expected, rtol=4 * math.sqrt(2 / rows))
    covariance = torch.cov(after.T).numpy() - np.diag(expected)
    assert np.abs(covariance).max() < 4 * expected.max() * math.sqrt(2 / rows)
    if isinstance(sigma, tuple):
        assert torch.equal(after[:, 0], batch.x[:, 0])


def test_jitter_is_no_part_of_the_validation() -> None:
    data = _data()
    assert data.x_val is not None
    module = BaselineConfig(hidden=(8,)).build(COLUMNS, 3)
    result = fit(module, data, TrainingConfig(epochs=1, recipes=(JitterConfig(sigma=3.0),)))
    logs = np.log(result.predictor.predict_proba(data.x_val))
    assert result.history[0].val_loss == pytest.approx(-logs[np.arange(200), data.y_val].mean(), rel=1e-5)


def test_jitter_needs_as_many_deviations_as_features() -> None:
    config = TrainingConfig(recipes=(JitterConfig(sigma=(0.1, 0.2)),))
    with pytest.raises(ConfigError, match=r"^training.recipes: jitter.sigma: must be one number, or 4; got 2$"):
        fit(BaselineConfig().build(COLUMNS, 3), _data(), config)


@pytest.mark.parametrize("first", ["calm", "turbulent"])
def test_a_curriculum_begins_with_the_calmest_rows_of_each_symbol(first: str) -> None:
    data = _data(symbols=2)
    assert data.rows is not None
    recipe = CurriculumConfig(start=0.2, epochs=4, first=first)  # type: ignore[arg-type]
    sampler = recipe.sampler(shuffled(ROWS, 64), Task(data, 64))
    score = data.rows.volatility if first == "calm" else -data.rows.volatility
    for epoch, share in enumerate((0.2, 0.4, 0.6, 0.8)):
        batches = sampler(_history(epoch), np.random.default_rng(epoch))
        assert [len(batch) for batch in batches[:-1]] == [64] * (len(batches) - 1)
        chosen = np.concatenate(batches)
        for symbol in (0, 1):
            own = np.flatnonzero(data.rows.symbol == symbol)
            calmest = own[np.argsort(score[own])][: math.ceil(share * len(own) - 1e-9)]
            assert sorted(chosen[data.rows.symbol[chosen] == symbol]) == sorted(calmest)
    last = np.concatenate(sampler(_history(4), np.random.default_rng(9)))
    assert sorted(last) == list(range(ROWS))  # then all of them, each once


def test_a_curriculum_wraps_the_sampler_below() -> None:
    data = _data()
    recipe = CurriculumConfig(epochs=1)
    drawn, again = (
        np.concatenate(sampler(_history(1), np.random.default_rng(3)))
        for sampler in (recipe.sampler(balanced(data.y_train, 64), Task(data, 64)), balanced(data.y_train, 64))
    )
    np.testing.assert_array_equal(drawn, again)


def test_a_curriculum_needs_to_know_where_the_rows_come_from() -> None:
    config = TrainingConfig(recipes=(CurriculumConfig(),))
    with pytest.raises(ConfigError, match="curriculum: needs rows of known volatility"):
        fit(BaselineConfig().build(COLUMNS, 3), replace(_data(), rows=None), config)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"recipes": (JitterConfig(), JitterConfig(sigma=0.2))}, "each kind once, but jitter is there 2 times"),
        ({"recipes": (LabelSmoothingConfig(),), "label_smoothing": 0.1}, "where label_smoothing says so already"),
        ({"recipes": (BalancedConfig(),), "sampler": "balanced"}, "where sampler says so already"),
        ({"recipes": ({"kind": "jiter"},)}, "expected tags"),
        ({"recipes": ({"kind": "jitter", "sigma": -1.0},)}, "greater than or equal to 0"),
        ({"recipes": ({"kind": "jitter", "sigma": 0.0},)}, "must be above 0, of one feature at least"),
        ({"recipes": ({"kind": "jitter", "sigma": [0.0, 0.0]},)}, "must be above 0, of one feature at least"),
    ],
)
def test_recipes_that_contradict_each_other_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TrainingConfig(**settings)


def test_what_replaces_the_sampler_stands_first() -> None:
    config = TrainingConfig(recipes=(CurriculumConfig(), BalancedConfig()))
    with pytest.raises(ConfigError, match="must list what replaces the sampler before what wraps it"):
        fit(BaselineConfig().build(COLUMNS, 3), _data(), config)
    fit(BaselineConfig().build(COLUMNS, 3), _data(), TrainingConfig(epochs=1, recipes=config.recipes[::-1]))


@pytest.mark.parametrize(
    ("recipe", "bare"),
    [
        (CurriculumConfig(), {"sampler": shuffled(ROWS, 64)}),
        (JitterConfig(), {"transform": identity}),
        (LabelSmoothingConfig(), {"objective": classification()}),
    ],
)
def test_a_bare_callable_does_not_switch_a_recipe_off(recipe: Any, bare: dict[str, Any]) -> None:
    config = TrainingConfig(recipes=(recipe,))
    with pytest.raises(ConfigError, match=f"must not change the {next(iter(bare))} where a bare one is given"):
        fit(BaselineConfig().build(COLUMNS, 3), _data(), config, **bare)
