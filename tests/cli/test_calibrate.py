"""`regimen calibrate`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import called

ONE = ("calibrate", "--markets", "1", "--best-of", "1", "--kinds", "martingale", "--runs")


def test_it_prints_the_table_and_says_whether_it_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(*ONE, tmp_path) == 0
    printed = capsys.readouterr()
    assert "martingale" in printed.out
    assert "Every rate is what is promised." in printed.out
    assert max(map(len, printed.out.splitlines())) <= max(80, len(str(tmp_path)) + 40)
    assert called(*ONE, tmp_path, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["holds"]
    assert values["rates"][0]["evidence"]["value"] == 0.0
    assert called(*ONE, tmp_path, "--markdown") == 0
    assert capsys.readouterr().out.startswith(
        "| market | N | markets | evidence | 95 % | worse | profit | PSR |\n|---|"
    )


def test_a_missed_rate_exits_with_1_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regimen.runs.calibration.rates.NOMINAL", -0.01)
    assert called(*ONE, tmp_path) == 1
    assert "Missed:" in capsys.readouterr().out


def test_an_unknown_kind_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("calibrate", "--kinds", "lottery", "--runs", tmp_path) == 2
    assert "kinds: must be one of martingale, garch" in capsys.readouterr().err
