"""Spaces: what is a parameter of which trial, read from the typed configs, and refused before anything is trained."""

from __future__ import annotations

from typing import Any

import pytest

from regimen.errors import ConfigError
from regimen.predictors import LightGBMConfig
from regimen.runs.search.settings import SearchConfig
from regimen.runs.search.space import Space

BASE: dict[str, Any] = {"data": {"sample": "sp500"}, "model": {"kind": "baseline", "hidden": [8]}}
KINDS = {"model.kind": ["baseline", "logistic", "lightgbm"]}


def space_of(parameters: dict[str, Any], **sections: Any) -> Space:
    return Space(BASE | sections, SearchConfig(space=parameters).space)


def first(space: Space, **chosen: Any) -> dict[str, Any]:
    """The settings of a trial that gets the first value of everything, but of what is chosen here."""
    wanted = {name.replace("__", "."): value for name, value in chosen.items()}
    return space.drawn(lambda name, domain: wanted.get(name, domain.ends[0]))


def test_a_parameter_of_another_model_is_no_parameter_of_this_trial() -> None:
    space = space_of(
        {
            "training.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
            "model.num_leaves": {"low": 2, "high": 31},
            "model.hidden": [[32], [64, 64]],
            **KINDS,
        }
    )
    space.check()
    assert list(first(space, model__kind="baseline")) == ["model.kind", "training.learning_rate", "model.hidden"]
    assert list(first(space, model__kind="logistic")) == ["model.kind", "training.learning_rate"]
    assert list(first(space, model__kind="lightgbm")) == ["model.kind", "model.num_leaves"]


def test_a_trial_of_another_model_has_that_models_defaults_and_no_section_that_it_does_not_read() -> None:
    space = space_of(
        {**KINDS, "model.num_leaves": {"low": 2, "high": 31}}, training={"epochs": 7}, exposure={"scale": 2.0}
    )
    config = space.config({"model.kind": "lightgbm", "model.num_leaves": 31})
    assert config.model == LightGBMConfig(num_leaves=31)
    assert config.exposure.scale == 2.0
    assert space.config({"model.kind": "logistic"}).training.epochs == 7
    assert space.config({}).model.hidden == (8,)  # type: ignore[union-attr]


def test_when_says_with_which_other_values_there_is_a_parameter() -> None:
    space = space_of(
        {
            **KINDS,
            "model.dropout": {"when": {"model.kind": "baseline"}, "low": 0, "high": 0.5},
            "training.schedule": {"choices": ["constant", "cosine"]},
            "training.warmup_epochs": {
                "low": 1,
                "high": 3,
                "when": {"training.schedule": "cosine", "model.kind": ["baseline", "logistic"]},
            },
        }
    )
    space.check()
    assert "training.warmup_epochs" in first(space, training__schedule="cosine")
    assert "training.warmup_epochs" not in first(space, training__schedule="constant")
    assert "model.dropout" not in first(space, model__kind="logistic")


def test_the_typed_config_says_which_numbers_are_whole() -> None:
    space = space_of({**KINDS, "model.num_leaves": {"low": 2, "high": 31}, "model.dropout": {"low": 0, "high": 1e-1}})
    leaves = space.domain("model.num_leaves", {"model.kind": "lightgbm"})
    dropout = space.domain("model.dropout", {"model.kind": "baseline"})
    assert leaves is not None
    assert dropout is not None
    assert leaves.integer
    assert leaves.ends == (2, 31)
    assert not dropout.integer


def test_a_whole_section_can_be_a_choice() -> None:
    space = space_of({"preprocess": [[], [{"kind": "running"}]], "band": ["none", {"kind": "no_trade", "width": 0.2}]})
    space.check()
    config = space.config({"preprocess": [{"kind": "running"}], "band": {"kind": "no_trade", "width": 0.2}})
    assert config.preprocess[0].kind == "running"
    assert config.band is not None


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        (
            {"training.learning_rate": {"low": -1.0, "high": 1.0}},
            "search.space.training.learning_rate: .*greater than 0",
        ),
        ({"model.dropout": {"low": 0.0, "high": 1.5}}, "search.space.model.dropout"),
        ({"training.lerning_rate": {"low": 0.1, "high": 1.0}}, "did you mean 'training.learning_rate'"),
        ({**KINDS, "model.leaves": {"low": 1, "high": 3}}, "search.space.model.leaves: must be a key of the config"),
        ({"model.kind": ["baseline", "perceptron"]}, "search.space.model.kind: must be one of"),
        ({"market.costs.commission_bps": [0.0, 5.0]}, "market decides what every trial is measured by"),
        ({"seed": {"low": 0, "high": 9}}, "seed decides what every trial is measured by"),
        ({"labels.kind": ["fixed_horizon", "triple_barrier"]}, "a whole section with its kind as a choice"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_in_one_line(parameters: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        space_of(parameters).check()


@pytest.mark.parametrize(
    ("parameter", "line"),
    [
        ({"low": 1.0}, "must have low and high, or choices"),
        ({"low": 2.0, "high": 1.0}, "low below high"),
        ({"low": 0.0, "high": 1.0, "log": True}, "low above 0"),
        ({"low": 0.0, "high": 1.0, "choices": [1]}, "not both"),
        ([1, 2, 1], "each choice once"),
    ],
)
def test_a_parameter_has_one_form(parameter: Any, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        SearchConfig(space={"model.dropout": parameter})


def test_a_grid_has_every_combination_once_and_no_parameter_of_another_model() -> None:
    space = space_of(
        {
            **KINDS,
            "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True, "points": 3},
            "model.num_leaves": {"low": 4, "high": 6},
        }
    )
    grid = space.grid()
    assert len(grid) == 3 + 3 + 3
    assert len({repr(settings) for settings in grid}) == len(grid)
    assert [settings["model.num_leaves"] for settings in grid if settings["model.kind"] == "lightgbm"] == [4, 5, 6]
    rates = [settings["training.learning_rate"] for settings in grid if settings["model.kind"] == "logistic"]
    assert rates == pytest.approx([1e-4, 1e-3, 1e-2])
    assert (rates[0], rates[-1]) == (1e-4, 1e-2)
