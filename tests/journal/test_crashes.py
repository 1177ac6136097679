"""Processes that are killed: nothing that was answered is lost, nothing is there twice, no decision differs."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.journal.crashes import FIRST, POINTS, check, understood

ROOT = Path(__file__).parents[2]


def crashes(order: dict[str, Any], **names: str) -> subprocess.CompletedProcess[str]:
    """Runs the script of crashes, in a process without threads."""
    command = [sys.executable, "-m", "tests.journal.crashes", json.dumps(order)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | names, capture_output=True, text=True, check=False)


def outcome(order: dict[str, Any], **names: str) -> dict[str, Any]:
    """What the script prints when all is well."""
    run = crashes(order, **names)
    assert run.returncode == 0, run.stderr
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def test_kills_at_named_points(folder: Path) -> None:
    report = outcome({"folder": str(folder), "kills": 60, "seed": 0})
    assert report["kills"] == 60
    assert {point for point, kills in report["points"].items() if kills} == {*FIRST, *POINTS}
    assert report["rows"] >= report["answered"] > 100


@pytest.mark.slow
@pytest.mark.timeout(1800)  # on a machine that does much else
def test_a_thousand_kills_at_named_points(folder: Path) -> None:
    report = outcome({"folder": str(folder), "kills": 1000, "seed": 1})
    assert report["kills"] == 1000
    assert min(report["points"][point] for point in POINTS) > 10


def test_a_service_that_answers_before_it_commits_is_seen(folder: Path) -> None:
    """The other side of the promise: the same kills break a service that is too early."""
    run = crashes({"folder": str(folder), "kills": 60, "seed": 0, "early": True})
    assert run.returncode == 1
    assert "broken: " in run.stderr


@pytest.mark.slow
def test_twenty_servers_are_killed_from_outside(tmp_path: Path) -> None:
    path, generator = tmp_path / "journal.sqlite", random.Random(0)
    answered: dict[tuple[str, int], str] = {}
    for life in range(20):
        order = json.dumps({"serve": str(path), "seed": life, "events": 10**9})
        command = [sys.executable, "-m", "tests.journal.crashes", order]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert server.stdout is not None
        first = server.stdout.readline()
        time.sleep(generator.uniform(0, 0.2))
        server.kill()
        content = first + server.stdout.read()
        server.stdout.close()
        assert server.wait() == -9
        for key, decision in understood(content[: content.rindex(b"\n") + 1]).items():
            assert answered.setdefault(key, decision) == decision
        assert check(path, answered) >= len(answered) > life
