"""`check_model` keeps silent about honest models and names what others break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regimen.errors import ConfigError, RegimenError
from regimen.testing import check_model

MODELS = '''
import numpy as np
import torch
from torch import nn

SEEN = []


class Honest:
    """Probabilities by the sign of one column."""

    def __init__(self, steep=1.0, random_state=None):
        self.steep, self.random_state = steep, random_state

    def get_params(self, deep=True):
        return {"steep": self.steep, "random_state": self.random_state}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y):
        self.classes_, self.shift_ = np.arange(3), float(X[:, 0].mean())
        return self

    def score(self, X):
        return X[:, 0] - self.shift_

    def predict_proba(self, X):
        up = 0.5 / (1.0 + np.exp(-self.steep * self.score(X)))
        return np.stack([0.5 - up, np.full(len(X), 0.5), up], axis=1)


class Weighted(Honest):
    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        self.shift_ = float(np.average(X[:, 0], weights=sample_weight))
        return self


class Unseeded(Honest):
    def fit(self, X, y):
        super().fit(X, y)
        self.shift_ = np.random.default_rng().normal()
        return self


class Remembers(Honest):
    """Each fit is shifted by the fits before it, of other data."""

    def fit(self, X, y):
        super().fit(X, y)
        key = float(X.sum())
        if key not in SEEN:
            SEEN.append(key)
        self.shift_ += len(SEEN)
        return self


class Forgets(Honest):
    """What it learns is not among what is kept of it, and it is another thing each time that it is fitted."""

    def __getstate__(self):
        raise TypeError("not kept")

    def fit(self, X, y):
        super().fit(X, y)
        SEEN.append(1)
        self.shift_ = len(SEEN)
        return self


class NextRow(Honest):
    def score(self, X):
        return np.roll(X[:, 0], -1)


class Overwrites(Honest):
    def predict_proba(self, X):
        X -= 1.0
        return super().predict_proba(X)


class Ignores(Honest):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y)


class Net(nn.Module):
    def __init__(self, inputs, classes, spoil=""):
        super().__init__()
        self.layer, self.spoil = nn.Linear(inputs, classes), spoil

    def forward(self, x):
        x = x[:, -1] if x.ndim == 3 else x
        if self.spoil == "mean":
            x = x - x.mean(dim=0)
        if self.spoil == "writes":
            x *= 0.5
        return self.layer(x)


def rule(observation, level=50.0):
    return 1.0 if observation["rsi_14"] > level else -1.0


def remembering(observation):
    SEEN.append(observation["rsi_14"])
    return (len(SEEN) % 7) / 7
'''
SEED, FRESH, LATER = "the same seed decides the same", "a fit knows nothing of", "no decision depends on later"
ROWS, GIVEN, WEIGHTS = "a row's answer does not depend", "what it is given stays as it was", "weights count"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of the models."""
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    return file


@pytest.mark.parametrize(
    ("name", "settings", "fields", "contracts"),
    [
        ("Honest", {"steep": 2.0}, {}, 6),
        ("Weighted", {}, {}, 7),
        ("Net", {}, {}, 6),
        ("Net", {}, {"context": 5}, 6),
        ("rule", {"level": 55.0}, {}, 4),
    ],
)
def test_an_honest_model_keeps_them_all(
    name: str, settings: dict[str, Any], fields: dict[str, Any], contracts: int, path: Path
) -> None:
    lines: list[str] = []
    check_model(f"{path}:{name}", settings, say=lines.append, **fields)
    assert len(lines) == contracts
    assert all(line.startswith("kept ") for line in lines)


@pytest.mark.parametrize(
    ("name", "settings", "broken"),
    [
        ("Unseeded", {}, [SEED]),
        ("remembering", {}, [SEED]),
        ("Remembers", {}, [FRESH]),
        ("NextRow", {}, [LATER, ROWS]),
        ("Overwrites", {}, [GIVEN]),
        ("Ignores", {}, [WEIGHTS]),
        ("Net", {"spoil": "mean"}, [ROWS]),
        ("Net", {"spoil": "writes"}, [GIVEN]),
    ],
)
def test_each_broken_contract_is_named(name: str, settings: dict[str, Any], broken: list[str], path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(RegimenError, match=r"model: must keep the contracts of a model, and breaks \d: ") as error:
        check_model(f"{path}:{name}", settings, say=lines.append)
    said = [line.removeprefix("broken").strip() for line in lines if line.startswith("broken")]
    assert len(said) >= len(broken)
    for contract in broken:
        assert any(line.startswith(contract) and ": " in line for line in said), (contract, said)
        assert contract in str(error.value)


def test_an_agent_keeps_those_of_all_models() -> None:
    lines: list[str] = []
    check_model(f"{Path(__file__).parents[1] / 'agents' / 'own_bins.py'}:Bins", say=lines.append)
    assert [line.split()[0] for line in lines] == ["kept"] * 4


def test_what_cannot_be_kept_is_one_line(path: Path) -> None:
    with pytest.raises(RegimenError, match=r"model: must answer as it did when it was written"):
        check_model(f"{path}:Forgets", say=lambda _line: None)


def test_what_cannot_be_made_is_one_line(path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"model\.settings\.width: is not a setting of Honest; it has steep, random_st"
    ):
        check_model(f"{path}:Honest", {"width": 3})
