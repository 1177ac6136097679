"""The temporal fusion transformer on a market whose law is known, its fields, its columns, and its mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from regimen.errors import ConfigError, RunError
from regimen.features import calendar_columns
from regimen.metrics import diebold_mariano, pinball_losses
from regimen.predictors import LSTMConfig, TFTConfig, TorchPredictor
from regimen.training import TrainingConfig, TrainingData, fit

CONTEXT, HORIZONS, OBSERVED = 6, (1, 4), 3
INPUTS = OBSERVED + 4 * (1 + len(HORIZONS))  # what is observed, the bar's own calendar, that of each horizon
NORMAL_90 = 1.2815515655446004
SMALL: dict[str, Any] = {"context": CONTEXT, "horizons": HORIZONS, "width": 8, "heads": 2, "dropout": 0.0}


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Windows, classes, targets (row, horizon), and their true means and deviations.

    The move at a horizon is normal; its mean is 0.4 · tanh of an observed column, its volatility depends on another
    one and on the hour of the bar that is forecast, which is known ahead.
    """
    rng = np.random.default_rng(seed)
    observed = rng.normal(size=(rows, CONTEXT, OBSERVED))
    hour = rng.integers(0, 24, rows)
    angle = 2.0 * np.pi * (hour[:, None] + np.array([0, *HORIZONS])) / 24.0
    calendar = np.stack([np.sin(angle), np.cos(angle), np.zeros(angle.shape), np.ones(angle.shape)], -1)
    ahead = np.broadcast_to(calendar.reshape(rows, 1, -1), (rows, CONTEXT, 12))
    x = np.concatenate([observed, ahead], -1).astype(np.float32)
    mean = np.repeat(0.4 * np.tanh(observed[:, -1, 0])[:, None], len(HORIZONS), 1)
    deviation = np.exp(0.4 * observed[:, -1, 1])[:, None] * np.exp(0.5 * np.sin(angle[:, 1:]))
    came = mean + deviation * rng.normal(size=mean.shape)
    y = 1 + (came[:, 0] > 0.4).astype(int) - (came[:, 0] < -0.4)
    return x, y, came, mean, deviation


def data(rows: int, later: int) -> TrainingData:
    (x, y, came, *_), (x_val, y_val, came_val, *_) = draw(rows, 0), draw(later, 1)
    return TrainingData(x, y, x_val, y_val, targets_train=by_name(came), targets_val=by_name(came_val))


def by_name(came: np.ndarray) -> dict[str, np.ndarray]:
    return {f"ahead_{bars}": came[:, k] for k, bars in enumerate(HORIZONS)}


@pytest.fixture(scope="module")
def fitted() -> TorchPredictor:
    """Trained on 12,000 rows of that market."""
    training = TrainingConfig(epochs=6, batch_size=128, learning_rate=8e-3, schedule="cosine", patience=None)
    return fit(TFTConfig(**SMALL).build(INPUTS, 3, seed=1), data(12_000, 1_000), training).predictor


@pytest.mark.slow
def test_an_80_percent_interval_covers_80_percent_wherever_one_looks(fitted: TorchPredictor) -> None:
    """78 to 82 % of 40,000 fresh rows at each horizon; also where it is calm, usual and wild, within 5 points."""
    x, _, came, mean, deviation = draw(40_000, 2)
    quantiles = fitted.predict(x)["quantiles"]
    assert (np.diff(quantiles, axis=-1) > 0).all()
    inside = (quantiles[..., 0] <= came) & (came <= quantiles[..., -1])
    print("coverage by horizon", inside.mean(axis=0))
    assert ((inside.mean(axis=0) > 0.78) & (inside.mean(axis=0) < 0.82)).all()
    for k in range(len(HORIZONS)):
        for part in np.array_split(np.argsort(deviation[:, k]), 3):
            assert 0.75 < inside[part, k].mean() < 0.85
        wide = 2.0 * NORMAL_90 * deviation[:, k]
        assert np.corrcoef(np.log(wide), np.log(np.ptp(quantiles[:, k], axis=-1)))[0, 1] > 0.97
        assert np.corrcoef(mean[:, k], quantiles[:, k, 1])[0, 1] > 0.9


