"""The multi-task predictor: Bayes-optimal direction, heads that learn, learned weights, resume, every field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from regimen.predictors import MultiTaskConfig, TorchPredictor
from regimen.predictors.multitask import CNNEncoderConfig, LSTMEncoderConfig, TaskWeights
from regimen.training import TrainingConfig, TrainingData, fit

WINDOW, INPUTS = 6, 3
SHAPE = np.array([0.2, 0.4, 0.6, 0.8, 1.0, 0.5])[:, None]  # how strongly each row of the window shows the class
SMALL = {"context": WINDOW, "hidden": 32, "dropout": 0.0}
CNN = CNNEncoderConfig(width=16, kernels=(3,), dilations=(1, 2))
LSTM = LSTMEncoderConfig(width=16)
TASKS = ("direction", "volatility", "regime", "magnitude")


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Windows (n, 6, 3), classes, targets, and the true volatility v.

    Class k raises column k by SHAPE: equally likely Gaussians of one covariance, so the Bayes rule is the largest
    Σ_t SHAPE_t·x_tk. Volatility is v times a gamma variable of mean 1, magnitude |N(0, v²)|, the regime the place of a
    noisy v between √½ and √2.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, rows)
    x = rng.normal(size=(rows, WINDOW, INPUTS)) + np.eye(3)[y][:, None, :] * SHAPE
    v = np.exp(0.4 * x[:, -1, 0] - 0.3 * x[:, -2, 1])
    noisy = v * np.exp(0.3 * rng.normal(size=rows))
    regime = (noisy > 0.5**0.5).astype(float) + (noisy > 2.0**0.5)
    targets = np.stack([v * rng.gamma(8.0, 1.0 / 8.0, rows), regime, v * np.abs(rng.normal(size=rows))], axis=1)
    return x.astype(np.float32), y, targets, v


def rows(train: int, val: int) -> TrainingData:
    x, y, targets, _ = draw(train, 0)
    x_val, y_val, targets_val, _ = draw(val, 1)
    return TrainingData(x, y, x_val, y_val, targets_train=by_name(targets), targets_val=by_name(targets_val))


def deviance(mean: Any, y: np.ndarray) -> float:
    logs = y * np.log(np.maximum(y, 1e-300) / mean)
    return float(2.0 * (logs - y + mean).mean())


def surprise(probabilities: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(y)), y.astype(int)]).mean())


@pytest.mark.parametrize(
    ("weighting", "encoder"),
    [
        ("kendall", LSTM),
        pytest.param("kendall", CNN, marks=pytest.mark.slow),
        pytest.param("fixed", LSTM, marks=pytest.mark.slow),
        pytest.param("pcgrad", CNN, marks=pytest.mark.slow),
    ],
)
def test_direction_reaches_bayes_and_every_head_learns(weighting: Any, encoder: Any) -> None:
    training = TrainingConfig(epochs=8, batch_size=256, learning_rate=4e-3, schedule="cosine", patience=None)
    predictor = MultiTaskConfig(encoder=encoder, weighting=weighting, **SMALL).build(INPUTS, 3, seed=1)
    fit(predictor, rows(14_000, 1_000), training)
    x, y, targets, v = draw(50_000, 2)
    said = predictor.predict(x)
    bayes = float(((x * SHAPE).sum(axis=1).argmax(axis=1) == y).mean())
    assert 0.7 < bayes < 0.85  # neither hopeless nor trivial
    assert bayes - float((said["probabilities"].argmax(axis=1) == y).mean()) < 0.01

    # each loss: how much of the way from the best constant to the truth
    volatility, regime, magnitude = targets.T
    scores = (
        (deviance(said["volatility"], volatility), deviance(volatility.mean(), volatility), deviance(v, volatility)),
        (
            deviance(said["magnitude"], magnitude),
            deviance(magnitude.mean(), magnitude),
            deviance(v * (2.0 / np.pi) ** 0.5, magnitude),
        ),
    )
    for reached, constant, truth in scores:
        assert (constant - reached) / (constant - truth) > 0.93
    shares = np.bincount(regime.astype(int)) / len(regime)
    constant = float(-(shares * np.log(shares)).sum())
    assert surprise(said["regimes"], regime) < 0.65 * constant
    assert surprise(said["probabilities"], y) < 0.6 * np.log(3.0)
    np.testing.assert_allclose(said["regimes"].sum(axis=1), 1.0, rtol=0, atol=1e-12)


def by_name(targets: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of targets (n, 3) by the names that they are learned under."""
    return dict(zip(MultiTaskConfig.targets, targets.T, strict=True))


