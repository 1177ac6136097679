"""Trees in a run: judged, reported by round, reproduced, resumed, and blind to what they must not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.execution import targets
from regimen.records import RunConfig, RunDirectory, read_json
from regimen.runs import find_run_leaks, reproduce_run, resume_run, start
from regimen.runs.prepare import prepare
from regimen.runs.window import fit_model, load_policy

from .conftest import silent

Configured = Callable[..., RunConfig]
MODELS = {
    "lightgbm": "{kind: lightgbm, n_estimators: 40, learning_rate: 0.3, min_child_samples: 10, patience: 3}",
    "xgboost": "{kind: xgboost, n_estimators: 40, learning_rate: 0.3, min_child_weight: 2.0, patience: 3}",
    "forest": "{kind: forest, n_estimators: 5, min_samples_leaf: 10}",
    "extra_trees": "{kind: extra_trees, n_estimators: 5, min_samples_leaf: 10}",
}


@pytest.fixture
def grown(configured: Configured) -> Configured:
    """The small run with trees in it."""

    def make(kind: str, *more: str) -> RunConfig:
        return configured(f"model={MODELS[kind]}", "training={}", "splits={train: 500, test: 150}", *more)

    return make


def test_a_run_tells_of_its_rounds_and_is_reproduced(grown: Configured, tmp_path: Path) -> None:
    directory, judgement = start(grown("lightgbm", "tracking=tensorboard"), tmp_path / "runs", silent)
    assert judgement["verdict"]["level"] == "no evidence"
    history: dict[str, Any] = read_json(directory.window(0) / "history.json")
    losses = [each["val_loss"] for each in history["rounds"]]
    assert history["best_round"] == int(np.argmin(losses)) + 1 == len(losses) - 3
    assert (directory.path / "figures" / "calibration.png").exists()
    report = (directory.path / "report.html").read_text(encoding="utf-8")
    assert f"Window 1 · round {history['best_round']} of {len(losses)}" in report
    assert reproduce_run(directory, silent).differing == ()


def test_a_run_that_was_killed_goes_on_to_the_same_decisions(grown: Configured, tmp_path: Path) -> None:
    def killed(done: int, _total: int, _message: str) -> None:
        if done > 100:
            raise KeyboardInterrupt

    whole, _ = start(grown("xgboost"), tmp_path / "whole", silent)
    with pytest.raises(KeyboardInterrupt) as caught:
        start(grown("xgboost"), tmp_path / "runs", killed)
    directory = RunDirectory.open(Path(str(caught.value)))
    resume_run(directory, silent)
    for window in range(2):
        for name in ("exposures.npy", "history.json", "model/trees.ubj", "model/predictor.json"):
            assert (directory.window(window) / name).read_bytes() == (whole.window(window) / name).read_bytes()


@pytest.mark.parametrize("kind", MODELS)
def test_what_was_saved_decides_as_what_was_fitted_in_batch_and_bar_by_bar(
    kind: str, grown: Configured, tmp_path: Path
) -> None:
    prepared = prepare(grown(kind))
    window = prepared.windows[0]
    fit = fit_model(prepared, window, 0)
    fit.save(tmp_path)
    again = load_policy(tmp_path, prepared.config, prepared.features.hash)
    first = window.test.start
    batch = targets(fit.policy, prepared.history, first, first + 40)
    np.testing.assert_array_equal(targets(again, prepared.history, first, first + 40), batch)
    state = again.initial_state(1)
    alone = [again.act(prepared.history.at(t), state)[0] for t in range(first, first + 40)]
    np.testing.assert_array_equal(np.array(alone), batch)
    assert np.abs(batch).max() > 0.0


def test_weights_reach_every_library(grown: Configured) -> None:
    for kind in MODELS:
        plain, weighted = (prepare(grown(kind, *more)) for more in ((), ("labels.weights.half_life=50",)))
        one, other = (fit_model(each, each.windows[0], 0).policy for each in (plain, weighted))
        stretch = plain.windows[0].test.start, plain.windows[0].test.stop
        assert not np.array_equal(targets(one, plain.history, *stretch), targets(other, weighted.history, *stretch))


@pytest.mark.parametrize("kind", MODELS)
def test_nothing_leaks(kind: str, grown: Configured) -> None:
    report = find_run_leaks(grown(kind), silent)
    assert [row for row in report.rows if row.verdict == "leak"] == []
