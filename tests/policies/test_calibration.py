"""Calibrations: planted ones are found, brute force and scikit-learn agree, and no row is told by another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from sklearn.isotonic import IsotonicRegression

from regimen.errors import ConfigError, RunError
from regimen.metrics import expected_calibration_error, log_loss
from regimen.policies import CalibratedClassifier, IsotonicConfig, TemperatureConfig, VectorConfig
from regimen.policies.calibration.temperature import HIGHEST, LOWEST, logits, softmax
from regimen.predictors import LogisticConfig
from regimen.settings import validated

CONFIGS = [TemperatureConfig(), VectorConfig(), IsotonicConfig()]
FREE = VectorConfig(l2=1e-6)


def drawn(probabilities: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.asarray((random.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(0, 2))


def forecasts(n: int, seed: int, scale: Any = 1.0, bias: Any = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts (n, 3), and classes drawn by what they should have been, ``softmax(scale ln p + bias)``."""
    random = np.random.default_rng(seed)
    given = softmax(random.normal(0.0, 1.0, (n, 3)))
    return given, drawn(softmax(logits(given) * scale + bias), random)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_planted_temperature_is_found(temperature: float) -> None:
    given, y = forecasts(20_000, 1, 1.0 / temperature)
    z = logits(given)
    q = softmax(z / temperature)
    information = float(((q * z**2).sum(axis=1) - (q * z).sum(axis=1) ** 2).sum())
    found = TemperatureConfig().fit(given, y).about["temperature"]
    assert abs(1.0 / found - 1.0 / temperature) < 3.0 / np.sqrt(information)


def test_a_temperature_is_that_of_brute_force() -> None:
    given, y = forecasts(500, 2, 0.7)
    weights = np.random.default_rng(3).random(500)
    z = logits(given)

    def loss(beta: float) -> float:
        return log_loss(softmax(z * beta), y, weights)

    best = minimize_scalar(loss, bounds=(0.2, 2.0), options={"xatol": 1e-9})
    assert 1.0 / TemperatureConfig().fit(given, y, weights).about["temperature"] == pytest.approx(best.x, abs=1e-6)


def test_a_temperature_ends_where_its_range_does() -> None:
    sure, y = np.tile([0.6, 0.3, 0.1], (50, 1)), np.zeros(50, np.int64)
    assert TemperatureConfig().fit(sure, y).about == {"temperature": LOWEST}
    assert TemperatureConfig().fit(sure, y + 2).about == {"temperature": HIGHEST}


def test_a_temperature_leaves_the_likeliest_class() -> None:
    given, y = forecasts(3000, 4, 0.3)
    fitted = TemperatureConfig().fit(given, y)
    np.testing.assert_array_equal(fitted(given).argmax(axis=1), given.argmax(axis=1))


def test_a_planted_vector_is_found() -> None:
    scale, bias = np.array([0.5, 1.5, 0.8]), np.array([0.4, -0.3, -0.1])  # its biases add up to 0, as those of a fit do
    n = 40_000
    given, y = forecasts(n, 5, scale, bias)
    z = logits(given)
    q = softmax(z * scale + bias)
    moved = np.concatenate([z[:, :, None] * np.eye(3), np.tile(np.eye(3), (n, 1, 1))], axis=2)
    spread = moved - np.einsum("nj,njp->np", q, moved)[:, None]
    error = np.sqrt(np.diag(np.linalg.pinv(np.einsum("nj,njp,njq->pq", q, spread, spread))))
    found = np.array(list(FREE.fit(given, y).about.values()))
    assert (np.abs(found - np.concatenate([scale, bias])) < 3.0 * error).all()


def test_a_vector_is_that_of_a_general_minimiser() -> None:
    given, y = forecasts(300, 6, np.array([0.4, 1.0, 1.4]), np.array([0.5, 0.0, -0.5]))
    z, beta = logits(given), 1.0 / TemperatureConfig().fit(given, y).about["temperature"]

    def loss(values: np.ndarray) -> float:
        away = ((values[:3] - beta) ** 2).sum() + (values[3:] ** 2).sum()
        return log_loss(softmax(z * values[:3] + values[3:]), y) + 10.0 / 2 * float(away) / 300

    best = minimize(loss, np.r_[1.0, 1.0, 1.0, 0.0, 0.0, 0.0], tol=1e-12).x
    np.testing.assert_allclose(list(VectorConfig().fit(given, y).about.values()), best, atol=1e-5)


def test_a_vector_of_few_rows_is_a_temperature() -> None:
    given, y = forecasts(300, 7, np.array([0.4, 1.0, 1.4]))
    much, temperature = VectorConfig(l2=1e9).fit(given, y), TemperatureConfig().fit(given, y)
    np.testing.assert_allclose(much(given), temperature(given), atol=1e-6)


