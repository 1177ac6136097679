"""Completion in a shell: runs, models, and no error whatever the line looks like."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import called

from regimen.records import model_names


def offered(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What bash is told when Tab is pressed at the end of a line."""
    words = line.split()
    monkeypatch.setenv("_REGIMEN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - (not line.endswith(" "))))
    called()
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.split()


@pytest.mark.parametrize(
    "command", ["report", "costs", "safeguards", "importance", "signal", "resume", "backtest", "reproduce", "runs show"]
)
def test_runs_are_offered_by_their_id(
    command: str, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "runs"
    shutil.copytree(finished, root / finished.name)
    damaged = "damaged-run"  # no id of a run has a hyphen
    (root / damaged).mkdir()
    (root / damaged / "manifest.json").write_text("{")
    line = f"regimen {command} --runs {root}"
    assert offered(f"{line} ", monkeypatch, capsys) == ["latest", finished.name]
    assert offered(f"{line} {finished.name[:-1]}", monkeypatch, capsys) == [finished.name]
    assert offered(f"{line} {damaged[:-1]}", monkeypatch, capsys) == []
    assert offered(f"regimen {command} --runs {root / 'absent'} lat", monkeypatch, capsys) == ["latest"]


def test_models_are_offered_by_their_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert offered("regimen train btc.csv --model ", monkeypatch, capsys) == list(model_names())
    assert offered("regimen train -m ppo", monkeypatch, capsys) == ["ppo", "ppo-lstm"]


def test_commands_are_offered_and_the_script_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offered("regimen repro", monkeypatch, capsys) == ["reproduce"]
    monkeypatch.delenv("_REGIMEN_COMPLETE")
    assert called("--help") == 0
    assert "--install-completion" in capsys.readouterr().out