def noisy(rows: int, related: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A direction that is mostly noise, and targets that show either what moves it, or something unrelated."""
    x = rng.normal(size=(rows, WINDOW, 8))

    def signal(first: int) -> np.ndarray:
        newest, before = x[:, -1], x[:, -2]
        product = newest[:, first + 1] * before[:, first + 2]
        return 0.5 + np.tanh(1.5 * newest[:, first]) + 0.7 * product - 0.7 * np.abs(newest[:, first + 3])

    moving = signal(0)
    r = 0.8 * moving + rng.normal(size=rows)
    v = np.exp(0.5 * (moving if related else signal(4)))
    seen = v * np.exp(0.2 * rng.normal(size=rows))
    regime = (seen > 0.5**0.5).astype(float) + (seen > 2.0**0.5)
    targets = np.stack([v * np.exp(0.2 * rng.normal(size=rows)), regime, v * np.abs(rng.normal(size=rows))], axis=1)
    return x.astype(np.float32), 1 + (r > 0.43).astype(int) - (r < -0.43), targets


@pytest.mark.slow
def test_further_tasks_help_where_they_show_the_same_signal_and_harm_where_they_do_not() -> None:
    """1,500 rows, four seeds; printed with -s. Alone means that the further losses count next to nothing."""
    alone = TaskWeights(volatility=1e-6, regime=1e-6, magnitude=1e-6)
    ways: dict[str, tuple[bool, dict[str, Any]]] = {
        "alone": (True, {"weighting": "fixed", "weights": alone}),
        "related, kendall": (True, {"weighting": "kendall"}),
        "related, pcgrad": (True, {"weighting": "pcgrad"}),
        "unrelated, kendall": (False, {"weighting": "kendall"}),
    }
    training = TrainingConfig(epochs=25, batch_size=128, learning_rate=3e-3, patience=6)
    encoder = LSTMEncoderConfig(width=32)
    found: dict[str, list[float]] = {way: [] for way in ways}
    for seed in range(4):
        for way, (related, fields) in ways.items():
            rng = np.random.default_rng(100 + seed)
            x, y, targets = noisy(1500, related, rng)
            x_val, y_val, targets_val = noisy(500, related, rng)
            config = MultiTaskConfig(context=WINDOW, encoder=encoder, hidden=32, **fields)
            data = TrainingData(x, y, x_val, y_val, targets_train=by_name(targets), targets_val=by_name(targets_val))
            predictor = fit(config.build(8, 3, seed=seed), data, training, seed=seed).predictor
            x, y, _ = noisy(20_000, related, rng)
            found[way].append(surprise(predictor.predict_proba(x), y))
    gains = {way: np.array(found["alone"]) - np.array(losses) for way, losses in found.items()}
    print()
    for way, gain in gains.items():
        error = gain.std(ddof=1) / len(gain) ** 0.5
        print(f"{way:20s} direction {np.mean(found[way]):.4f} nats, gain {gain.mean():+.4f} ± {error:.4f}")
    assert min(gains["related, kendall"].mean(), gains["related, pcgrad"].mean()) > 0.005
    assert gains["unrelated, kendall"].mean() < 0.0


def test_learned_weights_belong_to_the_module_and_to_no_answer(tmp_path: Path) -> None:
    data = rows(600, 200)
    predictor = MultiTaskConfig(encoder=CNN, **SMALL).build(INPUTS, 3)
    assert predictor.state()["log_variances"].tolist() == [0.0] * 4
    fit(predictor, data, TrainingConfig(epochs=3, batch_size=64, learning_rate=1e-2))
    learned = predictor.state()["log_variances"]
    assert (np.abs(learned) > 0.01).all()
    predictor.save(tmp_path)
    assert np.array_equal(TorchPredictor.load(tmp_path).state()["log_variances"], learned)
    before = predictor.predict_proba(data.x_val)
    state = predictor.state()
    state["log_variances"] = learned + 5.0
    predictor.load_state(state)
    assert np.array_equal(predictor.predict_proba(data.x_val), before)
    for weighting in ("fixed", "pcgrad"):
        other = MultiTaskConfig(encoder=CNN, weighting=weighting, **SMALL).build(INPUTS, 3)
        assert "log_variances" not in other.state()


def test_learned_weights_settle_where_the_losses_say() -> None:
    """With the networks held still, s goes to log L of a deviance and to log 2L of a cross-entropy."""
    config = MultiTaskConfig(encoder=CNN, **SMALL)
    x, y, targets, _ = draw(128, 0)
    data = TrainingData(x, y, targets_train=by_name(targets))
    predictor = config.build(INPUTS, 3)
    for name, parameter in predictor.module.named_parameters():
        parameter.requires_grad_(name == "log_variances")
    training = TrainingConfig(epochs=160, batch_size=128, learning_rate=1e-1, schedule="cosine", patience=None)
    fit(predictor, data, training)
    said = predictor.predict(x)
    volatility, regime, magnitude = targets.T
    losses = np.array(
        [
            2.0 * surprise(said["probabilities"], y),
            deviance(said["volatility"], volatility),
            2.0 * surprise(said["regimes"], regime),
            deviance(said["magnitude"], magnitude),
        ]
    )
    np.testing.assert_allclose(predictor.state()["log_variances"], np.log(losses), rtol=0, atol=1e-3)


def test_a_resumed_training_of_conflicting_gradients_ends_with_the_same_bytes(tmp_path: Path) -> None:
    data = rows(300, 100)
    config = MultiTaskConfig(encoder=CNN, weighting="pcgrad", window=WINDOW, dropout=0.2)
    training = TrainingConfig(epochs=4, batch_size=64, learning_rate=1e-2)

    class Stop(Exception):
        pass

    def stop(epoch: Any) -> None:
        if epoch.epoch == 2:
            raise Stop

    whole = fit(config.build(INPUTS, 3), data, training).predictor.state()
    with pytest.raises(Stop):
        fit(config.build(INPUTS, 3), data, training, checkpoint=tmp_path, on_epoch=stop)
    resumed = fit(config.build(INPUTS, 3), data, training, checkpoint=tmp_path).predictor.state()
    assert all(whole[name].tobytes() == resumed[name].tobytes() for name in whole)


CHANGES: dict[str, Any] = {
    "context": 5,
    "encoder": LSTM,
    "heads": 2,
    "hidden": 16,
    "dropout": 0.4,
    "weighting": "pcgrad",
    "weights": TaskWeights(regime=3.0),
    "target_limit": 0.5,
}
ENCODER_CHANGES = [
    ("cnn", "width", 24),
    ("cnn", "kernels", (2,)),
    ("cnn", "dilations", (2, 1)),
    ("lstm", "width", 24),
    ("lstm", "layers", 2),
]


def trained(config: MultiTaskConfig) -> tuple[bytes, ...]:
    """Every weight after three steps."""
    x, y, targets, _ = draw(96, 0)
    predictor = config.build(INPUTS, 3)
    data = TrainingData(x[:, -config.context :], y, targets_train=by_name(targets))
    fit(predictor, data, TrainingConfig(epochs=1, batch_size=32, patience=None))
    return tuple(values.tobytes() for values in predictor.state().values())


def test_every_field_changes_the_training() -> None:
    start: dict[str, Any] = {**SMALL, "encoder": CNN, "weighting": "fixed"}
    plain = trained(MultiTaskConfig(**start))
    assert plain == trained(MultiTaskConfig(**start))
    assert set(CHANGES) == set(MultiTaskConfig.model_fields) - {"kind"}
    for name, value in CHANGES.items():
        assert trained(MultiTaskConfig(**{**start, name: value})) != plain, name
    for weighting in ("fixed", "pcgrad"):
        plain = trained(MultiTaskConfig(**{**start, "weighting": weighting}))
        for task in TaskWeights.model_fields:
            changed = MultiTaskConfig(**{**start, "weighting": weighting, "weights": {task: 2.0}})
            assert trained(changed) != plain, task


def test_every_field_of_the_encoders_changes_the_training() -> None:
    encoders: dict[str, Any] = {"cnn": CNN, "lstm": LSTM}
    tried = {kind: {name for other, name, _ in ENCODER_CHANGES if other == kind} for kind in encoders}
    for kind, name, value in ENCODER_CHANGES:
        assert tried[kind] == set(type(encoders[kind]).model_fields) - {"kind"}
        changed = encoders[kind].model_copy(update={name: value})
        before = trained(MultiTaskConfig(**{**SMALL, "encoder": encoders[kind]}))
        assert trained(MultiTaskConfig(**{**SMALL, "encoder": changed})) != before, name


def test_each_target_moves_its_own_loss() -> None:
    predictor = MultiTaskConfig(encoder=CNN, **SMALL).build(INPUTS, 3)
    config = predictor.config
    assert isinstance(config, MultiTaskConfig)
    output = predictor.module(torch.zeros(2, WINDOW, INPUTS))
    zero = config.losses(output, dict.fromkeys(config.targets, torch.zeros(2)))
    for name in config.targets:
        targets = dict.fromkeys(config.targets, torch.zeros(2)) | {name: torch.full((2,), 2.0)}
        changed = config.losses(output, targets)
        assert [task for task in zero if not torch.equal(zero[task], changed[task])] == [name]
    assert set(zero) | {"direction"} == set(TASKS)


def test_errors_name_the_rule() -> None:
    with pytest.raises(ValidationError, match=r"heads must divide the encoder's width 16; got 5"):
        MultiTaskConfig(context=8, encoder=CNN, heads=5)
    with pytest.raises(ValidationError, match=r"context must be longer than the farthest tap, 24 rows back"):
        MultiTaskConfig(context=20)
    with pytest.raises(ValidationError, match=r"weights must be left alone under weighting=kendall"):
        MultiTaskConfig(weights=TaskWeights(regime=2.0))
    with pytest.raises(ValidationError, match=r"greater than 0"):
        TaskWeights(regime=0.0)
