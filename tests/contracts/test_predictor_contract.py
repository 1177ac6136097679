"""What every member of the unions of predictors and of trees keeps: a new one is covered by joining its union."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from regimen.predictors import ModuleConfig, PredictorConfig, TFTConfig, TorchPredictor, TreePredictor, TreesConfig
from regimen.training import TrainingConfig, TrainingData, fit
from regimen.windows import SeriesWindows

NETWORKS = get_args(get_args(PredictorConfig)[0])
TREES = get_args(get_args(TreesConfig)[0])
INPUTS = 12
BROUGHT: dict[Any, dict[str, Any]] = {
    ModuleConfig: {"source": "regimen.nets:MLP", "settings": {"hidden": [16]}},
    TFTConfig: {"horizons": (1,)},  # the calendar ahead of three would be all columns
}
"""What some configs need besides their defaults."""
SMALL = {"min_child_samples": 10, "min_child_weight": 2.0, "min_samples_leaf": 10, "n_estimators": 40}
"""What trees need on few rows."""


def _made(member: Any) -> Any:
    few = {name: value for name, value in SMALL.items() if member in TREES and name in member.model_fields}
    return member(**BROUGHT.get(member, few))


@pytest.fixture(params=(*NETWORKS, *TREES), ids=lambda member: member.__name__)
def config(request: pytest.FixtureRequest) -> Any:
    return _made(request.param)


@pytest.fixture(params=NETWORKS, ids=lambda member: member.__name__)
def network(request: pytest.FixtureRequest) -> Any:
    return _made(request.param)


def _rows(config: Any) -> TrainingData:
    """Rows, or windows over one series, whose class follows from the newest row; and targets that do too."""
    rng = np.random.default_rng(1)
    window = getattr(config, "context", 1)
    x = rng.normal(size=(600 + window - 1, INPUTS)).astype(np.float32)
    newest = x[window - 1 :]
    y = (newest @ rng.normal(size=(INPUTS, 3)) + rng.gumbel(size=(600, 3))).argmax(axis=1)
    names = getattr(config, "learned", ())
    columns = [np.abs(newest[:, k]) if name != "regime" else y for k, name in enumerate(names)]
    ends = np.arange(window - 1, len(x))
    parts: list[Any] = []
    for part in (slice(0, 400), slice(400, 600)):
        rows = SeriesWindows(x, ends[part], window) if window > 1 else newest[part]
        parts.append((rows, y[part], {name: column[part] for name, column in zip(names, columns, strict=True)}))
    (x_train, y_train, t_train), (x_val, y_val, t_val) = parts
    return TrainingData(x_train, y_train, x_val, y_val, targets_train=t_train, targets_val=t_val)


def _trained(config: Any, data: TrainingData | None = None) -> Any:
    data = data or _rows(config)
    predictor = config.build(INPUTS, seed=4, schema="s")
    if type(config) in TREES:
        predictor.fit(data.x_train, data.y_train, validation=(data.x_val, data.y_val))
        return predictor
    return fit(predictor, data, TrainingConfig(epochs=3, batch_size=64, learning_rate=1e-2)).predictor


_TRAINED: dict[type, Any] = {}


def _shared(config: Any) -> Any:
    """Returns what `_trained` does, trained once for all tests that do not change it."""
    if type(config) not in _TRAINED:
        _TRAINED[type(config)] = _trained(config)
    return _TRAINED[type(config)]


def _bytes(predictor: Any, folder: Path) -> dict[str, bytes]:
    predictor.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_unions_have_the_members_and_each_its_own_kind() -> None:
    kinds = [member.model_fields["kind"].default for member in (*NETWORKS, *TREES)]
    assert len(set(kinds)) == len(kinds) >= 2


def test_config_round_trip(config: Any) -> None:
    adapter: Any = TypeAdapter(TreesConfig if type(config) in TREES else PredictorConfig)
    assert adapter.validate_json(config.model_dump_json()) == config
    assert all(field.description for field in type(config).model_fields.values())


def test_training_is_deterministic(config: Any, tmp_path: Path) -> None:
    assert _bytes(_shared(config), tmp_path / "first") == _bytes(_trained(config), tmp_path / "second")


def test_save_and_load_keep_every_bit(config: Any, tmp_path: Path) -> None:
    predictor = _shared(config)
    predictor.save(tmp_path)
    loaded: Any = (TreePredictor if type(config) in TREES else TorchPredictor).load(tmp_path, schema="s")
    x = _rows(config).x_val
    assert x is not None
    assert loaded.config == config
    assert loaded.inputs == INPUTS
    assert np.array_equal(predictor.predict_proba(x), loaded.predict_proba(x))


def test_a_training_that_was_stopped_ends_with_the_same_bytes(network: Any, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(epoch: Any) -> None:
        if epoch.epoch == 2:
            raise Stop

    training = TrainingConfig(epochs=4, batch_size=64, schedule="plateau", plateau_patience=1, patience=None)
    whole = fit(network.build(INPUTS, 3, seed=4), _rows(network), training)
    with pytest.raises(Stop):
        fit(network.build(INPUTS, 3, seed=4), _rows(network), training, checkpoint=tmp_path, on_epoch=stop)
    resumed = fit(network.build(INPUTS, 3, seed=4), _rows(network), training, checkpoint=tmp_path)
    assert resumed.history == whole.history
    for name, values in whole.predictor.state().items():
        assert resumed.predictor.state()[name].tobytes() == values.tobytes()
        assert resumed.last[name].tobytes() == whole.last[name].tobytes()


def test_inputs_stay_as_they_were(config: Any) -> None:
    data = _rows(config)
    arrays = [
        part.series if isinstance(part, SeriesWindows) else part
        for part in (data.x_train, data.y_train, data.x_val, data.y_val)
    ]
    before = [array.copy() for array in arrays if array is not None]
    for array in arrays:
        assert array is not None
        array.flags.writeable = False
    _trained(config, data).predict_proba(data.x_train)
    for old, new in zip(before, arrays, strict=True):
        assert new is not None
        assert np.array_equal(old, new)


def test_a_batch_equals_its_items(config: Any) -> None:
    predictor = _shared(config)
    x = _rows(config).x_train[:50]
    batch = predictor.predict_proba(x)
    items = np.concatenate([predictor.predict_proba(row[None]) for row in x])
    np.testing.assert_array_equal(batch, items)


def test_a_row_with_nan_gives_nan_and_disturbs_no_other(config: Any) -> None:
    predictor = _shared(config)
    x = _rows(config).x_train[:20].copy()
    clean = predictor.predict_proba(x)
    x[7, ..., 3] = np.nan
    spoilt = predictor.predict_proba(x)
    assert np.isnan(spoilt[7]).all()
    assert np.array_equal(np.delete(clean, 7, axis=0), np.delete(spoilt, 7, axis=0))


def test_one_step_moves_every_trainable_parameter(network: Any) -> None:
    predictor = network.build(INPUTS, 3, seed=4)
    before = predictor.state()
    norms: dict[str, float] = {}

    def watch(name: str) -> Any:
        return lambda gradient: norms.__setitem__(name, float(gradient.abs().max()))

    for name, parameter in predictor.module.named_parameters():
        parameter.register_hook(watch(name))
    data = _rows(network)
    whole = TrainingConfig(epochs=1, batch_size=len(data.x_train), weight_decay=0.0)
    fit(predictor, data, whole)
    trainable = [name for name, parameter in predictor.module.named_parameters() if parameter.requires_grad]
    assert trainable
    for name in trainable:
        assert norms[name] > 0.0, name
        assert not np.array_equal(before[name], predictor.state()[name]), name
    assert all(parameter.grad is None for parameter in predictor.module.parameters())
    assert torch.is_grad_enabled()


def test_better_than_chance_on_learnable_rows(config: Any) -> None:
    data = _rows(config)
    assert data.x_val is not None
    assert data.y_val is not None
    share = (_shared(config).predict_proba(data.x_val).argmax(axis=1) == data.y_val).mean()
    assert share > 0.6
