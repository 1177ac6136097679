"""The extended Kalman filter: the linear one of statsmodels, a dense twin, and what it makes of simulated signals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.preprocess.test_chain import NAMES, WINDOW

from regimen.errors import ConfigError
from regimen.preprocess import KalmanConfig
from regimen.preprocess.kalman import innovations, stationary

Floats = NDArray[np.float64]
KEEP = 0.995


def _simulated(rows: int, parameters: Floats, seed: int) -> tuple[Floats, Floats]:
    """A signal whose coefficients drift, and the signal with noise."""
    first, second, keep, new, noise, drift = parameters
    random = np.random.default_rng(seed)
    signal, a, b = np.zeros(rows + 2), first, second
    for t in range(2, rows + 2):
        a = first + keep * (a - first) + np.sqrt(drift) * random.normal()
        b = second + keep * (b - second) + np.sqrt(drift) * random.normal()
        signal[t] = a * signal[t - 1] + b * signal[t - 2] + np.sqrt(new) * random.normal()
    return signal[2:], signal[2:] + np.sqrt(noise) * random.normal(size=rows)


def _begins(rows: int) -> NDArray[np.bool_]:
    return np.arange(rows) == 0


@pytest.mark.parametrize(("partial", "share"), [((0.8, -0.2), 0.5), ((-0.4, 0.7), 0.9), ((0.95, 0.0), 0.1)])
def test_without_drift_it_is_the_filter_of_statsmodels(partial: tuple[float, float], share: float) -> None:
    """Oracle: statsmodels' state space model of an AR(2) that is observed with noise."""
    sarimax = pytest.importorskip("statsmodels.api").tsa.SARIMAX
    parameters = stationary(partial, share, 0.0, KEEP)
    _, seen = _simulated(2_000, parameters, 0)
    first, second, _, new, noise, _ = parameters
    expected = sarimax(seen, order=(2, 0, 0), measurement_error=True).filter([first, second, noise, new])
    signal, apart, variance = innovations(seen, _begins(2_000), parameters)
    np.testing.assert_allclose(signal, expected.filtered_state[0], rtol=0, atol=1e-8)
    np.testing.assert_allclose(apart, expected.forecasts_error[0], rtol=0, atol=1e-8)
    np.testing.assert_allclose(variance, expected.forecasts_error_cov[0, 0], rtol=0, atol=1e-8)


def _in_matrices(seen: Floats, parameters: Floats, covariance: Floats) -> tuple[Floats, int]:
    """A dense twin, whose slopes are central differences of the transition: signal, innovation and its variance of
    each row (3, row), and how often coefficients were drawn back."""
    first, second, keep, new, noise, drift = parameters

    def transition(state: Floats) -> Floats:
        x, y, a, b = state
        return np.array([a * x + b * y, x, first + keep * (a - first), second + keep * (b - second)])

    state, rows, drawn_back = np.array([0.0, 0.0, first, second]), [], 0
    for value in seen:
        ways = 1e-4 * np.eye(4)
        slopes = np.stack([(transition(state + way) - transition(state - way)) / 2e-4 for way in ways], axis=1)
        state = transition(state)
        covariance = slopes @ covariance @ slopes.T + np.diag([new, 0.0, drift, drift])
        forecast, spread = state[0], covariance[0, 0] + noise
        gain = covariance[:, 0] / spread
        state = state + gain * (value - forecast)
        covariance = covariance - np.outer(gain, covariance[0])
        middle, away = np.array([first, second]), state[2:] - np.array([first, second])
        sides = np.array([[1.0, 1.0], [-1.0, 1.0], [0.0, -1.0]])  # a + b, b − a and −b are at most .9999
        steps = [(0.9999 - side @ middle) / (side @ away) for side in sides if side @ (middle + away) > 0.9999]
        state[2:] = middle + min([1.0, *steps]) * away
        drawn_back += bool(steps)
        rows.append((state[0], value - forecast, spread))
    return np.array(rows).T, drawn_back


