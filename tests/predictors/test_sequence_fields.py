"""Every field of the sequence predictors acts: changing it changes the weights after a short training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from regimen.nets import Forecast
from regimen.predictors import CNNConfig, HybridConfig, LSTMConfig
from regimen.training import TrainingConfig, TrainingData, fit

INPUTS, WINDOW = 4, 8
SHAPE: dict[str, Any] = {"context": WINDOW, "width": 8, "heads": 2}
SCALES: dict[str, Any] = {"kernels": (3,), "dilations": (1, 2)}
CASES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "cnn": (
        CNNConfig,
        {**SHAPE, **SCALES},
        {"context": 6, "width": 12, "heads": 4, "kernels": (2,), "dilations": (2, 1), "dropout": 0.5},
    ),
    "lstm": (
        LSTMConfig,
        {**SHAPE, "layers": 1},
        {"context": 6, "width": 12, "heads": 4, "layers": 2, "bidirectional": True, "dropout": 0.5},
    ),
    "hybrid": (
        HybridConfig,
        {**SHAPE, **SCALES},
        {
            **{"context": 6, "width": 12, "heads": 4, "kernels": (2,), "dilations": (2, 1), "dropout": 0.5},
            **{"layers": 2, "members": 2, "return_weight": 2.0, "beta": 0.0, "target_limit": 0.5},
        },
    ),
}
NORMALISED: tuple[dict[str, Any], ...] = (
    {"normalise": "revin"},
    {"normalise": "fan"},
    {"normalise": "fan", "frequencies": 3},
)


def trained(config: Any) -> tuple[bytes, ...]:
    """Every weight after three steps."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, WINDOW, INPUTS)).astype(np.float32)
    y, returns = rng.integers(0, 3, 96), rng.normal(size=96)
    data = TrainingData(
        x[:, -config.context :], y, targets_train={"return": returns} if config.kind == "hybrid" else {}
    )
    predictor = config.build(INPUTS, 3)
    fit(predictor, data, TrainingConfig(epochs=1, batch_size=32, patience=None))
    return tuple(values.tobytes() for values in predictor.state().values())


def test_a_return_beyond_the_limit_counts_as_the_limit() -> None:
    forecast = Forecast(torch.zeros(2, 3), torch.zeros(2), torch.zeros(2))
    cut, whole = (
        HybridConfig(beta=0.0, target_limit=limit).losses(forecast, {"return": torch.tensor([180.0, -12.0])})["return"]
        for limit in (10.0, None)
    )
    torch.testing.assert_close(cut, torch.tensor([50.0, 50.0]))  # y²/2
    torch.testing.assert_close(whole, torch.tensor([16_200.0, 72.0]))


@pytest.mark.parametrize("kind", CASES)
def test_every_field_of_a_sequence_model_changes_its_training(kind: str) -> None:
    make, start, changes = CASES[kind]
    plain = trained(make(**start))
    assert plain == trained(make(**start))
    assert set(changes) | {"normalise", "frequencies"} == set(make.model_fields) - {"kind"}
    for name, value in changes.items():
        assert trained(make(**{**start, name: value})) != plain, name
    normalised = {trained(make(**start, **words)) for words in NORMALISED}
    assert len(normalised | {plain}) == len(NORMALISED) + 1


def test_the_loss_of_the_hybrid_by_hand() -> None:
    # Two rows: y - mean is 1 and 2, the variances are 1 and 4.
    output = Forecast(torch.zeros(2, 3), torch.tensor([0.0, 1.0]), torch.tensor([0.0, math.log(4.0)]))
    targets = {"return": torch.tensor([1.0, 3.0])}
    likelihood = [0.5 * 1.0, 0.5 * 4.0 / 4.0 + 0.5 * math.log(4.0)]
    plain, weighed = HybridConfig(beta=0.0), HybridConfig(beta=0.5, return_weight=3.0)
    np.testing.assert_allclose(plain.losses(output, targets)["return"], likelihood, rtol=1e-6)
    by_sigma = [likelihood[0] * 1.0, likelihood[1] * 2.0]  # σ^2β = σ
    np.testing.assert_allclose(weighed.losses(output, targets)["return"], by_sigma, rtol=1e-6)
    parts = {"direction": torch.tensor(1.1), "return": torch.tensor(0.5)}
    assert float(weighed.combine(torch.nn.Identity(), parts)) == pytest.approx(1.1 + 3.0 * 0.5)


def test_what_a_deep_ensemble_says_is_its_mixture() -> None:
    config = HybridConfig(**SHAPE, **SCALES, members=3)
    predictor = config.build(INPUTS, 3, seed=4)
    x = np.random.default_rng(1).normal(size=(5, WINDOW, INPUTS)).astype(np.float32)
    said = predictor.predict(x)
    predictor.module.eval()
    with torch.inference_mode():
        output: Any = predictor.module(torch.from_numpy(x))
    mean, variance = output.mean.double().numpy(), output.log_variance.double().exp().numpy()
    assert mean.shape == (5, 3)
    np.testing.assert_allclose(said["mean"], mean.mean(1), rtol=1e-5, atol=1e-6)
    spread = np.sqrt(variance.mean(1) + mean.var(1))
    np.testing.assert_allclose(said["deviation"], spread, rtol=1e-5)
    each = torch.softmax(output.logits.double(), -1).numpy()
    np.testing.assert_allclose(said["probabilities"], each.mean(1), rtol=1e-6)
