"""Windows that begin from the weights of the one before, and models that trade several test spans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from tests.runs.conftest import YAML, silent, simulated

from regimen.predictors import TorchPredictor
from regimen.records import RunConfig, RunDirectory, load_config
from regimen.runs import start

FEW = ("splits.train=200", "splits.test=60", "splits.embargo=4", "tracking=none")
"""Four test spans of 60 bars behind the first 200 of 420."""
NOTHING_LEARNED = ("training.epochs=1", "training.learning_rate=1e-12", "training.schedule=constant")


def config_of(folder: Path, *overrides: str) -> RunConfig:
    path = folder / "coin.parquet"
    simulated(420).to_parquet(path)
    (folder / "small.yaml").write_text(YAML.format(path=path))
    return load_config(folder / "small.yaml", [*FEW, *overrides])


def weights(run: RunDirectory, window: int) -> np.ndarray:
    state = TorchPredictor.load(run.window(window) / "model", schema=run.manifest()["features_hash"]).state()
    return np.concatenate([np.ravel(array) for name, array in sorted(state.items()) if "num_batches" not in name])


def test_a_warm_start_begins_from_the_weights_of_the_window_before(tmp_path: Path) -> None:
    cold = start(config_of(tmp_path, *NOTHING_LEARNED), tmp_path / "runs", silent)[0]
    warm = start(config_of(tmp_path, *NOTHING_LEARNED, "splits.warm_start=true"), tmp_path / "runs", silent)[0]
    np.testing.assert_array_equal(weights(cold, 0), weights(warm, 0))
    for window in (1, 2, 3):  # a training that learns nothing leaves what it began from
        np.testing.assert_allclose(weights(warm, window), weights(warm, 0), atol=1e-6)
    assert cold.config().hash != warm.config().hash


def test_a_warm_start_that_learns_goes_on_learning(tmp_path: Path) -> None:
    run = start(config_of(tmp_path, "training.epochs=2", "splits.warm_start=true"), tmp_path / "runs", silent)[0]
    moved = [float(np.abs(weights(run, window) - weights(run, window - 1)).max()) for window in (1, 2, 3)]
    assert min(moved) > 1e-4


def test_only_a_net_goes_on_from_weights() -> None:
    words = "splits.warm_start must be false with a model of kind forest: only a net goes on from weights; got true"
    with pytest.raises(ValidationError) as caught:
        RunConfig.model_validate(
            {"data": {"path": "x.csv"}, "model": {"kind": "forest"}, "splits": {"warm_start": True}}
        )
    assert words in str(caught.value)


def test_what_is_as_before_leaves_hash_and_yaml_as_before(tmp_path: Path) -> None:
    before = config_of(tmp_path)
    same = config_of(tmp_path, "splits.retrain_every=1", "splits.warm_start=false")
    assert (same.hash, same.to_yaml()) == (before.hash, before.to_yaml())
    assert "retrain_every" not in before.to_yaml()
    assert config_of(tmp_path, "splits.retrain_every=2").hash != before.hash


def test_one_model_trades_as_many_test_spans_as_it_is_told(tmp_path: Path) -> None:
    run = start(config_of(tmp_path, "splits.retrain_every=3", "training.epochs=1"), tmp_path / "runs", silent)[0]
    assert [each["test"] for each in run.manifest()["windows"]] == [[200, 380], [380, 420]]
