"""Torch modules of one's own: trained like those of the house, or refused in one line before the training starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.predictors import ModuleConfig, TorchPredictor

NETS = '''
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, inputs, classes, width=4, spoil=""):
        super().__init__()
        self.layer, self.head, self.spoil = nn.Linear(inputs, width), nn.Linear(width, classes), spoil

    def forward(self, x):
        if self.spoil == "fails":
            raise RuntimeError("no such thing")
        logits = self.head(torch.relu(self.layer(x)))
        return {"shape": logits[:, :2], "nan": logits * torch.nan, "tuple": (logits, 1)}.get(self.spoil, logits)


def last_row(inputs, classes, width=4):
    """A function that makes a module, of windows: it looks at the newest row."""
    return nn.Sequential(Newest(), Net(inputs, classes, width))


class Newest(nn.Module):
    def forward(self, x):
        return x[:, -1]


def nothing(inputs, classes):
    return "text"


def frozen(inputs, classes):
    return nn.Flatten()
'''


@pytest.fixture
def nets(tmp_path: Path) -> str:
    """The path of a file of one's own modules."""
    path = tmp_path / "own_nets.py"
    path.write_text(NETS)
    return str(path)


def test_it_is_built_from_a_seed_saved_and_read(nets: str, tmp_path: Path) -> None:
    config = ModuleConfig(source=f"{nets}:Net", settings={"width": 8})
    predictor = config.build(5, seed=2)
    assert predictor.module.layer.out_features == 8  # type: ignore[union-attr]
    x = np.random.default_rng(0).normal(size=(7, 5))
    assert np.array_equal(predictor.predict_proba(x), config.build(5, seed=2).predict_proba(x))
    predictor.save(tmp_path / "model")
    with pytest.raises(ConfigError, match=r"model\.source: must name a file that exists; got 'own_nets\.py:Net'"):
        TorchPredictor.load(tmp_path / "model")
    again = TorchPredictor.load(tmp_path / "model", source=f"{nets}:Net")
    assert np.array_equal(predictor.predict_proba(x), again.predict_proba(x))


def test_a_function_makes_one_of_windows(nets: str) -> None:
    predictor = ModuleConfig(source=f"{nets}:last_row", context=6).build(5)
    assert predictor.context == 6
    assert predictor.predict_proba(np.zeros((3, 6, 5))).shape == (3, 3)


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        (
            "Net",
            {"spoil": "shape"},
            r"must return logits of shape \(n, classes\), \(4, 3\) for rows of shape \(4, 5\); g",
        ),
        ("Net", {"spoil": "nan"}, "must return finite logits for rows that are finite"),
        ("Net", {"spoil": "tuple"}, "must return a tensor of logits; got 'tuple'"),
        ("Net", {"spoil": "fails"}, r"must take rows of shape \(4, 5\), but its forward fails \(RuntimeError: no such"),
        ("Net", {"wdth": 3}, r"model\.settings\.wdth: is not a setting of Net \(did you mean 'width'\?\); got 3"),
        ("Net", {"width": -1}, r"model\.settings: must suit Net, which fails with them \(RuntimeError: "),
        ("nothing", {}, r"model\.source: must make a torch\.nn\.Module; got 'str'"),
        ("frozen", {}, "must make a module with parameters that learn"),
        ("Newest", {}, r"must suit Newest, which fails with them \(TypeError: Newest\.__init__\(\) takes 1 pos"),
        ("Other", {}, "must name something that .*own_nets.py defines"),
    ],
)
def test_what_cannot_be_trained_is_one_line(name: str, settings: dict[str, Any], line: str, nets: str) -> None:
    with pytest.raises(ConfigError, match=line) as error:
        ModuleConfig(source=f"{nets}:{name}", settings=settings).build(5)
    assert "\n" not in str(error.value)
