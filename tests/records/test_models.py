"""What the user brings becomes a config of the kind that it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from regimen.agents import OwnAgentConfig
from regimen.errors import ConfigError
from regimen.policies import FunctionConfig
from regimen.predictors import EstimatorConfig, ModuleConfig
from regimen.records import own_model
from regimen.records.models import model_configs, model_title

OWN = """
from torch import nn


class Net(nn.Module):
    def __init__(self, inputs, classes, width=4):
        super().__init__()


def network(inputs, classes, width=4):
    return Net(inputs, classes)


def estimator(C=1.0):
    return None


def rule(observation, cut=1.0):
    return 0.0


class Learner:
    def learn(self, env, steps, report):
        pass


class Nothing:
    pass
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    """The path of a file of one's own."""
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    return str(path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Net", ModuleConfig),
        ("network", ModuleConfig),
        ("estimator", EstimatorConfig),
        ("rule", FunctionConfig),
        ("Learner", OwnAgentConfig),
    ],
)
def test_a_place_is_known_by_what_is_there(name: str, kind: type, own: str) -> None:
    config = own_model(f"{own}:{name}", {"any": 1})
    assert type(config) is kind
    assert (config.source, config.settings) == (f"{own}:{name}", {"any": 1})  # type: ignore[attr-defined]
    assert model_title(config) == name  # type: ignore[arg-type]


def test_an_estimator_in_memory_brings_the_settings_that_it_was_given(tmp_path: Path) -> None:
    config = own_model(LogisticRegression(C=0.1, class_weight="balanced"), {"max_iter": 7})
    assert config == own_model(
        "sklearn.linear_model._logistic:LogisticRegression", {"C": 0.1, "class_weight": "balanced", "max_iter": 7}
    )
    network = own_model(MLPClassifier(hidden_layer_sizes=(8, 4)), folder=tmp_path)
    assert network.settings == {"hidden_layer_sizes": [8, 4]}  # type: ignore[attr-defined]
    assert own_model(RandomForestClassifier).settings == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(with_mean=False), LogisticRegression(C=0.1)),
        LogisticRegression(class_weight={0: 2.0, 1: 1.0, 2: 1.0}),  # whose keys a config would make texts of
    ],
)
def test_what_is_not_plain_is_written_into_a_file(model: Any, tmp_path: Path) -> None:
    config = own_model(model, folder=tmp_path)
    assert isinstance(config, EstimatorConfig)
    assert config.settings == {}
    assert repr(config.load("model.source")()) == repr(model)
    assert callable(config.unfitted().predict_proba)
    assert own_model(model, folder=tmp_path) == config  # the same object is the same file
    assert len(list(tmp_path.glob("*.py"))) == 1


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (
            LogisticRegression(C=float("nan")),
            r"model: must show itself as what makes it; put a function that ret",
        ),
        (
            nn.Linear(2, 3),
            r"model: must be a class, a function or an estimator; give the class Linear and its settings",
        ),
        ("{own}:Nothing", r"model: must be a torch module's class, a class with scikit-learn's methods, an agent's"),
        ("{own}:Else", r"model\.source: must name something that .*mine\.py defines"),
        ("else.py:Net", r"model\.source: must name a file that exists; got 'else\.py:Net'"),
        (lambda: None, r"must have a name at the top of its file or of the notebook; got '<lambda>'"),
    ],
)
def test_what_cannot_be_brought_is_one_line(model: Any, line: str, own: str) -> None:
    with pytest.raises(ConfigError, match=line) as error:
        own_model(model.format(own=own) if isinstance(model, str) else model, folder=Path(own).parent)
    assert "\n" not in str(error.value)


def test_models_of_the_house_have_names_and_those_of_ones_own_have_places() -> None:
    assert {"estimator", "module", "function", "own-agent"}.isdisjoint(model_configs())
