"""`regimen stress`: tables, a sentence and a file, as a person and as a machine meet them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import called

QUICK = ("--rows", "60", "--certified", "6", "--epsilons", "0.1,0.3", "--draws", "0")


def test_stress_is_tables_a_sentence_and_a_file(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))
    assert called("stress", run, *QUICK) == 0
    shown = capsys.readouterr().out
    for name in ("FGSM", "PGD", "APGD-CE", "APGD-DLR", "Square", "certified,", "not"):  # so few bars: no state is known
        (line, *_) = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        assert len(line) <= 80
    for words in ("attack: still right", "ε=0.3", "P&L:", "Result:", str(run / "stress.json"), "regimen report"):
        assert words in shown
    assert called("stress", run, *QUICK, "--group", "indicators=0.5", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["epsilons"] == [0.1, 0.3]
    assert values["shares"] == {"indicators": 0.5}
    assert values["file"] == str(run / "stress.json")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--epsilons", "small"], "error: --epsilons: must be numbers with commas between them, such as 0.01,0.1; got"),
        (["--epsilons", "0"], "error: epsilons: must be above 0; got 0.0"),
        (["--group", "volume"], "error: --group: must be NAME=SHARE, such as volume=0.5; got 'volume'"),
        (["--group", "nothing=1"], "error: groups: must be among"),
        (["--sigma", "0"], "error: sigma: must be above 0; got 0.0"),
    ],
)
def test_each_mistake_is_one_line(
    finished: Path, options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("stress", finished, *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
