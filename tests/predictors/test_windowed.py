"""Networks over a context that is normalised by itself: as predictors, on disk, and under their former names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from regimen.predictors import CNNConfig, HybridConfig, LSTMConfig, TorchPredictor
from regimen.training import TrainingConfig, TrainingData, fit
from regimen.training.recipes import PGDConfig

SMALL: dict[str, dict[str, Any]] = {
    "cnn": {"width": 8, "heads": 2, "kernels": (2, 3), "dilations": (1, 2)},
    "lstm": {"width": 8, "heads": 2, "layers": 1},
    "hybrid": {"width": 8, "heads": 2, "kernels": (2, 3), "dilations": (1, 2), "members": 2},
}
CONFIGS: dict[str, Any] = {"cnn": CNNConfig, "lstm": LSTMConfig, "hybrid": HybridConfig}


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("normalise", ["revin", "fan"])
def test_one_window_has_the_bits_that_it_has_among_many_and_after_loading(
    kind: str, normalise: str, tmp_path: Path
) -> None:
    config = CONFIGS[kind](context=12, normalise=normalise, **SMALL[kind])
    predictor = config.build(4, 3)
    x = np.random.default_rng(0).normal(5.0, 2.0, (70, 12, 4)).astype(np.float32)
    many = predictor.predict(x)
    for name, values in many.items():
        np.testing.assert_array_equal(predictor.predict(x[41:42])[name][0], values[41])
    predictor.save(tmp_path)
    again = TorchPredictor.load(tmp_path)
    assert again.config == config
    np.testing.assert_array_equal(again.predict_proba(x), many["probabilities"])
    plain = CONFIGS[kind](context=12, **SMALL[kind]).build(4, 3)
    assert not np.allclose(plain.predict_proba(x), many["probabilities"], atol=1e-4)


@pytest.mark.parametrize("kind", CONFIGS)
def test_without_it_a_config_is_written_as_before_there_was_any(kind: str) -> None:
    assert not {"normalise", "frequencies"} & set(CONFIGS[kind]().model_dump())
    assert CONFIGS[kind](normalise="fan", frequencies=16).model_dump()["frequencies"] == 16


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"normalise": "fan", "frequencies": 17}, "frequencies must be at most half of the context 32; got 17"),
        ({"normalise": "revin", "frequencies": 2}, "frequencies is read under normalise=fan only: leave it out; got 2"),
        ({"normalise": "wavelet"}, "Input should be 'none', 'revin' or 'fan'"),
    ],
)
def test_what_does_not_fit_is_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CNNConfig(**words)


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("normalise", ["revin", "fan"])
def test_every_weight_learns_under_an_attack_and_the_training_is_the_same_again(kind: str, normalise: str) -> None:
    random = np.random.default_rng(0)
    x, back = random.normal(3.0, 2.0, (96, 8, 3)).astype(np.float32), random.normal(size=96)
    data = TrainingData(x, np.digitize(x[:, -1, 0], [2.0, 4.0]), targets_train={"return": back})
    small = {name: (1,) if name == "dilations" else value for name, value in SMALL[kind].items()}
    config = CONFIGS[kind](context=8, normalise=normalise, **small)
    training = TrainingConfig(
        epochs=2, batch_size=32, learning_rate=1e-2, patience=None, recipes=(PGDConfig(epsilon=0.1, steps=1),)
    )
    first, again = (fit(config.build(3, 3), data, training, seed=1) for _ in range(2))
    begun = config.build(3, 3).state()
    for name, values in first.last.items():
        assert not np.array_equal(values, begun[name]), f"{name} was not learned"
        np.testing.assert_array_equal(values, again.last[name])
