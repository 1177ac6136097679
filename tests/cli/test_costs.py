"""`regimen costs`: the ladder as a person and as a machine meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import called


def test_a_ladder_is_a_table_a_sentence_and_a_file(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("costs", finished) == 0
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if " × " in line and "%" in line]
    assert [line.split()[0] for line in lines] == ["0", "1", "2", "5"]
    assert "Sharpe" in shown
    assert "turnover/yr" in shown
    assert "Result:" in shown
    assert str(finished / "costs.json") in shown
    assert max(map(len, lines)) <= 80
    assert called("costs", finished.name, "--runs", finished.parent, "--at", "0.5,3", "--json") == 0
    ladder = json.loads(capsys.readouterr().out)
    assert [rung["multiple"] for rung in ladder["rungs"]] == [0.5, 3.0]
    assert ladder["file"] == str(finished / "costs.json")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--at", "1,x"], "error: --at: must be numbers with commas between them, such as 0,1,2,5; got '1,x'"),
        (["--at", ""], "error: --at: must be numbers with commas"),
        (["--at=-1"], "error: --at: must be multiples of the costs, 0 or above; got -1.0"),
        (["--at", "1e9"], "error: --at: is too high: costs.commission_bps must be less than 10000"),
    ],
)
def test_each_mistake_is_one_line(
    finished: Path, options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("costs", finished, *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
