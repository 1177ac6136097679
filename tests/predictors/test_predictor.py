"""Predictors: schema, saving, and errors of one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from regimen.errors import ConfigError, RunError
from regimen.predictors import BaselineConfig, LogisticConfig, TorchPredictor


def _rows(n: int = 20, inputs: int = 60) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, inputs)).astype(np.float32)


def test_default_baseline_has_16643_parameters_and_logistic_183() -> None:
    for config, count in ((BaselineConfig(), 16_643), (LogisticConfig(), 183)):
        assert sum(p.numel() for p in config.build().module.parameters()) == count


def test_the_seed_decides_the_weights_and_the_global_random_state_stays() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second, other = (BaselineConfig().build(seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    x = _rows()
    assert np.array_equal(first.predict_proba(x), second.predict_proba(x))
    assert not np.array_equal(first.predict_proba(x), other.predict_proba(x))


def test_every_field_of_the_configs_changes_the_model() -> None:
    x = _rows()

    def answer(config: BaselineConfig | LogisticConfig) -> np.ndarray:
        predictor = config.build()
        predictor.module.train()
        torch.manual_seed(0)
        return predictor.module(torch.from_numpy(x)).detach().numpy()

    plain = answer(BaselineConfig())
    changes = {"hidden": (128, 32), "dropout": 0.3, "activation": "gelu", "orthogonal": False}
    assert set(changes) == set(BaselineConfig.model_fields) - {"kind"}
    for name, value in changes.items():
        assert not np.array_equal(plain, answer(BaselineConfig(**{name: value}))), name
    assert not np.array_equal(answer(LogisticConfig()), answer(LogisticConfig(zero_start=False)))
    assert set(LogisticConfig.model_fields) == {"kind", "zero_start"}


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    predictor = BaselineConfig().build(7, 3)
    x = _rows(9, 7)
    logits = predictor.module(torch.from_numpy(x)).detach().double().numpy()
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    got = predictor.predict_proba(x)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, rtol=0, atol=1e-14)


def test_prediction_is_in_evaluation_mode_and_leaves_the_mode_alone() -> None:
    predictor = BaselineConfig(dropout=0.5).build(7, 3)
    x = _rows(9, 7)
    for training in (True, False):
        predictor.module.train(training)
        assert np.array_equal(predictor.predict_proba(x), predictor.predict_proba(x))
        assert predictor.module.training is training


def test_many_rows_are_predicted_in_blocks() -> None:
    predictor = BaselineConfig().build(4, 3)
    x = _rows(20_000, 4)
    whole = predictor.predict_proba(x)
    np.testing.assert_allclose(whole[19_000:], predictor.predict_proba(x[19_000:]), rtol=0, atol=1e-6)
    assert predictor.predict_proba(x[:0]).shape == (0, 3)


def test_wrong_width_is_one_line() -> None:
    with pytest.raises(RunError, match="must be rows of 60 columns; got \\(20, 59\\)"):
        BaselineConfig().build().predict_proba(_rows(20, 59))


def test_schema_is_saved_and_checked(tmp_path: Path) -> None:
    predictor = BaselineConfig().build(schema="abc123")
    predictor.save(tmp_path)
    assert TorchPredictor.load(tmp_path, schema="abc123").schema == "abc123"
    with pytest.raises(RunError, match="must have the schema abc123 that the model was trained on; got 'other'"):
        TorchPredictor.load(tmp_path, schema="other")
    with pytest.raises(RunError, match="schema abc123"):
        predictor.require_schema("other")


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        BaselineConfig().build(seed=3).save(tmp_path / name)
    for file in ("weights.safetensors", "predictor.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"weights.safetensors", "predictor.json"}


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    BaselineConfig().build(60).save(tmp_path / "a")
    BaselineConfig().build(61).save(tmp_path / "b")
    (tmp_path / "b" / "weights.safetensors").replace(tmp_path / "a" / "weights.safetensors")
    with pytest.raises(RunError, match=r"must belong to predictor\.json beside it"):
        TorchPredictor.load(tmp_path / "a")


def test_load_state_names_what_does_not_fit() -> None:
    predictor = BaselineConfig().build()
    state = predictor.state()
    state["head.bias"] = state["head.bias"][:2]
    with pytest.raises(RunError, match=r"weights: head\.bias: must be \(3,\) in this model; got \(2,\)"):
        predictor.load_state(state)
    del state["head.bias"]
    with pytest.raises(RunError, match=r"head\.bias.*got 'absent'"):
        predictor.load_state(state)


def test_state_is_a_copy() -> None:
    predictor = BaselineConfig().build()
    predictor.state()["head.bias"][:] = 9.0  # type: ignore[index]
    assert float(predictor.module.state_dict()["head.bias"].abs().max()) < 9.0


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("{", "must be a predictor's description"),
        ("[]", "must be a predictor's description"),
        (json.dumps({"config": {"kind": "oracle"}}), "must be a predictor's description"),
        (json.dumps({"config": {"kind": "logistic"}}), "must be a predictor's description"),
        (None, "must exist"),
    ],
)
def test_a_bad_description_is_one_line(tmp_path: Path, content: str | None, rule: str) -> None:
    LogisticConfig().build().save(tmp_path)
    path = tmp_path / "predictor.json"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(RunError, match=rule) as caught:
        TorchPredictor.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [{"hidden": ()}, {"hidden": (0,)}, {"dropout": 1.0}, {"activation": "x"}, {"y": 1}])
def test_impossible_configs_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BaselineConfig(**bad)  # type: ignore[arg-type]


def test_impossible_widths_are_refused() -> None:
    with pytest.raises(ConfigError, match="classes: must be at least 2; got 1"):
        LogisticConfig().build(classes=1)
    with pytest.raises(ConfigError, match="inputs: must be at least 1; got 0"):
        LogisticConfig().build(inputs=0)