@pytest.mark.slow
def test_it_beats_no_change_and_quantiles_that_know_nothing_and_nobody_beats_the_truth(fitted: TorchPredictor) -> None:
    x, _, came, mean, deviation = draw(10_000, 3)
    levels = np.array([0.1, 0.5, 0.9])
    quantiles = fitted.predict(x)["quantiles"]
    learned = np.quantile(draw(12_000, 0)[2], levels, axis=0).T
    for k in range(len(HORIZONS)):
        ours = pinball_losses(quantiles[:, k], came[:, k], levels).sum(axis=1)
        constant = pinball_losses(learned[k], came[:, k], levels).sum(axis=1)
        said = mean[:, k, None] + deviation[:, k, None] * np.array([-NORMAL_90, 0.0, NORMAL_90])
        truth = pinball_losses(said, came[:, k], levels).sum(axis=1)
        against = diebold_mariano(ours, constant)
        print(f"horizon {k}: {ours.mean():.4f}, constant {constant.mean():.4f}, truth {truth.mean():.4f}; {against}")
        assert against.statistic < -10.0
        assert (constant.mean() - ours.mean()) / (constant.mean() - truth.mean()) > 0.9
        median = pinball_losses(quantiles[:, k, 1:2], came[:, k], levels[1:2])[:, 0]
        none = pinball_losses(np.zeros(1), came[:, k], levels[1:2])[:, 0]
        assert diebold_mariano(median, none).p < 1e-3
    y = draw(10_000, 3)[1]
    chances = fitted.predict_proba(x)
    prior = np.bincount(y, minlength=3) / len(y)
    loss = -np.log(chances[np.arange(len(y)), y]).mean()
    assert loss < -(prior * np.log(prior)).sum() - 0.03  # the direction is learned beside the quantiles


def test_it_is_read_back_to_the_last_bit_and_says_what_it_looks_at(tmp_path: Path) -> None:
    predictor = TFTConfig(**SMALL).build(INPUTS, 3, seed=3)
    x = draw(40, 4)[0]
    predictor.save(tmp_path)
    again = TorchPredictor.load(tmp_path)
    for name, values in predictor.predict(x).items():
        assert np.array_equal(again.predict(x)[name], values), name
    looks = predictor.selection(x)
    assert {name: each.shape for name, each in looks.items()} == {
        "attention": (40, 2, CONTEXT + 2),
        "past": (40, CONTEXT, OBSERVED + 4),
        "future": (40, 2, 4),
    }
    assert np.array_equal(predictor.attention(x)["attention"], looks["attention"][..., :CONTEXT])
    with pytest.raises(RunError, match="must be one that weighs its inputs"):
        LSTMConfig(context=CONTEXT).build(INPUTS).selection(x)


CHANGES: dict[str, Any] = {
    "context": 5,
    "horizons": (4, 5),
    "quantiles": (0.2, 0.5, 0.9),
    "symbol": 2,
    "width": 16,
    "heads": 4,
    "dropout": 0.4,
    "quantile_weight": 3.0,
    "target_limit": 0.5,
}


def trained(config: TFTConfig) -> tuple[bytes, ...]:
    """Every weight after two steps."""
    x, y, came, *_ = draw(64, 0)
    predictor = config.build(INPUTS, 3)
    targets = {name: came[:, k % 2] for k, name in enumerate(config.learned)}
    learned = TrainingData(x[:, -config.context :], y, targets_train=targets)
    fit(predictor, learned, TrainingConfig(epochs=1, batch_size=32, patience=None))
    return tuple(values.tobytes() for values in predictor.state().values())