def test_isotonic_curves_are_scikit_learns() -> None:
    random = np.random.default_rng(8)
    given, y = forecasts(2000, 8, 0.4)
    given = np.round(given, 2)  # with ties
    weights = random.random(2000)
    fitted = IsotonicConfig(floor=1e-12).fit(given, y, weights)
    asked = softmax(random.normal(0.0, 1.0, (500, 3)))
    curves = [
        IsotonicRegression(out_of_bounds="clip").fit(given[:, k], y == k, weights).predict(asked[:, k])
        for k in range(3)
    ]
    expected = np.maximum(np.stack(curves, axis=1), 1e-12)
    np.testing.assert_allclose(fitted(asked), expected / expected.sum(axis=1, keepdims=True), atol=1e-12)


def test_isotonic_curves_never_say_nothing() -> None:
    given, y = forecasts(200, 9)
    assert IsotonicConfig().fit(given, y)(given).min() > 0.01 / 1.5


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
@pytest.mark.parametrize("seed", range(5))
def test_no_calibration_loses_on_its_own_rows(config: Any, seed: int) -> None:
    given, y = forecasts(60 + 200 * seed, 10 + seed, 1.0 if seed % 2 else -0.5)
    weights = np.random.default_rng(seed).random(len(y))
    assert log_loss(config.fit(given, y, weights)(given), y, weights) <= log_loss(given, y, weights) + 1e-12


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_forecasts_that_are_calibrated_come_as_often_as_they_say(config: Any) -> None:
    fitted = config.fit(*forecasts(50_000, 20, 0.5, np.array([0.2, -0.2, 0.0]) * (config.kind != "temperature")))
    given, y = forecasts(50_000, 21, 0.5, np.array([0.2, -0.2, 0.0]) * (config.kind != "temperature"))
    assert expected_calibration_error(given, y) > 0.05
    assert expected_calibration_error(fitted(given), y) < 0.012  # by chance alone .005


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_a_row_is_told_by_itself_and_after_a_file(config: Any) -> None:
    given, y = forecasts(701, 30, 0.6)
    fitted = config.fit(given, y)
    given[[3, 500], 1] = np.nan
    said = fitted(given)
    assert np.isnan(said[[3, 500]]).all()
    known = np.isfinite(said).all(axis=1)
    assert known.sum() == 699
    np.testing.assert_allclose(said[known].sum(axis=1), 1.0, atol=1e-15)
    np.testing.assert_array_equal(np.concatenate([fitted(given[t : t + 1]) for t in range(701)]), said)
    np.testing.assert_array_equal(fitted(np.asfortranarray(given)), said)
    again = config.restore({name: np.array(array.tolist()) for name, array in fitted.state().items()})
    np.testing.assert_array_equal(again(given), said)
    assert again.about == fitted.about


def test_a_calibrated_classifier_stands_for_the_one_below() -> None:
    below = LogisticConfig(zero_start=False).build(4, seed=1, schema="x")
    fitted = TemperatureConfig().fit(*forecasts(100, 40, 0.5))
    above = CalibratedClassifier(below, fitted)
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    np.testing.assert_array_equal(above.predict_proba(x), fitted(below.predict_proba(x)))
    assert (above.inputs, above.schema, above.context) == (4, "x", 1)
    assert repr(above).startswith("CalibratedClassifier(TemperatureScaling(")


@pytest.mark.parametrize(
    ("given", "y", "weights"),
    [
        (np.full((2, 2), 0.5), [0, 1], None),
        (np.full((1, 3), 1 / 3), [0, 1], None),
        (np.empty((0, 3)), [], None),
        (np.array([[np.nan, 0.5, 0.5]]), [0], None),
        (np.full((1, 3), 1 / 3), [-1], None),
        (np.full((1, 3), 1 / 3), [3], None),
        (np.full((1, 3), 1 / 3), [0], [0.0]),
        (np.full((1, 3), 1 / 3), [0], [-1.0]),
    ],
)
def test_what_cannot_be_fitted_on_is_refused(given: np.ndarray, y: list[int], weights: list[float] | None) -> None:
    for config in CONFIGS:
        with pytest.raises(RunError, match=r"^calibration: must "):
            config.fit(given, np.array(y, np.int64), None if weights is None else np.array(weights))


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        (VectorConfig, "l2", 0.0),
        (IsotonicConfig, "floor", 0.0),
        (IsotonicConfig, "floor", 0.4),
        (TemperatureConfig, "folds", 1),
        (TemperatureConfig, "fit_on", "test"),
    ],
)
def test_a_field_outside_its_range_is_refused(config: Any, field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^{field}: must be"):
        validated(config, {field: value})
