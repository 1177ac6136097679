"""`regimen vault`: what a person and a machine see, and one line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import called
from tests.runs.vault.test_opening import hourly, trained


def test_lock_open_and_no_second_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path, hourly())
    assert called("vault", "lock", run.path) == 0
    shown = capsys.readouterr().out
    assert "Locked" in shown
    assert all(len(line.replace(str(run.path), "RUN")) <= 80 for line in shown.splitlines())
    assert called("vault", "open", run.path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["trials"]["count"] == 1
    assert called("vault", "open", run.path) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: vault: was opened on ")
    assert "--again" in error
    assert called("vault", "open", run.path, "--again", "--json") == 0


def test_a_run_without_a_vault_is_one_line(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for act in ("lock", "open"):
        assert called("vault", act, finished) == 2
        assert "must be in the config that a run is trained with" in capsys.readouterr().err
