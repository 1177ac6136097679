"""Who proposes: the same seed gives the same trials, also after a process was killed between two values of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest

from regimen.runs.search.searching import Searching

from .conftest import scored, searched

Begun = Callable[..., Searching]


def proposed(searching: Searching) -> list[dict[str, Any]]:
    return [dict(trial.settings) for trial in searching.study.trials()]


@pytest.mark.parametrize(
    "sampler", ["tpe", *(pytest.param(each, marks=pytest.mark.slow) for each in ("random", "grid"))]
)
def test_the_same_seed_proposes_the_same_trials(begun: Begun, sampler: str) -> None:
    score = scored(lambda item: -abs(getattr(item.config.training, "learning_rate", 1.0) - 0.01))
    first = searched(begun("one", sampler=sampler), 12, score)
    again = searched(begun("two", sampler=sampler), 12, score)
    other = searched(begun("three", sampler=sampler, seed=1), 12, score)
    assert proposed(first) == proposed(again)
    assert (proposed(first) == proposed(other)) == (sampler == "grid")
    assert {trial["model.kind"] for trial in proposed(first)} == {
        "baseline",
        "logistic",
        "lightgbm",
    } or sampler == "grid"


class Killed(BaseException):
    """What no handler takes: the process is gone."""


@pytest.mark.parametrize("left", [2, 6, 12])
def test_a_process_that_is_killed_between_two_values_goes_on_to_the_same_trial(
    begun: Begun, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = scored(lambda item: -abs(getattr(item.config.training, "learning_rate", 1.0) - 0.01))
    whole = searched(begun("whole", batch=3), 6, score)
    before = optuna.Trial._suggest

    def counting(self: optuna.Trial, *words: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        return before(self, *words)

    monkeypatch.setattr(optuna.Trial, "_suggest", counting)
    with pytest.raises(Killed):
        searched(begun("killed", batch=3), 6, score)
    monkeypatch.undo()
    resumed = searched(begun("killed", resume=True, batch=3), 6, score)
    assert proposed(resumed) == proposed(whole)


def test_a_grid_tries_each_point_once_and_ends(begun: Begun) -> None:
    space = {"model.kind": ["logistic", "lightgbm"], "model.num_leaves": {"low": 2, "high": 4}}
    searching = searched(begun(space=space, sampler="grid"), 50, scored(lambda _: 0.0))
    assert proposed(searching) == list(searching.space.grid())
    assert len(proposed(searching)) == 4
