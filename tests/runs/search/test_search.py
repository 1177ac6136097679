"""A whole search: what it sees, what a kill does to it, and what it says of a market without an edge."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.runs.conftest import YAML, silent, simulated

from regimen.errors import SplitError
from regimen.records import RunDirectory, TrialLedger
from regimen.runs.search import SearchConfig, tune
from regimen.runs.search.file import read_search
from regimen.runs.search.searching import Searching, begin
from regimen.runs.search.study import FILE
from regimen.runs.search.trials import run_trials
from regimen.work import Compute

Begun = Callable[..., Searching]
SPACE = {
    "model.kind": ["logistic", "lightgbm"],
    "training.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
    "model.num_leaves": {"low": 2, "high": 15},
}
TUNED = "from regimen.cli import main; main()"


def results(searching: Searching) -> list[dict[int, Any]]:
    return [dict(trial.results) for trial in searching.study.trials()]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("rung-*/*")}


def test_no_trial_sees_a_bar_of_the_test_spans(values: dict[str, Any], tmp_path: Path) -> None:
    """The bars from the first test span on are replaced by noise: not a bit of any trial changes."""
    search = SearchConfig(space=SPACE, objectives=["sharpe", "turnover", "skill"])
    first = begin(values, search, tmp_path / "first")
    cut = first.outer.span[0]
    frame = simulated()
    noise = simulated(seed=9).iloc[cut:]
    scale = frame["close"].iloc[cut - 1] / simulated(seed=9)["close"].iloc[cut - 1]
    frame.loc[frame.index[cut:], ["open", "high", "low", "close"]] = noise[["open", "high", "low", "close"]] * scale
    frame.loc[frame.index[cut:], "volume"] = noise["volume"]
    poisoned = tmp_path / "poisoned.parquet"
    frame.to_parquet(poisoned)
    second = begin({**values, "data": {"path": str(poisoned)}}, search, tmp_path / "second")
    assert first.outer.bars.fingerprint != second.outer.bars.fingerprint
    assert first.inner.bars.fingerprint == second.inner.bars.fingerprint
    assert len(first.inner.bars) == cut
    for searching in (first, second):
        run_trials(searching, 4, silent)
    assert results(first) == results(second)
    assert bytes_of(first.folder)
    assert bytes_of(first.folder) == bytes_of(second.folder)


def lines(runs: Path) -> list[tuple[Any, ...]]:
    """The ledger without times and without the ids of ordinary runs, which are drawn."""
    columns = ("id", "kind", "part", "config", "model", "seed", "bars", "sharpe", "timing", "features", "data")
    rows = TrialLedger(runs / "trials.sqlite").rows()
    return [(str(row["run"]) if "/" in str(row["run"]) else "", *(row[name] for name in columns)) for row in rows]


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_with_the_same_trials_the_same_bytes_and_the_same_ledger(
    market_file: Path, tmp_path: Path
) -> None:
    """kill -9 of the driver while the third trial is in its second window; `--resume` goes on from its checkpoint."""
    file = tmp_path / "small.yaml"
    own = yaml.safe_load(YAML.format(path=market_file)) | {"splits": {"train": 500, "test": 200}, "tracking": "none"}
    own["training"] |= {"epochs": 20}
    space = {"training.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}}
    file.write_text(yaml.safe_dump(own | {"search": {"space": space, "batch": 3}}))

    words = ["tune", str(file), "--trials", "3", "--runs", str(tmp_path / "killed")]

    process = subprocess.Popen(
        [sys.executable, "-c", TUNED, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    trial = tmp_path / "killed" / "tune-small" / "trials" / "0002" / "seed-0" / "window-001"
    until = time.monotonic() + 300
    while not (trial / "checkpoint" / "checkpoint.safetensors").exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (trial / "rung-0000" / "exposures.npy").exists()
    before = lines(tmp_path / "killed")
    assert [line[0] for line in before if line[2] == "fit"] == [f"tune-small/{n:04d}" for n in range(3)]

    values, search = read_search(file)
    tune(values, search, tmp_path / "killed", silent, trials=3, resume=True)
    tune(values, search, tmp_path / "whole", silent, trials=3)
    killed, whole = (tmp_path / name for name in ("killed", "whole"))
    assert lines(killed) == lines(whole)
    assert lines(killed)[: len(before)] == before
    assert bytes_of(killed / "tune-small") == bytes_of(whole / "tune-small")
    assert len(bytes_of(whole / "tune-small")) == 3 * 2 * 2
    runs = [next(RunDirectory(path.parent) for path in root.glob("*/manifest.json")) for root in (killed, whole)]
    assert len({(run.path / "judgement.json").read_bytes() for run in runs}) == 1
    assert (killed / "tune-small" / FILE).exists()
    assert not list(killed.glob("tune-small/trials/*/seed-0/window-*/checkpoint"))


@pytest.mark.parametrize("seed", [3, *(pytest.param(each, marks=pytest.mark.slow) for each in range(4, 9))])
def test_a_search_of_a_market_without_an_edge_reports_none(values: dict[str, Any], tmp_path: Path, seed: int) -> None:
    path = tmp_path / "null.parquet"
    simulated(1600, seed).to_parquet(path)
    values |= {
        "data": {"path": str(path)},
        "splits": {"train": 800, "test": 200},
        "market": {"costs": {"commission_bps": 0.0, "half_spread_bps": 0.1}},
    }
    search = tune(values, SearchConfig(space=SPACE), tmp_path / "runs", silent, trials=6)
    assert search.level in ("no evidence", "does nothing", "not tradable")
    assert search.counted == len({tuple(trial.settings.items()) for trial in search.trials}) + 1
    assert search.run is not None
    judged = RunDirectory(tmp_path / "runs" / search.run)
    assert judged.manifest()["name"] == "small-tuned"


def test_the_verdict_is_deflated_by_all_trials_and_the_best_is_an_ordinary_run(
    values: dict[str, Any], tmp_path: Path
) -> None:
    search = tune(values, SearchConfig(space=SPACE), tmp_path / "runs", silent, trials=5)
    assert search.counted == 6
    assert search.sentence is not None
    best = search.winner
    assert best is not None
    assert best.scores["sharpe"] == max(trial.scores["sharpe"] for trial in search.complete)
    run = RunDirectory(tmp_path / "runs" / str(search.run))
    config = run.config()
    assert config.model.kind == best.settings["model.kind"]
    assert config.splits.train == 500  # type: ignore[union-attr]
    again = tune(values, SearchConfig(space=SPACE), tmp_path / "runs", silent, trials=5, resume=True)
    assert (again.run, again.counted) == (search.run, 6)  # nothing is trained twice
    frame = search.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == 5
    assert np.isfinite(frame["sharpe"]).all()


def test_windows_that_do_not_fit_into_the_training_span_are_named_as_those_of_the_search(begun: Begun) -> None:
    with pytest.raises(SplitError, match=r"search\.splits\.train"):
        begun(space=SPACE, splits={"train": 600, "test": 50})


@pytest.mark.slow
def test_trials_in_two_processes_are_the_same_trials(values: dict[str, Any], tmp_path: Path) -> None:
    search = SearchConfig(space=SPACE, objectives=["sharpe", "turnover"])
    alone, together = (begin(values, search, tmp_path / name) for name in ("alone", "together"))
    run_trials(alone, 4, silent)
    with Compute.parse("processes:2").mapper() as mapper:
        run_trials(together, 4, silent, mapper)
    assert results(alone) == results(together)
    assert lines(tmp_path / "alone") == lines(tmp_path / "together")
    assert bytes_of(alone.folder) == bytes_of(together.folder)