@pytest.mark.parametrize(("spread", "drawn"), [(0.05, False), (0.3, True)])
def test_with_drift_it_is_the_textbooks_filter_in_matrices(spread: float, drawn: bool) -> None:
    """Oracle: the dense twin; with much drift coefficients come to the edge of what is stationary, on all its sides."""
    parameters = stationary((0.6, -0.2), 0.6, spread, KEEP)
    first, second = parameters[:2]
    _, seen = _simulated(500, stationary((0.6, -0.2), 0.6, 0.05, KEEP), 1)
    if drawn:  # a signal that grows, one that alternates and grows, and one that turns in a circle and grows
        time = np.arange(60)
        grows = [1.1**time, (-1.1) ** time, 1.1**time * np.cos(1.6 * time)]
        seen = np.concatenate([seen[:100], *(np.concatenate([each, np.zeros(100)]) for each in grows)])
    covariance = np.diag([0.6, 0.6, spread**2, spread**2])
    covariance[0, 1] = covariance[1, 0] = 0.6 * first / (1.0 - second)
    expected, drawn_back = _in_matrices(seen, parameters, covariance)
    assert (drawn_back > 0) is drawn
    np.testing.assert_allclose(innovations(seen, _begins(len(seen)), parameters), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("spread", [0.0, 0.05])
def test_its_forecasts_miss_by_as_much_as_it_says(spread: float) -> None:
    """The mean normalised innovation squared of n rows is inside 1 ± 1.96 √(2 / n)."""
    parameters, rows = stationary((0.7, -0.1), 0.5, spread, KEEP), 10_000
    for seed in range(3):
        _, seen = _simulated(rows, parameters, seed)
        _, apart, variance = innovations(seen, _begins(rows), parameters)
        assert abs((apart**2 / variance).mean() - 1.0) < 1.96 * np.sqrt(2.0 / rows)


def _column(seen: Floats) -> Floats:
    """Three columns of two symbols: the one that is looked at, white noise, and a signal without noise."""
    random = np.random.default_rng(9)
    clean, _ = _simulated(800, stationary((0.9, 0.0), 1.0, 0.0, KEEP), 5)
    return np.stack([seen, random.normal(size=800), clean], axis=1).reshape(2, 400, 3).swapaxes(0, 1).copy()


def test_what_it_is_fitted_to_halves_the_error_and_what_has_no_noise_passes_bit_for_bit() -> None:
    signal, seen = _simulated(800, stationary((0.95, 0.0), 0.5, 0.0, KEEP), 3)
    values = _column(1e6 + 10.0 * seen)
    fitted = KalmanConfig().fit(values, WINDOW.train, NAMES)
    filtered = fitted.scan(values)
    truth = 1e6 + 10.0 * _column(signal)[..., 0]
    assert ((filtered[..., 0] - truth) ** 2).mean() < 0.5 * ((values[..., 0] - truth) ** 2).mean()
    np.testing.assert_array_equal(filtered[..., 1:], values[..., 1:])
    assert 0.3 < fitted.table[0, 6] < 0.7  # half of the variance is noise


def test_it_is_fitted_on_the_columns_that_are_named_and_on_the_newest_rows() -> None:
    values = _column(_simulated(800, stationary((0.95, 0.0), 0.5, 0.0, KEEP), 3)[1])
    np.testing.assert_array_equal(KalmanConfig(columns=("b",)).fit(values, WINDOW.train, NAMES).scan(values), values)
    words = r"preprocess\.kalman\.columns: must be columns that reach this step \(as a, b, c are\); got 'z'"
    with pytest.raises(ConfigError, match=words):
        KalmanConfig(columns=("a", "z")).fit(values, WINDOW.train, NAMES)
    before = values.copy()
    before[: WINDOW.train.stop - 80] = 7.0  # 100 rows of two symbols: the newest 50 of each, less what is purged
    late = [KalmanConfig(rows=100).fit(each, WINDOW.train, NAMES).table for each in (values, before)]
    np.testing.assert_array_equal(*late)
