"""`regimen validate`: tables, a sentence and a file, as a person and as a machine meet them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import called

FEW = ("--folds", "3", "--tested", "2")


def test_a_validation_is_tables_a_sentence_and_a_file(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))
    assert called("validate", run, *FEW) == 0
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    for name in ("Sharpe ratio, median", "2 paths × seeds", "Path", "1", "2"):
        (line, *_) = [line for line in lines if line.strip().startswith(name)]
        assert len(line) <= 80
    for words in ("Note:", "no track record", "Result:", str(run / "validation.json"), "regimen report"):
        assert words in shown
    assert called("validate", run, *FEW, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["folds"], values["tested"], values["splits"], len(values["paths"])) == (3, 2, 3, 2)
    assert values["file"] == str(run / "validation.json")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--folds", "3", "--tested", "3"], "error: tested: must be at least 1 and less than the 3 folds; got 3"),
        (["--folds", "100000"], "error: folds: must be at most"),
    ],
)
def test_each_mistake_is_one_line(
    finished: Path, options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("validate", finished, *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
