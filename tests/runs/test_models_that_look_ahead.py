"""Models of one's own that know what is to come, and what the leak search says of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from regimen.leakage import LeakReport
from regimen.records import RunConfig
from regimen.runs import find_run_leaks

from .conftest import silent

Configured = Callable[..., RunConfig]
ORACLES = """
from functools import cache

import numpy as np
import pandas as pd
import torch
from torch import nn

PATH = {path!r}
LAG = 5  # of the column return_5d, by which a row is found again


def ahead(close):
    return np.append(close[1:] / close[:-1] - 1.0, 0.0)


@cache
def prices(path):
    return pd.read_parquet(path)["close"].to_numpy()


class Honest:
    column = 1

    def get_params(self, deep=True):
        return {{}}

    def set_params(self, **params):
        return self

    def fit(self, X, y):
        self.classes_ = np.array([0, 1, 2])
        order = np.argsort(X[:, self.column])
        self.rows_, self.next_ = X[order, self.column], np.ones(len(X))
        return self

    def told(self, X):
        return np.sign(X[:, self.column])

    def predict_proba(self, X):
        up = self.told(X)
        return np.stack([up < 0, up == 0, up > 0], axis=1).astype(float)


class NextRow(Honest):
    '''It is given the rows of a span at once, in their order, and looks at the next one.'''

    def told(self, X):
        return np.sign(np.roll(X[:, self.column], -1))


class FileReader(Honest):
    '''It finds each row's bar in the file by its return of five bars, and looks up the return after it.'''

    def bars(self):
        return prices(PATH)

    def fit(self, X, y):
        super().fit(X, y)
        close = self.bars()
        past = np.full(len(close), np.nan)
        past[LAG:] = close[LAG:] / close[:-LAG] - 1.0
        self.mean_, self.deviation_ = np.nanmean(past), np.nanstd(past)
        self.past_, self.ahead_ = (past - self.mean_) / self.deviation_, ahead(close)
        return self

    def told(self, X):
        self.bars()
        return np.sign([self.ahead_[np.nanargmin(np.abs(self.past_ - value))] for value in X[:, self.column]])


class CopyReader(FileReader):
    def bars(self):
        return np.loadtxt(PATH + ".txt")


TABLE = ahead(pd.read_parquet(PATH)["close"].to_numpy())


class TableReader(FileReader):
    kept = TABLE

    def bars(self):
        return np.cumprod(1.0 + np.append(0.0, self.kept[:-1]))


class Net(nn.Module):
    '''A torch module that reads the bars in its forward.'''

    def __init__(self, inputs, classes):
        super().__init__()
        self.layer = nn.Linear(inputs, classes)

    def forward(self, x):
        close = pd.read_parquet(PATH)["close"].to_numpy()
        return self.layer(x) + float(ahead(close)[7])
"""


@pytest.fixture
def examined(configured: Configured, tmp_path: Path, market_file: Path) -> Callable[[str], LeakReport]:
    """Examines the small run with one of these models in it."""
    path = tmp_path / "oracles.py"
    path.write_text(ORACLES.format(path=str(market_file)))
    (tmp_path / "coin.parquet.txt").write_text("\n".join(str(100.0 + 0.01 * bar) for bar in range(900)))

    def examine(name: str) -> LeakReport:
        kind = "module" if name == "Net" else "estimator"
        training = "training={epochs: 1, batch_size: 64}" if name == "Net" else "training={}"
        model = f"model={{kind: {kind}, source: '{path}:{name}'}}"
        return find_run_leaks(configured(model, training, "splits={train: 400, test: 300}"), silent)

    return examine


def test_an_honest_one_passes_but_what_its_file_brings_is_named(examined: Callable[[str], LeakReport]) -> None:
    report = examined("Honest")
    assert report.passed
    assert [read.what for read in report.reads] == ["TABLE"]
    assert "model Honest: this code reads a table of 900 numbers, TABLE" in report.warnings[-1].sentence


def test_a_look_at_the_next_row_changes_with_the_future(examined: Callable[[str], LeakReport]) -> None:
    report = examined("NextRow")
    assert [(row.kind, row.name) for row in report.leaks] == [("policy", "exposure")]
    assert "policy exposure leaks: bar" in report.failures[0].sentence


@pytest.mark.parametrize("name", ["FileReader", pytest.param("Net", marks=pytest.mark.slow)])
def test_a_look_into_the_file_of_the_bars_is_named(
    name: str, examined: Callable[[str], LeakReport], market_file: Path
) -> None:
    report = examined(name)
    assert report.leaks == ()  # no poison of the bars in memory shows it
    assert not report.passed
    (failure,) = report.failures
    assert failure.sentence == (
        f"model {name} looks ahead: while it learns or decides it reads {market_file.resolve()}, which holds the bars "
        "that are still to come"
    )
    assert report.to_dict()["passed"] is False


def test_what_may_hold_the_future_is_named(examined: Callable[[str], LeakReport]) -> None:
    copied = examined("CopyReader")
    assert copied.passed
    assert [Path(read.what).name for read in copied.reads] == ["coin.parquet.txt", "TABLE"]
    assert "reads the file" in copied.reads[0].sentence
    kept = examined("TableReader")
    assert ("TABLE", 900) in [(read.what, read.numbers) for read in kept.reads]
