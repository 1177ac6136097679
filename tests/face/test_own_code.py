"""Code of one's own from Python: functions and classes in the place of configs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import regimen as rg
from regimen.errors import ConfigError
from regimen.face.config import run_config
from regimen.labels import OwnLabelsConfig
from regimen.policies import FunctionConfig
from regimen.splits import OwnSplitsConfig, WalkForwardConfig

BINS = Path(__file__).parents[1] / "agents" / "own_bins.py"
HERE = Path(__file__)


def rule(observation: Any) -> Any:
    return np.sign(observation["return_20"])


def marks(bars: Any) -> Any:
    return bars, bars


def cuts(bars: Any, labels: Any) -> Any:
    yield bars, labels


def resolved(folder: Path, **sections: Any) -> Any:
    model = sections.pop("model", None)
    return run_config({"sample": "sp500"}, model, None, None, sections, folder)


@pytest.mark.parametrize("place", [False, True], ids=["objects", "places"])
def test_functions_or_their_places_are_sections(place: bool, tmp_path: Path) -> None:
    given = {"model": rule, "labels": marks, "splits": cuts}
    names = {"model": "rule", "labels": "marks", "splits": "cuts"}
    config = resolved(tmp_path, **({key: f"{HERE}:{name}" for key, name in names.items()} if place else given))
    assert isinstance(config.model, FunctionConfig)
    assert isinstance(config.labels, OwnLabelsConfig)
    assert isinstance(config.splits, OwnSplitsConfig)
    assert (config.model.name, config.labels.name, config.splits.name) == ("rule", "marks", "cuts")
    assert isinstance(resolved(tmp_path, splits="2y/3mo").splits, WalkForwardConfig)
    assert resolved(tmp_path, labels="triple_barrier").labels.kind == "triple_barrier"


def test_what_is_mistyped(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^labels: must name a file that exists; got 'nowhere\.py:marks'"):
        resolved(tmp_path, labels="nowhere.py:marks")
    with pytest.raises(ConfigError, match=r"^splits: must have a name at the top of its file"):
        resolved(tmp_path, splits=lambda bars, _: [bars])
    with pytest.raises(ConfigError, match=r"^labels\.kind: must be one of "):
        resolved(tmp_path, labels="tripel_barrier")


def test_an_agent_of_ones_own_is_proved() -> None:
    from tests.agents.own_bins import Bins

    named = rg.prove(f"{BINS}:Bins", "tomorrow", seeds=1, fast=True, progress=False)
    given = rg.prove(Bins, "tomorrow", seeds=1, fast=True, progress=False)
    assert named.met
    assert given.to_frame()["agent"].unique().tolist() == ["Bins"]
    assert given.to_frame()["score"].tolist() == named.to_frame()["score"].tolist()
