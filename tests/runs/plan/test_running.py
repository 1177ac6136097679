"""A whole plan on a small market: its timeline, its journal, a kill in any phase, and the way down to the baseline."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.runs.conftest import silent, simulated

from regimen.errors import RunError
from regimen.records import RunDirectory
from regimen.runs import finished
from regimen.runs.plan import resume_plan, running, start_plan

GATES = [{"kind": "drawdown", "most": 0.9}]
NEVER = [{"kind": "windows", "least": 1.0}, {"kind": "drawdown", "most": 0.0}]


def values(folder: Path, *phases: dict[str, Any], **fields: Any) -> dict[str, Any]:
    simulated(600).to_parquet(folder / "coin.parquet")
    return {
        "data": {"path": str(folder / "coin.parquet"), "start": date(2021, 1, 1)},  # as YAML reads a bare one
        "features": {"kind": "indicators", "columns": ["rsi_14", "return_5d"]},
        "labels": {"horizon": 4, "volatility_bars": 20},
        "splits": {"train": 300, "test": 120},
        "model": {"kind": "momentum", "lookback": 5},
        "judge": {"bootstrap_draws": 100, "random_controls": 20},
        "tracking": "none",
        "plan": {"attempts": 2, "phases": list(phases), **fields},
    }


def names(planned: Any) -> list[tuple[str, int, bool, str]]:
    return [(each.name, each.attempt, each.passed, each.after) for each in planned.attempts]


def files(folder: Path) -> dict[str, bytes]:
    """What every run of a plan kept, by its name within the plan."""
    kept = [path for form in ("ledger/*", "windows/*/exposures.npy") for path in folder.glob(f"*-*/{form}")]
    return {str(path.relative_to(folder)).partition("-")[2]: path.read_bytes() for path in kept}


def test_a_killed_plan_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slower = {"name": "B", "changes": {"model": {"lookback": 20}}, "gates": GATES}
    phases = ({"name": "A", "gates": GATES}, slower)
    whole = start_plan(values(tmp_path, *phases), tmp_path / "whole", silent)
    assert names(whole) == [("A", 0, True, "passed"), ("B", 0, True, "passed")]
    assert whole.place.end == "passed"
    model: Any = whole.result.config().model
    assert model.lookback == 20
    page = (whole.result.path / "report.html").read_text()
    assert "The plan" in page
    assert "All phases were tried, and the last gate was passed." in page

    train, calls = finished.start, []

    def killed(*arguments: Any, **named: Any) -> Any:
        calls.append(named["name"])
        if len(calls) == 2:  # in the second phase, before anything of it is on disk
            raise KeyboardInterrupt
        return train(*arguments, **named)

    monkeypatch.setattr(finished, "start", killed)
    with pytest.raises(KeyboardInterrupt) as stopped:
        start_plan(values(tmp_path, *phases), tmp_path / "stopped", silent)
    path = Path(stopped.value.args[0])
    monkeypatch.setattr(running, "measured_of", lambda *_: pytest.fail("a gate that was passed is asked again"))
    calls.pop()
    with pytest.raises(KeyboardInterrupt):  # at once, again
        resume_plan(path, silent)
    monkeypatch.undo()
    again = resume_plan(path, silent)
    assert names(again) == names(whole)
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")
    assert names(resume_plan(path, silent)) == names(whole)  # it has ended, and stays so


KILLED = """
import json, os, signal, sys
from pathlib import Path
from regimen.learning import Checkpoint
from regimen.runs.plan import start_plan
Checkpoint.__init__.__defaults__ = (0.0,)  # one after every iteration
left, phase = int(sys.argv[3]), sys.argv[4]
def advance(_done, _total, message):
    global left
    left -= message.startswith(phase)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
start_plan(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]), advance)
"""
AGENTS = (
    {"name": "A", "changes": {"model": {"kind": "ppo", "hidden": [8], "rollout_steps": 8}}, "gates": GATES},
    {"name": "B", "changes": {"model": {"gamma": 0.9}}, "gates": GATES},
)
SMALL = {"n_envs": 8, "steps": 512, "episode_length": 16}


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "message"), [("a1", 1), ("a1", 5), ("b1", 5), ("b1", 9)])
def test_a_plan_whose_process_is_killed_in_a_phase_ends_with_the_same_bytes(
    tmp_path: Path, phase: str, message: int
) -> None:
    """SIGKILL, as `kill -9` sends it, in the middle of what an agent learns: weights, ledgers and journal agree."""
    file = {**values(tmp_path, *AGENTS), "environment": SMALL}
    whole = start_plan(file, tmp_path / "whole", silent)
    (tmp_path / "plan.json").write_text(json.dumps(file, default=str))
    words = [sys.executable, "-c", KILLED, tmp_path / "plan.json", tmp_path / "killed", str(message), phase]
    killed = subprocess.run(words, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (path,) = (each for each in (tmp_path / "killed").iterdir() if running.is_plan(each))
    begun = RunDirectory(path.parent / f"{path.name}-{phase}")
    assert not begun.can_resume or begun.status == "interrupted"  # at the first message nothing of it is on disk
    again = resume_plan(path, silent)
    assert names(again) == names(whole)
    assert files(path.parent) == files(tmp_path / "whole")


def test_what_fails_is_tried_again_given_up_and_replaced_by_the_baseline(tmp_path: Path) -> None:
    phases = [
        {"name": "A", "gates": GATES},
        {"name": "B", "changes": {"model": {"lookback": 20}}, "gates": NEVER},
        {"name": "C", "changes": {"model": {"lookback": 40}}, "gates": NEVER},
    ]
    limits = {"attempts": 1, "rollbacks": 1, "baseline": "momentum"}
    planned = start_plan(values(tmp_path, *phases, **limits), tmp_path / "runs", silent)
    assert names(planned) == [
        ("A", 0, True, "passed"),
        ("B", 0, False, "given up; back to A"),
        ("C", 0, False, "fell back to the baseline"),
    ]
    assert planned.result.id == f"{planned.path.name}-baseline"
    assert "No gate was left to go back to" in (planned.result.path / "report.html").read_text()
    with pytest.raises(RunError, match="must be the folder of a plan"):
        resume_plan(planned.result.path, silent)
