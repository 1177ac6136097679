"""`regimen safeguards`: the table as a person and as a machine meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import called

from regimen.records import RunDirectory
from regimen.safeguards import LIMITS


def test_limits_are_a_table_of_a_run_that_had_none(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = RunDirectory(finished).trials.rows()
    assert called("safeguards", finished, "--set", "confidence=null", "--set", "position=0.02") == 0
    shown = capsys.readouterr().out
    for limit in LIMITS:
        assert (limit.replace("_", " ") in shown) == (limit != "confidence")
    table = shown[: shown.index("Return and drawdown")]
    assert max(map(len, table.splitlines())) <= 80
    assert "Behind all limits the return is" in " ".join(shown.split())
    assert "safeguards: default" in shown
    assert RunDirectory(finished).trials.rows() == before
    RunDirectory(finished).require_undamaged()


def test_a_machine_reads_the_same(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("safeguards", finished, "--set", "confidence=null", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    position = next(each for each in values["effects"]["effects"] if each["limit"] == "position")
    assert position["value"] == 0.1
    assert position["bars"] > 0
    assert position["cost"] == pytest.approx(position["total_return"] - values["effects"]["total_return"])
    assert values["config"]["confidence"] is None
    assert values["trained"] is False


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("luck=1", "error: safeguards.luck: is not a known key; got 1"),
        ("daily_loss=2", "error: safeguards.daily_loss: must be less than 1; got 2"),
        ("drawdown=0.05", "error: safeguards: drawdown_warning must be below drawdown (0.05)"),
        ("position", "error: override: must look like key=value"),
    ],
)
def test_each_mistake_is_one_line(finished: Path, words: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("safeguards", finished, "--set", words) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
