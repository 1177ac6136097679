"""The report shows what each member of an ensemble did alone: the numbers of a run of it, and its weight over time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.numerals import number
from regimen.records import EnsembleConfig, RunConfig, read_json
from regimen.runs import start

from .conftest import silent

Configured = Callable[..., RunConfig]


def shown(config: RunConfig, runs: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    directory, judgement = start(config, runs, silent)
    exhibits = {each["key"]: each for each in read_json(directory.path / "exhibits.json")["exhibits"]}
    assert ("members" in exhibits) == isinstance(config.model, EnsembleConfig)
    return exhibits, judgement


def sharpe_of(judgement: dict[str, Any]) -> str:
    return number(next(row for row in judgement["rows"] if row["name"] == "policy")["sharpe"])


def test_a_member_has_the_numbers_of_a_run_of_it_alone(configured: Configured, tmp_path: Path) -> None:
    words = "model={kind: ensemble, combine: hedge, members: [{kind: logistic}, {kind: momentum, lookback: 10}]}"
    config = configured("training.epochs=2", words)
    exhibits, judgement = shown(config, tmp_path / "runs")
    members = exhibits["members"]
    together, logistic, momentum = members["rows"]
    assert [row[0] for row in members["rows"]] == ["the ensemble", "logistic", "momentum"]
    assert together[2] == sharpe_of(judgement)
    assert momentum[1] == "–"  # a rule says no probabilities
    assert float(logistic[5]) + float(momentum[5]) == pytest.approx(1.0, abs=0.011)
    one, alone = shown(configured("training.epochs=2", "model={kind: logistic}"), tmp_path / "runs")
    assert logistic[2] == sharpe_of(alone)
    assert logistic[1] == one["forecasts"]["rows"][2][1]
    (drawing,) = members["drawings"]
    weights = np.array([curve["y"] for curve in drawing["curves"]], dtype=float)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, rtol=1e-9)
    assert weights.shape[1] == 300
    assert "momentum" in members["sentences"][0] or "logistic" in members["sentences"][0]


@pytest.mark.slow
def test_what_a_stack_gives_its_members_is_drawn_window_by_window(configured: Configured, tmp_path: Path) -> None:
    members = "members: [{kind: logistic}, {kind: baseline}], seeds: 2, combine: {kind: stack, folds: 2}"
    exhibits, _ = shown(configured("training.epochs=1", f"model={{kind: ensemble, {members}}}"), tmp_path / "runs")
    rows = exhibits["members"]["rows"]
    assert [row[0] for row in rows[1:]] == [
        "logistic, seed 1", "logistic, seed 2", "baseline, seed 1", "baseline, seed 2",
    ]  # fmt: skip
    (drawing,) = exhibits["members"]["drawings"]
    assert [curve["name"] for curve in drawing["curves"]] == ["logistic", "baseline"]
    assert len(set(drawing["curves"][0]["y"])) <= 5  # one number for each window
    assert exhibits["forecasts"]["rows"][1][0] == "as the model says"
    assert exhibits["forecasts"]["rows"][2][0] == "calibrated"
    assert any("without any calibration" in line for line in exhibits["members"]["sentences"])
