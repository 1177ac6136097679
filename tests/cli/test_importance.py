"""`regimen importance`: two tables, a sentence and a file, as a person and as a machine meet them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import called

QUICK = ("--folds", "2", "--shifts", "19", "--no-alone")


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to be written into."""
    return Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))


def test_importance_is_two_tables_a_sentence_and_a_file(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("importance", run, *QUICK) == 0
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    for name in ("rsi_14", "return_5d", "volatility_20d"):
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert line.split()[-1] in ("mattered", "noise")
        assert len(line) <= 80
    for word in ("group, moved together", "Unit:", "Model:", "Result:", str(run / "importance.json"), "regimen report"):
        assert word in shown
    assert "alone" not in shown
    assert called("importance", run.name, "--runs", run.parent, *QUICK, "--windows", "1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["windows"], found["folds"], found["file"]) == ([1], 2, str(run / "importance.json"))
    assert {row["name"] for row in found["features"]} == {"rsi_14", "return_5d", "volatility_20d"}


def test_each_feature_alone_is_a_column_more(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("importance", run, *QUICK[:-1]) == 0
    shown = capsys.readouterr().out
    assert "a column that says nothing" in " ".join(shown.split())
    lines = [line for line in shown.splitlines() if "±" in line and "_" in line]
    assert {line.count("±") for line in lines} == {2}
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--windows", "first"], "error: --windows: must be last, all, or numbers with commas between them; got"),
        (["--windows", "9"], "error: windows: must be from 1 to 3; got 9"),
        (["--shifts", "5"], "error: shifts: must be at least 19, or no p can reach 0.05; got 5"),
        (["--folds", "1"], "error: folds: must be at least 2; got 1"),
    ],
)
def test_each_mistake_is_one_line(
    finished: Path, options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("importance", finished, *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
