"""`regimen doctor`: a line for each thing that was examined, and exit code 1 where something is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import called

from regimen import runs
from regimen.runs import Condition


def test_an_installation_that_is_well_exits_with_0(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("doctor", "--runs", finished.parent) == 0
    lines = capsys.readouterr().out.splitlines()
    for part in ("regimen", "python", "libraries", "threads", "GPU", "compiled features", "runs", "trial ledger"):
        assert any(line.startswith(part) for line in lines), part
    assert lines[-1] == "Verdict: nothing is broken."
    assert called("doctor", "--runs", finished.parent, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["well"] is True
    assert {each["state"] for each in printed["conditions"]} <= {"ok", "beware", "missing"}


def test_what_is_broken_exits_with_1_and_has_its_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conditions = [Condition("torch", "broken", "cannot load", "pip install torch"), Condition("python", "ok", "3")]
    monkeypatch.setattr(runs, "examine", lambda _root: conditions)
    assert called("doctor") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ", 1)[1] for line in lines[:3]] == ["broken: cannot load", "pip install torch", "3"]
    assert lines[-1] == "Verdict: 1 thing(s) to mend."
    assert called("doctor", "--json") == 1
    assert json.loads(capsys.readouterr().out)["well"] is False
