"""`regimen adapt`: the refusal as a person and as a machine meets it, and one line for each mistake."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import called


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """The finished run in a folder of its own."""
    shutil.copytree(finished.parent, tmp_path / "runs")
    return tmp_path / "runs" / finished.name


@pytest.fixture
def newest(finished: Path, tmp_path: Path) -> Path:
    """Twenty bars that follow the run's."""
    header, *_, last = (finished.parent.parent / "coin.csv").read_text().splitlines()
    begin, price = np.datetime64(last[:19], "s"), float(last.split(",")[4])
    stamps = begin + np.arange(1, 21) * np.timedelta64(3600, "s")
    rows = [f"{stamp}Z,{price},{price * 1.01:.4f},{price * 0.99:.4f},{price * 1.001:.4f},7" for stamp in stamps]
    path = tmp_path / "newest.csv"
    path.write_text("\n".join([header, *rows]))
    return path


def test_a_refusal_is_a_table_a_sentence_and_an_exit_code(
    copied: Path, newest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("adapt", copied, "--bars", newest) == 1
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines() if line.strip().startswith(("before", "after"))] == [
        "before",
        "after",
    ]
    assert "Refused: adapting gains " in " ".join(shown.split())
    assert "New run" not in shown
    words = ("adapt", copied.name, "--runs", copied.parent, "--bars", newest, "--steps", 2, "--json")
    assert called(*words) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["kept"] is False
    assert answer["steps"] == 2
    assert answer["low"] <= 0.0
    assert {path.name for path in copied.parent.iterdir() if path.is_dir()} == {copied.name}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--rate", "0"], "error: --rate: must be positive; got 0.0"),
        (["market.costs=free"], "error: override: must begin with data.; the policy is trained already"),
    ],
)
def test_each_mistake_is_one_line(
    copied: Path, newest: Path, options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("adapt", copied, "--bars", newest, *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
