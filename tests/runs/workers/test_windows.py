"""Windows and seeds that workers fit: the same bytes of every file and the same trials as in one process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from regimen.errors import RegimenError
from regimen.records import RunConfig, RunDirectory, TrialLedger, list_runs
from regimen.runs import resume_run, start
from regimen.runs.prepare import prepare
from regimen.runs.workers.windows import Part, fit_part, parts_of
from regimen.work import HERE, Compute, Mapper

Configured = Callable[..., RunConfig]
WITH_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: regimen[ray]")
SHORT = ("training.epochs=2", "seeds=2", "splits.test=200", "tracking=none")
KINDS = {
    "baseline": SHORT,
    "warm start": (*SHORT, "splits.warm_start=true"),
    "ensemble": (
        *SHORT,
        "model={kind: ensemble, combine: hedge, members: [{kind: logistic}, {kind: momentum, lookback: 20}]}",
    ),
}


def silent(_done: int, _total: int, _message: str) -> None:
    """Shows nothing."""


def content(run: RunDirectory) -> dict[str, bytes]:
    """Every file whose bytes an equal run must have: models, courses, decisions, books, the judgement."""
    forms = ("windows/**/*", "seeds/**/*", "ledger/*", "judgement.json", "data.json", "config.yaml")
    return {
        path.relative_to(run.path).as_posix(): path.read_bytes()
        for form in forms
        for path in run.path.glob(form)
        if path.is_file() and path.name != "fit.json"  # it tells seconds
    }


def trials(root: Path) -> list[dict[str, object]]:
    """The trial ledger without the names of runs and the moments of the day."""
    rows = TrialLedger(root / "trials.sqlite").rows()
    return [{name: value for name, value in row.items() if name not in ("at", "run")} for row in rows]


@pytest.fixture(scope="module")
def two() -> Iterator[Mapper]:
    """Two workers, warm from the first test to the last."""
    with Compute.parse("processes:2").mapper() as mapper:
        yield mapper


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_and_every_trial_is_that_of_one_process(
    tmp_path: Path, configured: Configured, two: Mapper, kind: str
) -> None:
    config = configured(*KINDS[kind])
    here = start(config, tmp_path / "here", silent)[0]
    messages: list[tuple[int, int, str]] = []
    there = start(config, tmp_path / "there", lambda *message: messages.append(message), two)[0]
    assert len(content(here)) > 20
    assert content(there) == content(here)
    assert trials(tmp_path / "there") == trials(tmp_path / "here")
    if kind == "warm start":  # each window begins with the one before: a worker has all of a seed
        assert [part.windows for part in parts_of(prepare(config), RunDirectory(tmp_path / "new"))] == [(0, 1, 2)] * 2
    done = [message[0] for message in messages]
    assert done == sorted(done)
    assert any(words.startswith("1/6 windows · seed ") for _, _, words in messages)


@pytest.mark.slow
@WITH_RAY
def test_on_ray_too(tmp_path: Path, configured: Configured) -> None:
    config = configured(*SHORT)
    here = start(config, tmp_path / "here", silent)[0]
    with Compute.parse("ray").mapper() as mapper:
        there = start(config, tmp_path / "there", silent, mapper)[0]
    assert content(there) == content(here)
    assert trials(tmp_path / "there") == trials(tmp_path / "here")


DRIVER = """
import sys
from pathlib import Path
from regimen.records import load_config
from regimen.runs import start
from regimen.work import Compute
if __name__ == "__main__":
    with Compute.parse("processes:2").mapper() as mapper:
        start(load_config(Path(sys.argv[1]), sys.argv[3:]), Path(sys.argv[2]), lambda *_: None, mapper)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
@pytest.mark.slow
def test_a_driver_that_is_killed_is_gone_on_with(
    tmp_path: Path, configured: Configured, config_file: Path, two: Mapper
) -> None:
    longer = ("training.epochs=150", *SHORT[1:])
    runs, script = tmp_path / "killed", tmp_path / "driver.py"
    script.write_text(DRIVER)
    driver = subprocess.Popen([sys.executable, script, config_file, runs, *longer])
    until = time.monotonic() + 200
    while not list(runs.glob("*/windows/*/checkpoint/*")):
        assert driver.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    (row,) = list_runs(runs)
    run = RunDirectory.open(runs / str(row["run"]))
    assert run.status == "interrupted"
    resume_run(run, silent, two)
    here = start(configured(*longer), tmp_path / "here", silent)[0]
    assert content(run) == content(here)
    assert trials(runs) == trials(tmp_path / "here")


FRAGILE = """
import os, signal
from pathlib import Path
import numpy as np

class Prior:
    def get_params(self, deep=True):
        return {{}}

    def set_params(self, **params):
        return self

    def fit(self, X, y, sample_weight=None):
        try:
            Path({place!r}).touch(exist_ok=False)
        except FileExistsError:
            self.classes_, counts = np.unique(y, return_counts=True)
            self.share_ = counts / len(y)
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    def predict_proba(self, X):
        return np.tile(self.share_, (len(X), 1))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
@pytest.mark.slow
def test_a_fit_whose_worker_is_killed_is_done_again(tmp_path: Path, configured: Configured, two: Mapper) -> None:
    code = tmp_path / "fragile.py"
    code.write_text(FRAGILE.format(place=str(tmp_path / "killed")))
    config = configured(f"model={{kind: estimator, source: '{code}:Prior'}}", "training={}", "tracking=none")
    there = start(config, tmp_path / "there", silent, two)[0]
    here = start(config, tmp_path / "here", silent)[0]
    assert content(there) == content(here)
    assert trials(tmp_path / "there") == trials(tmp_path / "here")


def test_an_error_of_a_fit_is_that_of_one_process(tmp_path: Path, configured: Configured, two: Mapper) -> None:
    config, errors = configured(*SHORT, "training.learning_rate=1e30"), []
    for place, mapper in (("here", HERE), ("there", two)):
        with pytest.raises(RegimenError) as caught:
            start(config, tmp_path / place, silent, mapper)
        errors.append((type(caught.value), str(caught.value).split(";")[0], list_runs(tmp_path / place)))
    assert "training.learning_rate=1e+30 is too high" in errors[0][1]
    assert errors[0] == errors[1]


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(RegimenError, match="runs: must be a folder that every machine of the cluster sees"):
        fit_part(Part(str(tmp_path / "elsewhere"), 0, (0,)), lambda _: None)
    assert list(tmp_path.iterdir()) == []
