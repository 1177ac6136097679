"""Every field of the training config acts: changing it changes what the loop does."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from regimen.errors import DataError
from regimen.predictors import BaselineConfig
from regimen.training import TrainingConfig, TrainingData, fit, learning_rate
from regimen.training.recipes import JitterConfig

PLAIN = TrainingConfig(epochs=6, batch_size=32, learning_rate=3e-3, patience=None)
CHANGES: dict[str, object] = {
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "weight_decay": 0.5,
    "optimizer": "sgd",
    "gradient_clip": 0.05,
    "schedule": "cosine",
    "warmup_epochs": 2.5,
    "patience": 1,
    "min_improvement": 0.5,
    "sampler": "balanced",
    "class_weights": "balanced",
    "label_smoothing": 0.2,
    "recipes": (JitterConfig(sigma=0.5),),
    "accumulation": 3,
    "precision": "bfloat16",
    "plateau_patience": 1,
    "plateau_factor": 0.1,
}
ELSEWHERE = {
    "threads",
    "processes",
    "device",
    "allow_missing_classes",
    "select",
    "snapshots",
    "pause",
}  # their effect is not in the weights


def _data() -> TrainingData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 6)).astype(np.float32)
    y = np.where(rng.random(400) < 0.6, 1, (x[:, :3] + rng.gumbel(size=(400, 3))).argmax(axis=1))
    return TrainingData(x[:200], y[:200], x[200:], y[200:])


def _behaviour(config: TrainingConfig) -> str:
    result = fit(BaselineConfig(hidden=(8,)).build(6, 3), _data(), config)
    losses = [(epoch.train_loss, epoch.val_loss) for epoch in result.history]
    weights = {name: values.tobytes().hex() for name, values in result.predictor.state().items()}
    return json.dumps([losses, result.best_epoch, weights])


def test_every_field_is_listed_and_described() -> None:
    assert set(CHANGES) | ELSEWHERE == set(TrainingConfig.model_fields)
    assert all(field.description for field in TrainingConfig.model_fields.values())


@pytest.mark.parametrize("name", CHANGES)
def test_changing_a_field_changes_the_training(name: str) -> None:
    changed = PLAIN.model_copy(update={name: CHANGES[name]})
    assert getattr(changed, name) != getattr(PLAIN, name)
    plain = PLAIN
    if name == "min_improvement":  # acts on what counts as the best epoch
        plain = PLAIN.model_copy(update={"patience": 2})
        changed = plain.model_copy(update={name: CHANGES[name]})
    if name.startswith("plateau"):  # acts on that schedule, once an epoch is worse than the one before
        plain = PLAIN.model_copy(update={"schedule": "plateau", "learning_rate": 0.1, "epochs": 30})
        changed = plain.model_copy(update={name: CHANGES[name]})
    if name == "patience":  # a high rate, so that some epoch is worse than the one before
        plain = PLAIN.model_copy(update={"learning_rate": 0.1, "epochs": 30})
        changed = plain.model_copy(update={name: CHANGES[name]})
    assert _behaviour(plain) == _behaviour(plain)
    assert _behaviour(plain) != _behaviour(changed)


def test_threads_are_set_inside_only() -> None:
    seen: list[int] = []
    for threads in (1, 3):
        config = TrainingConfig(epochs=1, threads=threads)
        fit(
            BaselineConfig().build(6, 3),
            _data(),
            config,
            on_epoch=lambda _: seen.append(torch.get_num_threads()),
        )
    assert seen == [1, 3]


def test_a_missing_class_is_named_unless_allowed() -> None:
    data = _data()
    y = np.where(data.y_train == 2, 1, data.y_train)
    lacking = TrainingData(data.x_train, y, data.x_val, data.y_val)
    with pytest.raises(DataError, match=r"class 2 \(BUY\) never occurs") as caught:
        fit(BaselineConfig().build(6, 3), lacking, TrainingConfig())
    assert "\n" not in str(caught.value)
    for options in ({}, {"sampler": "balanced"}, {"class_weights": "balanced"}):
        config = TrainingConfig(epochs=2, allow_missing_classes=True, **options)  # type: ignore[arg-type]
        assert math.isfinite(fit(BaselineConfig().build(6, 3), lacking, config).history[-1].train_loss)


def test_schedule_by_hand() -> None:
    config = TrainingConfig(epochs=10, learning_rate=0.8, schedule="cosine", warmup_epochs=2)
    by_hand = {0.5: 0.2, 1.0: 0.4, 2.0: 0.8, 6.0: 0.4, 8.0: 0.4 * (1 + math.cos(0.75 * math.pi)), 10.0: 0.0}
    for progress, rate in by_hand.items():
        assert learning_rate(config, progress) == pytest.approx(rate, abs=1e-12)
    constant = TrainingConfig(epochs=10, learning_rate=0.8)
    assert learning_rate(constant, 0.01) == learning_rate(constant, 10.0) == 0.8


@pytest.mark.parametrize(
    "bad",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": math.inf},
        {"gradient_clip": 0.0},
        {"label_smoothing": 1.0},
        {"patience": 0},
        {"threads": 0},
        {"device": "tpu"},
        {"optimiser": "adamw"},
    ],
)
def test_impossible_settings_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainingConfig(**bad)  # type: ignore[arg-type]


def test_reading_a_config_does_not_load_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; import regimen.predictors, regimen.training; assert 'torch' not in sys.modules;"
        "from regimen.training import fit; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
