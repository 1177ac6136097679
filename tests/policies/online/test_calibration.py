"""A calibration that learns label by label, beside the fit of all labels at once."""

from __future__ import annotations

import numpy as np

from regimen.metrics import log_loss
from regimen.policies import VectorConfig
from regimen.policies.online import StreamCalibrationConfig


def too_sure(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns probabilities that are three times too sure and lean to one class, what came, and the true ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 0.5, (rows, 3))
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    said = np.exp(3.0 * logits + np.array([0.8, 0.0, 0.0]))
    y = (logits + rng.gumbel(size=(rows, 3))).argmax(axis=1)
    return said / said.sum(axis=1, keepdims=True), y, truth


def test_it_ends_where_the_fit_of_all_labels_at_once_does() -> None:
    said, y, truth = too_sure(8000)
    stream = StreamCalibrationConfig(half_life=None).build()
    stream.learn(said[:6000], y[:6000])
    whole = VectorConfig().fit(said[:6000], y[:6000])
    calibrated = stream(said[6000:])
    assert log_loss(calibrated, y[6000:]) < log_loss(whole(said[6000:]), y[6000:]) + 0.002
    assert np.abs(calibrated - truth[6000:]).mean() < 0.02
    assert log_loss(said[6000:], y[6000:]) > log_loss(calibrated, y[6000:]) + 0.2


def test_one_label_after_the_other_it_is_as_all_at_once_to_the_bit() -> None:
    said, y, _ = too_sure(300)
    whole, single = StreamCalibrationConfig().build(), StreamCalibrationConfig().build()
    whole.learn(said, y)
    for k in range(300):
        single.learn(said[k : k + 1], y[k : k + 1])
    np.testing.assert_array_equal(single.numbers, whole.numbers)
    rows = np.concatenate([whole(said[k : k + 1]) for k in range(300)])
    np.testing.assert_array_equal(rows, whole(said))


def test_of_what_says_nothing_it_makes_the_frequencies_of_the_classes() -> None:
    rng = np.random.default_rng(0)
    said = rng.dirichlet(np.full(3, 0.3), 6000)  # sure, and of nothing
    y = rng.choice(3, 6000, p=[0.5, 0.2, 0.3])
    stream, losses = StreamCalibrationConfig(half_life=None).build(), []
    for k in range(6000):
        losses.append(log_loss(stream(said[k : k + 1]), y[k : k + 1]))
        stream.learn(said[k : k + 1], y[k : k + 1])
    frequencies = np.bincount(y) / len(y)
    entropy = float(-(frequencies * np.log(frequencies)).sum())
    assert np.mean(losses) < entropy + 0.01  # prequential, the price of learning six numbers included
    assert log_loss(said, y) > entropy + 1.0


def test_one_that_forgets_follows_a_change() -> None:
    said, y, _ = too_sure(4000)
    turned = said[:, ::-1].copy()
    loss = {}
    for half_life in (None, 200.0):
        stream = StreamCalibrationConfig(half_life=half_life).build()
        stream.learn(said, y)
        stream.learn(turned[:600], y[:600])
        loss[half_life] = log_loss(stream(turned[600:]), y[600:])
    assert loss[200.0] < loss[None] - 0.05


def test_before_any_label_it_leaves_probabilities_as_they_are() -> None:
    said, _, _ = too_sure(50)
    stream = StreamCalibrationConfig().build()
    kept = np.maximum(said, 1e-3)
    np.testing.assert_allclose(stream(said), kept / kept.sum(axis=1, keepdims=True), rtol=1e-12)
    assert np.isnan(stream(np.full((1, 3), np.nan))).all()
