"""The loop: seams are used, steps are what they should be, errors are one line, torch is left as it was."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regimen.errors import ConfigError, DataError, RunError
from regimen.predictors import BaselineConfig, LogisticConfig
from regimen.training import Batch, Epoch, TrainingConfig, TrainingData, cross_entropy, fit

LOGISTIC = LogisticConfig()


def make_data(rows: int = 300, inputs: int = 5, validation: bool = True) -> TrainingData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, inputs)).astype(np.float32)
    y = (x[:, :3] + rng.gumbel(size=(rows, 3))).argmax(axis=1)
    cut = rows * 2 // 3
    if not validation:
        return TrainingData(x[:cut], y[:cut])
    return TrainingData(x[:cut], y[:cut], x[cut:], y[cut:])


def test_one_step_of_sgd_is_the_closed_form() -> None:
    # From zero weights p = 1/3, so dL/dW = mean (p - onehot) xᵀ; the first SGD step is -rate times that.
    data = make_data()
    config = TrainingConfig(
        epochs=1, batch_size=10_000, optimizer="sgd", learning_rate=0.1, gradient_clip=None, weight_decay=0.0
    )
    predictor = fit(LOGISTIC.build(5, 3), data, config).predictor
    onehot = np.eye(3)[data.y_train]
    gradient = (1 / 3 - onehot).T @ data.x_train / len(data.x_train)
    np.testing.assert_allclose(predictor.state()["head.weight"], -0.1 * gradient, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(predictor.state()["head.bias"], -0.1 * (1 / 3 - onehot).mean(0), rtol=1e-4, atol=1e-8)


def test_one_step_of_adamw_is_the_closed_form() -> None:
    # Adam's first step is rate · g/(|g| + eps); decoupled decay shrinks matrices by (1 - rate · decay) first.
    data = make_data()
    config = TrainingConfig(epochs=1, batch_size=10_000, learning_rate=0.1, gradient_clip=None, weight_decay=0.5)
    predictor = LogisticConfig(zero_start=False).build(5, 3)
    before = predictor.state()
    captured: list[Tensor] = []
    predictor.module.head.weight.register_hook(captured.append)  # type: ignore[union-attr]
    after = fit(predictor, data, config).predictor.state()
    step = 0.1 * np.sign(captured[0].numpy())
    np.testing.assert_allclose(after["head.weight"], before["head.weight"] * (1 - 0.05) - step, rtol=1e-4, atol=1e-5)
    moved = np.abs(after["head.bias"] - before["head.bias"])
    np.testing.assert_allclose(moved, 0.1, rtol=1e-3)  # biases do not decay


def test_gradient_clipping_really_clips() -> None:
    data = make_data()
    norms = {}
    for clip in (None, 0.01, 1e6):
        config = TrainingConfig(
            epochs=1,
            batch_size=10_000,
            optimizer="sgd",
            learning_rate=1.0,
            gradient_clip=clip,
            weight_decay=0.0,
        )
        state = fit(LOGISTIC.build(5, 3), data, config).predictor.state()
        norms[clip] = math.sqrt(sum(float((values**2).sum()) for values in state.values()))  # type: ignore[operator]
    assert norms[0.01] == pytest.approx(0.01, rel=1e-3)
    assert norms[None] == pytest.approx(norms[1e6])
    assert norms[None] > 0.1


def test_row_weights_are_used() -> None:
    # Rows of weight 0 might as well not be there.
    data = make_data()
    weights = (np.arange(len(data.x_train)) % 2).astype(np.float32)
    config = TrainingConfig(epochs=4, batch_size=10_000)
    weighted = TrainingData(data.x_train, data.y_train, data.x_val, data.y_val, weights)
    kept = weights > 0
    subset = TrainingData(data.x_train[kept], data.y_train[kept], data.x_val, data.y_val)
    first = fit(LOGISTIC.build(5, 3), weighted, config)
    second = fit(LOGISTIC.build(5, 3), subset, config)
    assert first.history[-1].train_loss == pytest.approx(second.history[-1].train_loss, rel=1e-5)
    np.testing.assert_allclose(
        first.predictor.state()["head.weight"], second.predictor.state()["head.weight"], rtol=1e-3, atol=1e-6
    )


def test_history_is_the_loss_of_the_rows() -> None:
    data = make_data()
    result = fit(LOGISTIC.build(5, 3), data, TrainingConfig(epochs=3, batch_size=10_000))
    assert result.history[0].train_loss == pytest.approx(math.log(3), rel=1e-6)  # zero weights
    assert data.x_val is not None
    probabilities = result.predictor.predict_proba(data.x_val)
    loss = -np.log(probabilities[np.arange(len(data.x_val)), data.y_val]).mean()
    assert result.history[result.best_epoch - 1].val_loss == pytest.approx(loss, rel=1e-6)


def test_the_three_seams_are_used() -> None:
    data = make_data()
    seen: dict[str, list[object]] = {"sampler": [], "transform": [], "objective": []}

    def sampler(history: Sequence[Epoch], generator: np.random.Generator) -> Sequence[np.ndarray]:
        seen["sampler"].append([epoch.epoch for epoch in history])
        assert isinstance(generator, np.random.Generator)
        return [np.array([0, 1, 2]), np.array([3, 3])]

    def transform(batch: Batch, generator: torch.Generator) -> Batch:
        seen["transform"].append(batch.x.numpy().copy())
        noise = torch.randn(batch.x.shape, generator=generator)
        return batch._replace(x=batch.x + noise)

    def objective(module: nn.Module, batch: Batch) -> Tensor:
        seen["objective"].append((module.training, torch.is_grad_enabled(), batch.x.numpy().copy()))
        return cross_entropy(module(batch.x), batch.y).mean()

    config = TrainingConfig(epochs=2)
    fit(LOGISTIC.build(5, 3), data, config, sampler=sampler, transform=transform, objective=objective)
    assert seen["sampler"] == [[], [1]]  # the epochs done
    np.testing.assert_array_equal(seen["transform"][0], data.x_train[:3])
    np.testing.assert_array_equal(seen["transform"][1], data.x_train[[3, 3]])
    assert [entry[:2] for entry in seen["objective"]] == [(True, True), (True, True), (False, False)] * 2  # type: ignore[index]
    noisy = [entry[2] for entry in seen["objective"]]  # type: ignore[index]
    assert not np.array_equal(noisy[0], data.x_train[:3])  # transformed
    np.testing.assert_array_equal(noisy[2], data.x_val)  # validation rows are not
    assert not np.array_equal(noisy[0] - data.x_train[:3], noisy[3] - data.x_train[:3])  # new draws each epoch


def test_an_objective_may_ask_for_the_gradient_of_its_inputs_on_validation_rows_too() -> None:
    data, norms = make_data(), []

    def objective(module: nn.Module, batch: Batch) -> Tensor:
        with torch.enable_grad():
            x = batch.x.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(cross_entropy(module(x), batch.y).sum(), x)
        norms.append((module.training, float(gradient.norm())))
        return cross_entropy(module(batch.x), batch.y).mean()

    fit(BaselineConfig().build(5, 3), data, TrainingConfig(epochs=1, batch_size=10_000), objective=objective)
    assert [training for training, _ in norms] == [True, False]
    assert all(norm > 0.0 for _, norm in norms)


def test_windows_over_a_series_are_not_copied() -> None:
    series = np.random.default_rng(0).normal(size=(500, 5)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(series, 8, axis=0).transpose(0, 2, 1)  # (n, 8, 5), read-only
    y = np.arange(len(windows)) % 3

    def objective(module: nn.Module, batch: Batch) -> Tensor:
        return cross_entropy(module(batch.x).mean(dim=1), batch.y).mean()

    result = fit(
        LOGISTIC.build(5, 3),
        TrainingData(windows, y),
        TrainingConfig(epochs=2, patience=None),
        objective=objective,
    )
    assert result.best_epoch == 2


def test_each_window_and_seed_has_its_own_order_and_a_repeat_has_the_same() -> None:
    data = make_data()

    def weights(seed: int, window: int) -> bytes:
        config = TrainingConfig(epochs=1, batch_size=16)
        return (
            fit(LOGISTIC.build(5, 3), data, config, seed=seed, window=window).predictor.state()["head.weight"].tobytes()
        )

    assert weights(1, 0) == weights(1, 0)
    assert len({weights(1, 0), weights(2, 0), weights(1, 1)}) == 3


def test_torch_is_left_as_it_was_even_after_an_error() -> None:
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    before = torch.get_rng_state()
    inside: list[bool] = []

    def stop(_: Epoch) -> None:
        inside.append(torch.are_deterministic_algorithms_enabled())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            BaselineConfig(dropout=0.2).build(5, 3),
            make_data(),
            TrainingConfig(threads=threads + 1),
            on_epoch=stop,
        )
    assert inside == [True]
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads
    assert torch.equal(before, torch.get_rng_state())


def test_a_loss_that_is_no_number_names_epoch_and_cause() -> None:
    config = TrainingConfig(epochs=50, optimizer="sgd", learning_rate=1e30, gradient_clip=None)
    with pytest.raises(
        RunError, match=r"loss, epoch \d+: must be a number.*learning_rate=1e\+30.*gradient_clip is off"
    ):
        fit(BaselineConfig().build(5, 3), make_data(), config)


def test_without_validation_rows_the_last_epoch_is_kept() -> None:
    data = make_data(validation=False)
    result = fit(LOGISTIC.build(5, 3), data, TrainingConfig(epochs=7, patience=None))
    assert result.best_epoch == 7
    assert all(epoch.val_loss is None for epoch in result.history)
    with pytest.raises(ConfigError, match=r"training\.patience: must be null where there are no validation rows"):
        fit(LOGISTIC.build(5, 3), data, TrainingConfig(epochs=7, patience=3))


def test_settings_that_would_be_ignored_are_refused() -> None:
    data = make_data()
    for given, config in (
        ({"objective": lambda module, batch: module(batch.x).sum()}, TrainingConfig(label_smoothing=0.1)),
        (
            {"objective": lambda module, batch: module(batch.x).sum()},
            TrainingConfig(class_weights="balanced"),
        ),
        ({"sampler": lambda _history, _generator: []}, TrainingConfig(sampler="balanced")),
        ({}, TrainingConfig(epochs=2, warmup_epochs=2)),
    ):
        with pytest.raises(ConfigError):
            fit(LOGISTIC.build(5, 3), data, config, **given)  # type: ignore[arg-type]


def test_a_seam_that_breaks_its_promise_is_refused() -> None:
    data, config, model = make_data(), TrainingConfig(epochs=1), LOGISTIC.build(5, 3)
    with pytest.raises(ValueError, match="one length"):
        fit(model, data, config, transform=lambda batch, _: batch._replace(y=batch.y[:-1]))
    with pytest.raises(ValueError, match="scalar"):
        fit(model, data, config, objective=lambda module, batch: module(batch.x).sum(dim=1))
    for batches in (
        [],
        [np.array([0, 200])],
        [np.array([-1])],
        [np.array([0.5])],
        [np.array([], dtype=np.int64)],
    ):
        with pytest.raises(DataError, match="sampler"):
            fit(model, data, config, sampler=lambda _history, _draws, batches=batches: batches)  # type: ignore[misc]


def test_cuda_without_a_device_is_one_line() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(ConfigError, match=r"training\.device: must be auto or cpu"):
        fit(LOGISTIC.build(5, 3), make_data(), TrainingConfig(device="cuda"))


def test_callback_sees_every_epoch_in_order() -> None:
    epochs: list[Epoch] = []
    result = fit(LOGISTIC.build(5, 3), make_data(), TrainingConfig(epochs=4), on_epoch=epochs.append)
    assert tuple(epochs) == result.history
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    assert all(epoch.seconds > 0 for epoch in epochs)
