"""`regimen train --model FILE.py:NAME`: what works, and the one line of what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import CONFIG, called

CODE = """
import numpy as np


class Prior:
    '''The shares of the classes, whatever the features say.'''

    def __init__(self, weight=1.0):
        self.weight = weight

    def get_params(self, deep=True):
        return {"weight": self.weight}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.share_ = counts / counts.sum()
        return self

    def predict_proba(self, X):
        return np.repeat(self.share_[None], len(X), axis=0)


class Regressor:
    def get_params(self, deep=True):
        return {}

    def fit(self, X, y):
        return self


NUMBER = 7
"""


@pytest.fixture
def config(tmp_path: Path, market: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The YAML file of a small run, in the working folder, beside one's own code."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG.format(path=market))
    return path


def test_it_is_trained_with_the_config_of_all_models(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("train", config, "--model", "mine.py:Prior", "model.settings.weight=2", "--json") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["verdict"]
    assert "left out what estimator does not read: training\n" in shown.err
    assert called("runs", "list", "--json") == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["name"], run["model"]) == ("tiny-Prior", "Prior")


def test_a_dry_run_writes_its_place_its_digest_and_its_settings(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", "mine.py:Prior", "model.settings={weight: 3}", "--dry-run", "--json"]
    assert called("train", config, *words) == 0
    model = json.loads(capsys.readouterr().out)["model"]
    assert (model["kind"], model["source"], model["settings"]) == ("estimator", "mine.py:Prior", {"weight": 3})
    assert len(model["digest"]) == 16


@pytest.mark.parametrize(
    ("name", "words", "line"),
    [
        ("mine.py", [], "--model: must be 'path/to/file.py:NAME' or 'package.module:NAME'; got 'mine.py'"),
        ("mine.py:", [], "--model: must be 'path/to/file.py:NAME'"),
        ("none.py:Prior", [], "--model: must name a file that exists; got 'none.py:Prior'"),
        ("mine.py:Pior", [], "--model: must name something that mine.py defines"),
        ("no_package:Prior", [], "--model: must name a module that can be imported"),
        ("broken.py:Prior", [], "--model: must be a file that runs (ModuleNotFoundError: No module named 'nothing_of"),
        ("mine.py:NUMBER", [], "model: must be a torch module's class, a class with scikit-learn's methods"),
        ("mine.py:Regressor", [], "model.source: must have scikit-learn's methods, but Regressor has no predict_proba"),
        ("mine.py:Prior", ["model.settings.wieght=1"], "is not a setting of Prior (did you mean 'weight'?); got 1"),
        ("mine.py:Prior", ["model.setings.weight=1"], "model.setings: is not a known key (did you mean 'settings'?)"),
        ("mine.py:Prior", ["model.settings=3"], "model.settings: must be a"),
        ("mine.py:Prior", ["training.epochs=3"], "training.epochs: is not read by a model of kind estimator"),
        ("mine.py:Prior", ["model.digest=abcdef0123456789"], "model.source: must be the code that the run was begun"),
        ("prior", [], "momentum, ensemble, meta, ppo-lstm, or FILE.py:NAME of your own"),
    ],
)
def test_a_mistake_is_one_line(
    name: str, words: list[str], line: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("train", config, "--model", name, *words) == 2
    shown = capsys.readouterr().err.splitlines()
    assert [each for each in shown if not each.startswith((str(config), "["))] == shown[-1:]  # [0/1]: it was slow
    assert line in shown[-1]
    assert not (config.parent / "runs").exists() or not list((config.parent / "runs").glob("*/manifest.json"))
