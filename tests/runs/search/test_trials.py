"""Trials: a planted optimum, the ledger before they run, rungs that are revived bit for bit, failures in one line."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runs.conftest import silent

from regimen.errors import ConfigError, RunError
from regimen.runs.search.evaluation import Item, Report, evaluate
from regimen.runs.search.result import TrialResult
from regimen.runs.search.searching import Searching
from regimen.runs.search.trials import HERE, locked, revive, run_trials

from .conftest import scored, searched

Begun = Callable[..., Searching]
RATE = {"training.learning_rate": {"low": 1e-5, "high": 1.0, "log": True}}
DROPOUT = {"model.dropout": {"low": 0.0, "high": 0.5}}


def planted(item: Item) -> float:
    """Best, 0, for the logistic model with a rate of 3e-3."""
    away = math.log10(item.config.training.learning_rate / 3e-3)
    return -(away**2) - (0.0 if item.config.model.kind == "logistic" else 1.0)


def test_the_planted_optimum_of_a_cheap_objective_is_approached(begun: Begun) -> None:
    """40 trials over five decades and two kinds: within a sixth of a decade; at random such a trial is one in 30."""
    searching = searched(begun(space={**RATE, "model.kind": ["baseline", "logistic"]}), 40, scored(planted))
    best = searching.best()
    assert best.settings["model.kind"] == "logistic"
    assert abs(math.log10(best.settings["training.learning_rate"] / 3e-3)) < 0.15
    scores = sorted(trial.last.objectives["sharpe"] for trial in searching.study.trials()[20:] if trial.last)
    assert scores[len(scores) // 2] > -0.6  # half of the later trials are near it: of random ones it is −2.3


def test_each_seed_of_each_trial_is_in_the_ledger_before_it_runs(begun: Begun, values: dict[str, Any]) -> None:
    values["seeds"] = 2
    searching = begun(space=RATE, batch=2)
    seen: list[tuple[int, int]] = []

    def evaluation(item: Item, report: Report) -> TrialResult | str:
        rows = [row for row in searching.ledger.rows() if str(row["run"]).split("/")[1] == Path(item.folder).name]
        seen.append((len(rows), len({row["seed"] for row in rows if row["kind"] == "fit"})))
        return scored(lambda _: 0.0)(item, report)

    run_trials(searching, 5, silent, HERE, evaluation)
    assert seen == [(2, 2)] * 5
    source = searching.outer.series.fingerprint
    assert searching.ledger.trials(source, 365.0).count == 5 * 2
    assert searching.ledger.trials(source, 365.0).measured == 5  # the cheap objective scores the first seed alone


def test_the_ledger_is_made_again_from_the_folders_of_trials(begun: Begun) -> None:
    searching = searched(begun(space=RATE), 4, scored(planted))
    source = searching.outer.series.fingerprint
    before = searching.ledger.trials(source, 365.0)
    searching.ledger.path.unlink()
    assert searching.ledger.lost() is not None
    assert searching.ledger.trials(source, 365.0) == before
    assert before.count == 4


def test_a_trial_that_cannot_be_trained_is_counted_and_not_the_end(begun: Begun) -> None:
    def evaluation(item: Item, report: Report) -> TrialResult | str:
        if item.config.training.learning_rate > 0.1:
            return "training loss, epoch 2: must be a number"
        return scored(planted)(item, report)

    searching = searched(begun(space=RATE), 16, evaluation)
    failed = [trial for trial in searching.study.trials() if trial.status == "failed"]
    assert failed
    assert all(trial.failure and trial.settings["training.learning_rate"] > 0.1 for trial in failed)
    assert searching.ledger.trials(searching.outer.series.fingerprint, 365.0).count == 16
    with pytest.raises(RunError, match="must have a trial that can be trained to its end; the first says never"):
        searched(begun("other", space=RATE), 2, lambda *_: "never").best()


def test_values_that_cannot_stand_together_are_refused_before_the_trial_is_trained(begun: Begun) -> None:
    """A curriculum's stages must add up to the epochs: each value is right alone."""
    stages = [[], [{"kind": "curriculum", "stages": [2, 2, 2]}]]
    space = {"training.epochs": [6, 7], "training.recipes": stages}
    calls: list[Item] = []

    def evaluation(item: Item, report: Report) -> TrialResult | str:
        calls.append(item)
        return scored(lambda _: 0.0)(item, report)

    searching = searched(begun(space=space, sampler="grid"), 4, evaluation)
    failed = [trial for trial in searching.study.trials() if trial.status == "failed"]
    assert [dict(trial.settings) for trial in failed] == [{"training.epochs": 7, "training.recipes": stages[1]}]
    assert "stages of curriculum must sum to epochs" in str(failed[0].failure)
    assert len(calls) == 3
    assert searching.ledger.trials(searching.outer.series.fingerprint, 365.0).count == 3


def test_two_processes_do_not_search_one_study(begun: Begun) -> None:
    searching = begun()
    with locked(searching.folder), pytest.raises(RunError, match="is being worked on by another process"):
        run_trials(searching, 1, silent, HERE, scored(planted))


def contents(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("rung-0000/*")}


def test_hyperband_stops_trials_and_a_stopped_one_is_revived_with_the_same_bits(begun: Begun, tmp_path: Path) -> None:
    band = {"hyperband": {"smallest": 1, "factor": 3}, "space": {**RATE, **DROPOUT}}
    searching = begun(**band)
    run_trials(searching, 5, silent)
    trials = searching.study.trials()
    assert [sorted(trial.results) for trial in trials[:3]].count(
        [1]
    ) == 2  # six epochs: three trials, one of which stays
    stopped = next(trial for trial in trials if trial.status == "pruned")
    assert list(searching.home(stopped.number).glob("seed-0/window-*/checkpoint/*"))
    revive(searching, stopped.number, silent)
    revived = searching.study.trials()[-1]
    assert (revived.status, revived.revives) == ("complete", stopped.number)
    never = Item(str(tmp_path / "never"), searching.config(stopped.settings), 0, searching.search.objectives)
    assert evaluate(never, str) == revived.last
    assert contents(tmp_path / "never") == contents(searching.home(stopped.number))
    source = searching.outer.series.fingerprint
    assert searching.ledger.trials(source, 365.0).count == 5  # the same trial, gone on with
    revive(searching, stopped.number, silent)
    assert len(searching.study.trials()) == 6
    with pytest.raises(ConfigError, match="revive: must be the number of a trial that was stopped early"):
        revive(searching, revived.number, silent)


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"space": {"model.kind": ["logistic", "lightgbm"]}}, "models that are trained in epochs, and lightgbm is not"),
        ({"space": {"training.epochs": {"low": 3, "high": 9}}}, "hyperband, which decides the epochs"),
        ({"space": RATE, "hyperband": {"smallest": 6}}, "must be less than training.epochs=6; got 6"),
    ],
)
def test_hyperband_needs_epochs_to_divide(begun: Begun, section: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        begun(**{"hyperband": True, **section})
