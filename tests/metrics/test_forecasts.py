"""Scores of probabilities: by hand, against scikit-learn, and what a calibrated source comes to."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
import sklearn.metrics
from sklearn.calibration import calibration_curve

from regimen import metrics


def calibrated_source(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, 3), and classes that are drawn by them."""
    random = np.random.default_rng(seed)
    given = random.dirichlet((2.0, 3.0, 2.5), n)
    return given, (random.random((n, 1)) > given.cumsum(axis=1)).sum(axis=1).clip(0, 2)


def test_scores_by_hand() -> None:
    given, y = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]), np.array([0, 1])
    assert metrics.log_loss(given, y) == pytest.approx((math.log(2.0) + math.log(5.0)) / 2, abs=1e-15)
    assert metrics.log_loss(given, y, np.array([3.0, 1.0])) == pytest.approx((3 * math.log(2.0) + math.log(5.0)) / 4)
    assert metrics.brier_score(given, y) == pytest.approx((0.375 + 1.14) / 2, abs=1e-15)
    prior = np.array([0.5, 0.5, 0.0])
    assert metrics.log_loss_skill(given, y, prior) == pytest.approx(-math.log(2.5) / 2)
    assert metrics.brier_skill(given, y, prior) == pytest.approx(1.0 - 0.7575 / 0.5)
    assert metrics.log_losses(np.array([[0.0, 1.0, 0.0]]), np.array([0]))[0] == -math.log(metrics.PROBABILITY_FLOOR)
    np.testing.assert_array_equal(metrics.class_prior(np.array([0, 2, 2, 2])), [0.25, 0.0, 0.75])


def test_scores_are_scikit_learns() -> None:
    given, y = calibrated_source(500, 1)
    assert metrics.log_loss(given, y) == pytest.approx(sklearn.metrics.log_loss(y, given), rel=1e-12)
    multi = sklearn.metrics.brier_score_loss(y, given, labels=[0, 1, 2], scale_by_half=False)
    assert metrics.brier_score(given, y) == pytest.approx(multi, rel=1e-12)


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_reliability_is_scikit_learns(binning: Literal["mass", "width"], strategy: str) -> None:
    given, y = calibrated_source(1000, 2)
    points = metrics.reliability(given[:, 1], y == 1, 10, binning)
    share, mean = calibration_curve(y == 1, given[:, 1], n_bins=10, strategy=strategy)
    np.testing.assert_allclose((points.share, points.given), (share, mean), rtol=1e-12)
    assert points.rows.sum() == 1000


def test_the_calibration_error_by_hand() -> None:
    given = np.array([[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    y = np.array([0, 1, 0, 2])
    # the largest, by width of .5: one bin (.5, 1] of mean .7, of which three of four came
    top = metrics.expected_calibration_error(given, y, 2, "width", "top_label")
    assert top == pytest.approx(0.05, abs=1e-15)
    # by mass, two bins: (.6, .6) came twice, (.8, .8) once
    top = metrics.expected_calibration_error(given, y, 2, "mass", "top_label")
    assert top == pytest.approx((0.4 + 0.3) / 2, abs=1e-15)
    # class by class, in one bin: |.6 − .5|, |.175 − .25|, |.225 − .25|
    assert metrics.expected_calibration_error(given, y, 1) == pytest.approx((0.1 + 0.075 + 0.025) / 3, abs=1e-15)


def test_the_error_of_a_calibrated_source_goes_to_nothing() -> None:
    errors = [metrics.expected_calibration_error(*calibrated_source(n, 3)) for n in (1_000, 100_000)]
    by_chance = [math.sqrt(2 * 10 * 0.22 / (math.pi * n)) for n in (1_000, 100_000)]
    np.testing.assert_allclose(errors, by_chance, rtol=0.4)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(4)
    came = random.binomial(60, 0.2, 4000)
    low, high = metrics.wilson(came / 60, np.full(4000, 60))
    assert 0.93 < ((low <= 0.2) & (high >= 0.2)).mean() < 0.97


def test_wilson_by_its_own_equation() -> None:
    """The bounds are where a normal test at 5 % just rejects the share: (p − s)² n = z² s (1 − s)."""
    share, count = np.array([0.0, 0.2, 0.7]), np.array([20.0, 50.0, 400.0])
    for bound in metrics.wilson(share, count):
        inner = bound > 0
        left = (share - bound) ** 2 * count
        np.testing.assert_allclose(left[inner], (1.959964**2 * bound * (1 - bound))[inner], rtol=1e-9)


@pytest.mark.parametrize(
    ("given", "y"),
    [
        (np.full((2, 3), 1 / 3), [0]),
        (np.full(3, 1 / 3), [0, 1, 2]),
        (np.array([[np.nan, 0.5, 0.5]]), [1]),
        (np.full((1, 3), 1 / 3), [3]),
        (np.full((1, 3), 1 / 3), [-1]),
        (np.empty((0, 3)), []),
    ],
)
def test_what_cannot_be_scored_is_refused(given: np.ndarray, y: list[int]) -> None:
    with pytest.raises(ValueError, match="must"):
        metrics.log_loss(given, np.array(y, np.int64))
