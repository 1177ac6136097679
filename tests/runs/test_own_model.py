"""Models of one's own in a run: known by their code and not by its folder, resumed, reproduced, traded again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError
from regimen.records import RunConfig, RunDirectory, choose_model, list_runs, load_config, read_json, write_report
from regimen.runs import backtest_run, find_run_leaks, reproduce_run, resume_run, start

from .conftest import silent

Configured = Callable[..., RunConfig]
CODE = """
import numpy as np
from torch import nn
from beside import SHARPNESS


class Net(nn.Module):
    def __init__(self, inputs, classes, width=4):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, classes))

    def forward(self, x):
        return self.layers(x)


class Centres:
    def __init__(self, sharpness=SHARPNESS):
        self.sharpness = sharpness

    def get_params(self, deep=True):
        return {"sharpness": self.sharpness}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        self.centres_ = np.stack([np.average(X[y == k], axis=0, weights=weights[y == k]) for k in self.classes_])

    def predict_proba(self, X):
        far = ((X[:, None] - self.centres_) ** 2).sum(axis=2)
        odds = np.exp(-self.sharpness * far)
        return odds / odds.sum(axis=1, keepdims=True)
"""
ESTIMATOR, MODULE = "model={{kind: estimator, source: '{}:Centres'}}", "model={{kind: module, source: '{}:Net'}}"


def brought(folder: Path) -> Path:
    """Writes the two files of one's own code into a folder; returns the one that is named."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.py").write_text(CODE)
    (folder / "beside.py").write_text("SHARPNESS = 1.0\n")
    return folder / "mine.py"


@pytest.fixture
def own(configured: Configured, tmp_path: Path) -> Callable[..., RunConfig]:
    """The small run with a model of one's own in it."""
    path = brought(tmp_path / "code")

    def make(model: str, *more: str) -> RunConfig:
        shorter = ("training={}",) if model is ESTIMATOR else ("training={epochs: 2, batch_size: 64}",)
        return configured(model.format(path), *shorter, "splits={train: 500, test: 250}", *more)

    return make


