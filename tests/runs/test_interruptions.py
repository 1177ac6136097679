"""Killed, interrupted, locked, out of disk: a run is never lost, never half-written, and says how it goes on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from regimen.cli.app import main
from regimen.errors import RunError
from regimen.execution import ledger_files
from regimen.records import RunConfig, RunDirectory, find_run, list_runs, write_manifest
from regimen.records.leftovers import find_leftovers
from regimen.runs import backtest_run, resume_run, start

from .conftest import silent

Configured = Callable[..., RunConfig]
SHORT = ("splits.test=300", "training.epochs=1", "tracking=none")

KILLED_AT_A_WRITE = """
import os, signal, sys
from pathlib import Path
from regimen.records import load_config
from regimen.runs import start
left, replace = int(sys.argv[3]), Path.replace
def counting(self, target):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = counting
start(load_config(Path(sys.argv[1]), sys.argv[4:]), Path(sys.argv[2]), lambda *_: None)
"""
WAITING = """
import sys
from pathlib import Path
from regimen.records import load_config
from regimen.runs import start
def advance(_done, _total, message):
    if message.startswith("window 2/2 · "):
        print("waiting", flush=True)
        sys.stdin.readline()
start(load_config(Path(sys.argv[1]), sys.argv[3:]), Path(sys.argv[2]), advance)
"""


@pytest.fixture
def finished(tmp_path: Path, configured: Configured) -> RunDirectory:
    return start(configured(*SHORT), tmp_path / "whole", silent)[0]


def content(run: RunDirectory) -> dict[str, bytes]:
    """Every file whose bytes an equal run must have."""
    kept = (
        path for form in ("windows/**/*", "ledger/*", "judgement.json", "data.json") for path in run.path.glob(form)
    )
    return {
        path.relative_to(run.path).as_posix(): path.read_bytes()
        for path in kept
        if path.is_file() and path.name != "fit.json"  # it tells seconds
    }


def said(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[str]]:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[")]
    return int(stop.value.code or 0), lines


SLOW = [pytest.param(n, marks=pytest.mark.slow) for n in range(2, 26) if n not in (9, 19)]


@pytest.mark.parametrize("write", [1, 9, 19, *SLOW])
def test_killed_at_any_write_a_run_goes_on_to_the_same_bytes(
    tmp_path: Path, config_file: Path, finished: RunDirectory, write: int, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "killed"
    words = [sys.executable, "-c", KILLED_AT_A_WRITE, config_file, runs, str(write), *SHORT]
    killed = subprocess.run(words, check=False, capture_output=True)
    if killed.returncode == 0:
        pytest.skip(f"the run has fewer than {write} writes")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    found = [row["run"] for row in list_runs(runs)]
    if not found:  # before its manifest was whole there was no run
        assert [each.what for each in find_leftovers(runs)] == ["folder of a run that never began"]
        start(finished.config(), runs, silent)
        assert find_leftovers(runs) == []
        return
    (run,) = (RunDirectory.open(runs / name) for name in found)
    assert run.status == "interrupted"
    for command in ("report", "runs show", "runs compare", "backtest", "reproduce"):
        code, lines = said(capsys, *command.split(), run.path)
        assert (code, len(lines)) == (2, 1), (command, lines)
        assert "interrupted; `regimen resume" in lines[0]
    resume_run(run, silent)
    assert content(run) == content(finished)
    assert find_leftovers(runs) == []


def test_a_run_is_one_process_s_at_a_time(tmp_path: Path, config_file: Path, finished: RunDirectory) -> None:
    runs = tmp_path / "locked"
    words = [sys.executable, "-c", WAITING, config_file, runs, *SHORT]
    other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "waiting\n"
    run = find_run("latest", runs)
    before = sorted(path for path in run.path.rglob("*"))
    with pytest.raises(RunError, match=f"is being trained by process {other.pid}"):
        resume_run(run, silent)
    with pytest.raises(RunError, match=f"must be finished, and is being trained by process {other.pid}"):
        backtest_run(run, None, [], silent)
    assert [row["status"] for row in list_runs(runs)] == ["running"]
    assert sorted(path for path in run.path.rglob("*")) == before
    other.communicate("\n" * 100)
    assert other.returncode == 0
    assert content(run) == content(finished)
    assert [row["status"] for row in list_runs(runs)] == ["finished"]


def test_a_full_disk_after_the_last_fit_keeps_the_run_and_says_how_it_goes_on(
    tmp_path: Path, configured: Configured, finished: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    runs = tmp_path / "full"
    with monkeypatch.context() as patch:
        patch.setattr(ledger_files.pq, "write_table", full)
        with pytest.raises(RunError, match="No space left on device") as caught:
            start(configured(*SHORT), runs, silent)
    (path,) = (path for path in runs.iterdir() if path.is_dir())
    assert f"its work is kept: `regimen resume {path}` continues it" in str(caught.value)
    run = RunDirectory.open(path)
    assert run.status == "interrupted"
    resume_run(run, silent)
    assert content(run) == content(finished)


def test_whatever_strikes_after_a_checkpoint_the_run_stays(
    tmp_path: Path, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("regimen.runs.walk_forward.evaluate", broken)
    with pytest.raises(ZeroDivisionError):
        start(configured(*SHORT), tmp_path / "runs", silent)
    assert [row["status"] for row in list_runs(tmp_path / "runs")] == ["interrupted"]


def test_a_killed_backtest_leaves_nothing_that_the_next_one_does_not_clear(finished: RunDirectory) -> None:
    first, _ = backtest_run(finished, None, [], silent)
    place = finished.path / "backtests"
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from regimen.records import RunDirectory; from regimen.runs import backtest_run\n"
        "from regimen.runs import backtests\n"
        "backtests.write_report = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "backtest_run(RunDirectory.open(Path(sys.argv[1])), None, [], lambda *_: None)"
    )
    assert subprocess.run([sys.executable, "-c", code, finished.path], check=False).returncode == -signal.SIGKILL
    assert [path for path in place.iterdir() if not path.name.startswith(".")] == [first]
    assert [each.what for each in find_leftovers(finished.path.parent)] == ["half-finished backtest"]
    recorded = [str(row["run"]) for row in finished.trials.rows() if row["kind"] == "evaluation"]
    assert len(recorded) == len(set(recorded)) == 3, "the killed backtest has looked at the data, and counts"
    second, _ = backtest_run(finished, None, [], silent)
    assert sorted(place.iterdir()) == sorted([first, second])
    assert find_leftovers(finished.path.parent) == []
    for path in (first, second):
        assert re.fullmatch(r"coin-[a-z][a-z2-9]{7}", path.name)


def test_runs_clean_lists_and_removes(
    finished: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = finished.path.parent
    left = [runs / ".draft-0" / "x", finished.path / ".report.html.0.tmp", runs / "early" / "config.yaml"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    os.utime(runs / ".draft-0", (0, 0))
    (runs / "mine").mkdir()
    (runs / "mine" / "notes.txt").write_text("not ours to remove")
    assert said(capsys, "runs", "clean", "--runs", runs)[0] == 0
    assert all(path.exists() for path in left)
    assert said(capsys, "runs", "clean", "--runs", runs, "--remove")[0] == 0
    assert not any(path.exists() for path in left)
    assert (runs / "mine" / "notes.txt").exists()
    assert [row["status"] for row in list_runs(runs)] == ["finished"]
    assert tmp_path.exists()


def test_a_run_is_found_by_id_first_letters_latest_or_path(
    finished: RunDirectory, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = finished.path.parent
    assert re.fullmatch(r"[a-z][a-z2-9]{7}", finished.id)
    newer = start(configured(*SHORT, "seed=1"), root, silent)[0]
    first = next(n for n in range(1, 9) if finished.id[:n] != newer.id[:n])
    for word in (finished.id, finished.id[:first], str(finished.path), f"{finished.path}/"):
        assert find_run(word, root).id == finished.id
    assert find_run("latest", root).id == newer.id
    challenger = root / f"{newer.id}-every-30d-c712b0-1"
    shutil.copytree(newer.path, challenger)
    write_manifest(challenger, {**newer.manifest(), "created": "2999-01-01T00:00:00Z"})
    assert find_run("latest", root).id == newer.id
    assert find_run(newer.id[:first], root).id == newer.id
    assert find_run(challenger.name[:-1], root).id == challenger.name
    shutil.rmtree(challenger)
    monkeypatch.chdir(finished.path)
    assert find_run(".", root).id == finished.id
    monkeypatch.chdir(root)
    assert find_run(newer.id, Path("elsewhere")).id == newer.id
    monkeypatch.chdir(root.parent)
    renamed = root / f"{finished.id[:first]}-as-earlier-runs-were-called-20251101-101112-3fa2c1"
    finished.path.rename(renamed)
    assert find_run(renamed.name, root).path == root / renamed.name
    for word in ("", "nothing", "l"):
        with pytest.raises(RunError, match=r"must be|is no run"):
            find_run(word, root)
    newer.path.rename(root / f"{finished.id[:first]}x")
    with pytest.raises(RunError, match=f"must name one run, not 2: {finished.id[:first]}-.*, {finished.id[:first]}x"):
        find_run(finished.id[:first], root)
