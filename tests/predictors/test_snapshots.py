"""A snapshot ensemble is the mean over the last epochs of one training, also of one that was stopped and went on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regimen.predictors import BaselineConfig, SnapshotPredictor, TorchPredictor
from regimen.seeding import generator
from regimen.training import Epoch, FitResult, TrainingConfig, TrainingData, fit

SETTINGS = {"batch_size": 64, "schedule": "constant", "warmup_epochs": 0.0, "patience": None, "learning_rate": 3e-3}


def data() -> TrainingData:
    random = generator(0, "rows")
    x = random.normal(size=(500, 4)).astype(np.float32)
    y = (x[:, 0] + random.normal(size=500) > 0).astype(np.int64) + (x[:, 1] > 1)
    return TrainingData(x[:400], y[:400], x[400:], y[400:])


def predictor() -> TorchPredictor:
    return BaselineConfig(hidden=(16,)).build(4, 3, seed=1)


def trained(epochs: int, checkpoint: Path | None = None, stop: int | None = None, snapshots: int = 3) -> FitResult:
    def on_epoch(epoch: Epoch) -> None:
        if epoch.epoch == stop:
            raise KeyboardInterrupt

    config = TrainingConfig.model_validate({**SETTINGS, "epochs": epochs, "snapshots": snapshots})
    return fit(predictor(), data(), config, seed=3, checkpoint=checkpoint, on_epoch=on_epoch)


def test_the_snapshots_are_the_states_after_the_epochs_before_the_chosen_one(tmp_path: Path) -> None:
    """Against trainings that end after those epochs, and against one that was stopped after each epoch in turn."""
    whole = trained(8)
    assert whole.best_epoch > 2
    assert len(whole.earlier) == 2
    for back, state in zip((2, 1), whole.earlier, strict=True):
        expected = trained(whole.best_epoch - back).last
        assert all(np.array_equal(state[name], expected[name]) for name in expected)
    for stop in range(1, 8):
        with pytest.raises(KeyboardInterrupt):
            trained(8, tmp_path, stop)
    again = trained(8, tmp_path)
    assert again.best_epoch == whole.best_epoch
    for one, other in zip(again.earlier, whole.earlier, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_an_epoch_chosen_early_has_fewer() -> None:
    assert len(trained(2, snapshots=5).earlier) < 2
    assert trained(4, snapshots=1).earlier == ()
    assert "snapshots" not in TrainingConfig().model_dump(mode="json")  # as before there were any


def test_probabilities_are_the_mean_of_the_epochs() -> None:
    members = [BaselineConfig(hidden=(16,)).build(4, 3, seed=seed, schema="s") for seed in range(3)]
    together = SnapshotPredictor(members)
    x = generator(1, "rows").normal(size=(40, 4)).astype(np.float32)
    x[3, 1] = np.nan
    expected = (members[0].predict_proba(x) + members[1].predict_proba(x) + members[2].predict_proba(x)) / 3
    np.testing.assert_array_equal(together.predict_proba(x), expected)
    assert np.isnan(expected[3]).all()
    assert (together.inputs, together.schema, together.context) == (4, "s", 1)
    assert repr(together).startswith("SnapshotPredictor(3 epochs of TorchPredictor(")