@pytest.mark.parametrize("model", [ESTIMATOR, MODULE], ids=["estimator", "module"])
def test_it_is_trained_judged_reproduced_and_traded_again(
    model: str, own: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = own(model, "tracking=tensorboard")
    directory, judgement = start(config, tmp_path / "runs", silent)
    assert sorted(path.name for path in (directory.path / "sources").iterdir()) == ["beside.py", "mine.py"]
    assert directory.manifest()["model"] == config.model.name  # type: ignore[union-attr]
    assert (directory.path / "figures" / "calibration.png").exists()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert reproduce_run(directory, silent).differing == ()
    _, again = backtest_run(directory, None, [], silent)
    assert again["rows"][0]["total_return"] == judgement["rows"][0]["total_return"]

    shutil.rmtree(tmp_path / "code")  # what is on record needs no code; what is computed anew does, and says so
    assert [(run["run"], run["status"]) for run in list_runs(tmp_path / "runs")] == [(directory.id, "finished")]
    write_report(directory)
    for act in (lambda: backtest_run(directory, None, [], silent), lambda: reproduce_run(directory, silent)):
        with pytest.raises(ConfigError, match=r"model\.source: must name a file that exists; got '.*mine\.py"):
            act()


def test_a_relative_place_counts_from_where_the_run_began(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought(tmp_path / "code")
    monkeypatch.chdir(tmp_path)
    chosen = choose_model("code/mine.py:Net", config_file, ["training.epochs=1"])
    assert chosen.config.name == "small-Net"
    directory, _ = start(chosen.config, tmp_path / "runs", silent)
    monkeypatch.chdir(tmp_path / "runs")
    assert reproduce_run(directory, silent).differing == ()


def test_a_trial_is_known_by_its_code_and_its_settings(configured: Configured, tmp_path: Path) -> None:
    here, there = brought(tmp_path / "here"), brought(tmp_path / "there")

    def hash_of(path: Path, *more: str) -> str:
        return configured(ESTIMATOR.format(path), "training={}", *more).hash

    first = hash_of(here)
    assert hash_of(there) == first
    assert hash_of(here, "model.settings.sharpness=2.0") != first
    assert configured(MODULE.format(here)).hash != configured(MODULE.format(here), "model.context=4").hash
    (there / ".." / "beside.py").resolve().write_text("SHARPNESS = 2.0\n")
    assert hash_of(there) != first


def test_code_that_changed_between_kill_and_resume_is_refused(own: Configured, tmp_path: Path) -> None:
    def killed(done: int, _total: int, _message: str) -> None:
        if done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(own(ESTIMATOR), tmp_path / "runs", killed)
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    directory = RunDirectory(folder)
    beside = tmp_path / "code" / "beside.py"
    beside.write_text("SHARPNESS = 3.0\n")
    with pytest.raises(
        ConfigError, match=r"model\.source: must be the code that the run was begun with, digest .* put"
    ):
        resume_run(directory, silent)
    beside.write_text("SHARPNESS = 1.0\n")
    resume_run(directory, silent)
    assert directory.status == "finished"
    assert reproduce_run(directory, silent).differing == ()


def test_an_estimator_reads_the_weights_and_nothing_else_of_the_training(own: Configured, tmp_path: Path) -> None:
    plain, weighted = own(ESTIMATOR), own(ESTIMATOR, "labels.weights.half_life=50")
    assert plain.hash != weighted.hash
    with pytest.raises(ConfigError, match=r"training is not read by a model of kind estimator: leave it out"):
        own(ESTIMATOR, "training.epochs=3")
    first, _ = start(plain, tmp_path / "runs", silent)
    second, _ = start(weighted, tmp_path / "runs", silent)
    exposures = [np.load(each.window(0) / "exposures.npy") for each in (first, second)]
    assert not np.array_equal(*exposures)
    assert read_json(first.window(0) / "history.json")["warnings"] == []


def test_one_file_serves_it_as_all_models(config_file: Path, tmp_path: Path) -> None:
    place = f"{brought(tmp_path / 'code')}:Centres"
    chosen = choose_model(place, config_file, ["model.settings.sharpness=0.5"])
    assert chosen.left_out == ("training",)
    assert chosen.config.model.settings == {"sharpness": 0.5}  # type: ignore[union-attr]
    written = tmp_path / "again.yaml"
    written.write_text(chosen.config.to_yaml())
    assert choose_model(place, written).config.model == chosen.config.model
    assert load_config(written) == chosen.config
    for override in ("training.epochs=3", "model.source=x.py:Y", "model.kind=module"):
        with pytest.raises(ConfigError, match=r"is not read by a model|must be left out with --model"):
            choose_model(place, config_file, [override])


def test_it_is_refused_before_any_data_are_read(own: Configured, tmp_path: Path) -> None:
    config = own(ESTIMATOR, "model.settings.sharp=1", f"data.path={os.devnull}.none")
    with pytest.raises(
        ConfigError, match=r"model\.settings\.sharp: is not a setting of Centres \(did you mean 'sharpn"
    ):
        start(config, tmp_path / "runs", silent)


def test_the_leak_search_finds_it_clean(own: Configured) -> None:
    report = find_run_leaks(own(ESTIMATOR, "splits={train: 500, test: 400}"), silent)
    assert report.leaks == ()
    assert {"model", "policy"} <= {row.kind for row in report.rows if row.read}


def test_a_module_that_fails_in_its_training_is_one_line(configured: Configured, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(CODE.replace("return self.layers(x)", "assert len(x) < 9, 'too many'; return self.layers(x)"))
    (tmp_path / "beside.py").write_text("SHARPNESS = 1.0\n")
    with pytest.raises(RunError, match=r"model: must not fail in its training \(AssertionError: too many\)"):
        start(configured(MODULE.format(path)), tmp_path / "runs", silent)
