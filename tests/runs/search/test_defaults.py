"""The space that a model has where its file gives none."""

from __future__ import annotations

import pytest

from regimen.errors import ConfigError
from regimen.records import RunConfig, resolve, with_kind
from regimen.records.models.named import model_configs
from regimen.runs.search.defaults import default_space
from regimen.runs.search.space import Space

WITHOUT = {"ensemble", "meta", "sb3"}
NAMES = sorted(set(model_configs()) - WITHOUT)


def config_of(kind: str) -> RunConfig:
    return resolve({"data": {"sample": "sp500"}, "model": {"kind": kind}})


@pytest.mark.parametrize("name", NAMES)
def test_every_model_has_a_small_space_that_its_typed_config_takes(name: str) -> None:
    kind = model_configs()[name].model_fields["kind"].default
    values = with_kind({"data": {"sample": "sp500"}}, kind)
    parameters = default_space(resolve(values))
    assert 1 <= len(parameters) <= 6
    Space(values, parameters).check()


def test_a_range_goes_from_a_quarter_to_four_times_inside_the_bounds() -> None:
    space = default_space(config_of("lightgbm"))
    assert (space["model.learning_rate"].low, space["model.learning_rate"].high) == (0.005, 0.08)
    assert (space["model.num_leaves"].low, space["model.num_leaves"].high) == (3, 60)
    assert space["model.colsample_bytree"].high == 1.0  # four times .3 is beyond its bound
    assert default_space(config_of("baseline"))["model.dropout"].high == 0.5


def test_a_model_without_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"search\.space: must be given for a model of kind sb3"):
        default_space(resolve({"data": {"sample": "sp500"}, "model": {"kind": "sb3", "algorithm": "PPO"}}))
