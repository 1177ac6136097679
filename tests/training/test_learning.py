"""Learners against known truth: the Bayes-optimal Gaussian mixture, and pure noise."""

from __future__ import annotations

import math

import numpy as np

from regimen.predictors import BaselineConfig, LogisticConfig
from regimen.training import TrainingConfig, TrainingData, fit

TEST_ROWS = 40_000


def _mixture(
    means: np.ndarray, classes: np.ndarray, rows: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """Draws from equally likely unit Gaussians at ``means``; returns rows, classes and the
    Bayes rule's accuracy.

    The Bayes rule picks the class with the largest Σ over its components of exp(-|x - mean|² / 2).
    """
    component = rng.integers(0, len(means), rows)
    x = means[component] + rng.normal(size=(rows, means.shape[1]))
    y = classes[component]
    density = np.exp(-0.5 * ((x[:, None, :] - means[None]) ** 2).sum(-1))
    posterior = np.stack([density[:, classes == label].sum(axis=1) for label in range(3)], axis=1)
    return x.astype(np.float32), y, float((posterior.argmax(axis=1) == y).mean())


def _gap(config: LogisticConfig | BaselineConfig, means: np.ndarray, classes: np.ndarray) -> float:
    """Returns Bayes accuracy minus the model's, both on the same test rows."""
    rng = np.random.default_rng(11)
    x, y, _ = _mixture(means, classes, 25_000, rng)
    x_test, y_test, bayes = _mixture(means, classes, TEST_ROWS, rng)
    data = TrainingData(x[:20_000], y[:20_000], x[20_000:], y[20_000:])
    training = TrainingConfig(epochs=25, batch_size=512, learning_rate=3e-3, schedule="cosine", patience=8)
    predictor = fit(config.build(means.shape[1], 3), data, training).predictor
    accuracy = float((predictor.predict_proba(x_test).argmax(axis=1) == y_test).mean())
    assert 0.6 < bayes < 0.9  # neither hopeless nor trivial
    return bayes - accuracy


def test_logistic_reaches_bayes_where_the_truth_is_linear() -> None:
    means = np.zeros((3, 10))
    means[[0, 1, 2], [0, 1, 2]] = 2.0  # one component a class, common covariance: linear discriminants
    assert abs(_gap(LogisticConfig(), means, np.arange(3))) < 0.01


def _ring() -> tuple[np.ndarray, np.ndarray]:
    """Six components on a ring, opposite ones of one class: every class has the same mean."""
    angle = np.arange(6) * math.pi / 3
    means = np.zeros((6, 6))
    means[:, 0], means[:, 1] = 2.5 * np.cos(angle), 2.5 * np.sin(angle)
    return means, np.arange(6) % 3


def test_mlp_reaches_bayes_where_the_truth_is_not_linear_and_logistic_cannot() -> None:
    means, classes = _ring()
    assert abs(_gap(BaselineConfig(), means, classes)) < 0.01
    assert _gap(LogisticConfig(), means, classes) > 0.2


def test_noise_labels_stay_at_log_three_and_stop_early() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(6_000, 20)).astype(np.float32)
    y = rng.integers(0, 3, 6_000)
    data = TrainingData(x[:4_000], y[:4_000], x[4_000:], y[4_000:])
    training = TrainingConfig(epochs=60, batch_size=256, learning_rate=3e-3, patience=5)
    result = fit(BaselineConfig().build(20, 3), data, training)
    losses = [epoch.val_loss for epoch in result.history]
    assert result.stopped_early
    assert result.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 5
    assert abs(min(losses) - math.log(3)) < 0.02
    assert losses[-1] > min(losses) + 0.02  # it did overfit, and the best weights are back:
    probabilities = result.predictor.predict_proba(x[4_000:])
    restored = -np.log(probabilities[np.arange(2_000), y[4_000:]]).mean()
    assert abs(restored - min(losses)) < 1e-5
