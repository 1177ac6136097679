"""A search over a cheap objective: no training, so that a hundred trials take a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.runs.conftest import YAML, silent

from regimen.runs.search.evaluation import Item
from regimen.runs.search.result import TrialResult, TrialSeed
from regimen.runs.search.searching import Searching, begin
from regimen.runs.search.settings import SearchConfig
from regimen.runs.search.trials import HERE, Evaluate, run_trials

SPACE = {
    "model.kind": ["baseline", "logistic", "lightgbm"],
    "training.learning_rate": {"low": 1e-5, "high": 1.0, "log": True},
    "model.hidden": [[8], [16, 16]],
    "model.num_leaves": {"low": 2, "high": 64},
}


@pytest.fixture
def values(market_file: Path) -> dict[str, Any]:
    """The values of the small run's file: half of its bars before the first test span."""
    own: dict[str, Any] = yaml.safe_load(YAML.format(path=market_file))
    return own | {"splits": {"train": 500, "test": 150}, "tracking": "none"}


@pytest.fixture
def begun(values: dict[str, Any], tmp_path: Path) -> Callable[..., Searching]:
    """Begins a search over the small run."""

    def start(root: str = "runs", resume: bool = False, **section: Any) -> Searching:
        search = SearchConfig(**{"space": SPACE, **section})
        return begin(values, search, tmp_path / root, resume=resume)

    return start


def scored(score: Callable[[Item], float]) -> Evaluate:
    """Returns an evaluation without any training."""

    def evaluation(item: Item, _report: object = None) -> TrialResult:
        value = score(item)
        return TrialResult(dict.fromkeys(item.objectives, value), (TrialSeed(item.config.seed, 100, value, value),))

    return evaluation


def searched(searching: Searching, total: int, evaluation: Evaluate) -> Searching:
    run_trials(searching, total, silent, HERE, evaluation)
    return searching