def test_every_field_changes_the_training_or_what_is_forecast() -> None:
    plain = trained(TFTConfig(**SMALL))
    assert plain == trained(TFTConfig(**SMALL))
    assert set(CHANGES) == set(TFTConfig.model_fields) - {"kind"}
    for name, value in CHANGES.items():
        changed = TFTConfig(**{**SMALL, name: value})
        if name == "horizons":
            assert (changed.learned, changed.ahead, changed.calendar) == (("ahead_4", "ahead_5"), 5, (0, 4, 5))
        else:
            assert trained(changed) != plain, name


def test_columns_must_end_with_the_calendar_of_its_horizons() -> None:
    config = TFTConfig(horizons=(1, 4))
    config.require_columns(("return_1", *calendar_columns((0, 1, 4))))
    for names in (("return_1",), ("return_1", *calendar_columns((0, 1, 24))), (*calendar_columns((0, 1, 4)), "own")):
        with pytest.raises(ConfigError, match=r"^features.calendar: must be \[0, 1, 4\], 0 and the horizons"):
            config.require_columns(names)
    with pytest.raises(ConfigError, match="features: must be more columns than what is known ahead of 2"):
        config.build(8)
    told = TFTConfig(horizons=(1, 4), symbol=2)
    told.require_columns(("return_1", *calendar_columns((0, 1, 4)), "symbol_0", "symbol_1"))
    with pytest.raises(ConfigError, match=r"^features.symbol: must be 2, as model.symbol is; got 0$"):
        told.require_columns(("return_1", *calendar_columns((0, 1, 4))))
    with pytest.raises(ConfigError, match=r"^features.symbol: must be 0, as model.symbol is; got 1$"):
        config.require_columns(("return_1", *calendar_columns((0, 1, 4)), "symbol_0"))
    assert told.usual() == {"features": {"calendar": [0, 1, 4], "symbol": 2}}
    assert config.usual() == {"features": {"calendar": [0, 1, 4]}}
    assert TFTConfig.presets == TFTConfig().usual()


def test_what_never_changes_is_read_from_the_newest_row_and_weighed() -> None:
    predictor = TFTConfig(**SMALL, symbol=2).build(INPUTS + 2, 3, seed=1)
    x = np.concatenate([draw(20, 0)[0], np.ones((20, CONTEXT, 2), np.float32)], -1)
    plain, older, newest = predictor.predict(x)["quantiles"], x.copy(), x.copy()
    older[:, :-1, -2:] = -1.0
    newest[:, -1, -2:] = -1.0
    assert np.array_equal(predictor.predict(older)["quantiles"], plain)
    assert not np.allclose(predictor.predict(newest)["quantiles"], plain)
    assert predictor.selection(x)["static"].shape == (20, 2)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"quantiles": (0.0, 0.5)}, r"quantiles must lie inside \(0, 1\); got \[0.0, 0.5\]"),
        ({"quantiles": (0.5, 1.5)}, r"quantiles must lie inside \(0, 1\); got \[0.5, 1.5\]"),
        ({"quantiles": (0.5, 0.1)}, r"quantiles must ascend; got \[0.5, 0.1\]"),
        ({"quantiles": ()}, "at least 1 item"),
        ({"horizons": (4, 4)}, r"horizons must ascend; got \[4, 4\]"),
        ({"horizons": (0, 4)}, "greater than or equal to 1"),
        ({"heads": 3}, "heads must divide the width 16; got 3"),
    ],
)
def test_errors_name_the_rule(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TFTConfig(**fields)


def test_an_ensemble_member_is_given_its_own_calendar() -> None:
    make: Callable[..., TFTConfig] = TFTConfig
    assert make(horizons=(2,)).usual()["features"]["calendar"] == [0, 2]
    assert torch.is_tensor(next(make(**SMALL).build(INPUTS).module.parameters()))
