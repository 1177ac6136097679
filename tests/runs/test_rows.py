"""The training rows of a run: where they come from, and what they count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regimen.execution import Costs
from regimen.labels import BUY, SELL, label, log_returns, row_weights
from regimen.predictors import TorchPredictor
from regimen.preprocess import Chain, StandardScaler
from regimen.records import RunConfig, load_config
from regimen.runs.families.augmented import augmented
from regimen.runs.families.rows import training_data
from regimen.runs.prepare import Prepared, prepare, prepare_bars
from regimen.training import TrainingData

CNN = "model={kind: cnn, context: 16, width: 4, kernels: [3], dilations: [1, 2]}"
HYBRID = "model={kind: hybrid, context: 16, width: 4, kernels: [3], dilations: [1, 2], heads: 1}"


def _data(config_file: Path, *words: str, number: int = 1) -> tuple[Prepared, TrainingData]:
    prepared = prepare(load_config(config_file, words))
    window, names = prepared.windows[number], prepared.frame.names
    scaler = StandardScaler.fit(prepared.frame.values, window.train, names, clip=5.0)
    predictor = prepared.config.model.build(inputs=len(names), schema=prepared.features.hash)  # type: ignore[call-arg]
    assert isinstance(predictor, TorchPredictor)
    return prepared, training_data(prepared, window, scaler, predictor)


@pytest.mark.parametrize("model", ["model={kind: logistic}", CNN, HYBRID])
def test_rows_know_their_bar_symbol_label_and_volatility(config_file: Path, model: str) -> None:
    prepared, data = _data(config_file, model)
    table, train = data.rows, prepared.windows[1].train
    assert table is not None
    np.testing.assert_array_equal(prepared.labels.y[table.time, table.symbol], data.y_train)
    np.testing.assert_array_equal(table.end, table.time + 1 + 4)  # entry lag and horizon
    assert set(table.time) <= set(train.positions[0])
    assert table.end.max() < prepared.windows[1].validation.start
    close = prepared.bars.close[:, 0]
    t = int(table.time[7])
    returns = (close[1 : t + 1] / close[:t] - 1.0)[::-1]
    decay = (1.0 - 2.0 / 21.0) ** np.arange(len(returns))  # the span of 20 bars of the labels
    assert table.volatility[7] == pytest.approx(np.sqrt((decay * returns**2).sum() / decay.sum()), rel=1e-9)
    newest = data.x_train[7:8][0] if data.x_train.ndim == 2 else data.x_train[7:8][0, -1]
    scaler = StandardScaler.fit(prepared.frame.values, train, prepared.frame.names, clip=5.0)
    expected = scaler.transform(prepared.frame.values[t, 0], prepared.frame.names, np.float32)
    np.testing.assert_array_equal(newest, expected)


@pytest.mark.parametrize(
    "weights",
    ["{uniqueness: true, half_life: 100, returns: true}", "{half_life: 4d}", "{returns: attributed, half_life: 50}"],
)
@pytest.mark.parametrize("section", ["labels", "training"])  # where they are, and where they were
def test_weights_of_the_config_reach_the_loop(config_file: Path, section: str, weights: str) -> None:
    assert _data(config_file)[1].weights is None
    prepared, data = _data(config_file, f"{section}.weights={weights}")
    assert data.rows is not None
    assert data.weights is not None
    at = data.rows.time, data.rows.symbol
    expected = row_weights(
        prepared.config.labels.weights,
        *at,
        prepared.labels.t_end[at],
        prepared.labels.forward_return[at],
        stamps=prepared.bars.time,
        log_return=log_returns(prepared.bars.close),
    )
    np.testing.assert_array_equal(data.weights, expected)
    assert data.weights.std() > 0.1


def test_what_recipes_read_of_training_rows_is_known_when_the_slice_ends(config_file: Path) -> None:
    """All bars after the training slice are replaced: not a bit of what a recipe may read of its rows changes."""
    recipes = "training.recipes=[{kind: trading_loss}, {kind: curriculum}]"
    prepared, data = _data(config_file, recipes, HYBRID)
    assert data.rows is not None
    assert data.rows_val is not None
    assert {*data.targets_train} == {"return", "scale"}
    start, bars = prepared.windows[1].validation.start, prepared.bars
    later = (np.arange(len(bars)) >= start)[:, None]
    factor = np.where(later, np.exp(np.random.default_rng(0).normal(0.0, 0.3, bars.shape)), 1.0)
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    poisoned = replace(prepared.loaded, bars=replace(bars, **prices))
    other = prepare_bars(prepared.config, poisoned, prepared.features)
    names, window = other.frame.names, prepared.windows[1]
    scaler = StandardScaler.fit(prepared.frame.values, window.train, names, clip=5.0)
    predictor = prepared.config.model.build(inputs=len(names), schema=prepared.features.hash)  # type: ignore[call-arg]
    after = training_data(other, other.windows[1], scaler, predictor)
    np.testing.assert_array_equal(after.x_train[:], data.x_train[:])
    np.testing.assert_array_equal(after.y_train, data.y_train)
    for wanted in ("return", "scale"):
        np.testing.assert_array_equal(after.targets_train[wanted], data.targets_train[wanted])
    for column, poisoned_column in zip(data.rows, after.rows or (), strict=True):
        assert column is not None
        np.testing.assert_array_equal(poisoned_column, column)
    assert not np.array_equal(after.targets_val["return"], data.targets_val["return"])
    for column in ("sign_changes", "clarity", "noise"):  # of validation rows only what their own bars say
        assert np.isfinite(getattr(data.rows_val, column)).all()


def test_labels_that_know_of_costs_know_of_the_market_of_the_run(configured: Callable[..., RunConfig]) -> None:
    words = ["labels.costs=round_trip", "augment=[{kind: block_bootstrap, paths: 1, block: 30}]"]
    prepared = prepare(configured(*words, "market.costs={commission_bps: 40, half_spread_bps: 10}"))
    (path,) = augmented(prepared, prepared.windows[0], 0, Chain())
    for each in (prepared, path):
        acts = np.isin(each.labels.y, (SELL, BUY))
        assert 0.01 < np.abs(each.labels.forward_return[acts]).min() < 0.011
    nobody_chose = prepare(configured(*words)).labels  # the venue of the bars' calendar
    expected = label(prepared.config.labels, prepared.bars, Costs.of_calendar("24/7").round_trip)
    np.testing.assert_array_equal(nobody_chose.y, expected.y)
