"""`regimen retrain` and `regimen watch`: what they print, and one line for each mistake."""

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
    """Two hundred bars that follow the run's."""
    header, *_, last = (finished.parent.parent / "coin.csv").read_text().splitlines()
    begin, price = np.datetime64(last[:19], "s"), float(last.split(",")[4])
    rows = []
    for hour, move in enumerate(np.random.default_rng(0).normal(0.0, 0.01, 200), 1):
        opened, price = price, price * float(np.exp(move))
        high, low = max(opened, price) * 1.002, min(opened, price) * 0.998
        rows.append(f"{begin + np.timedelta64(hour, 'h')}Z,{opened:.6f},{high:.6f},{low:.6f},{price:.6f},7")
    path = tmp_path / "newest.csv"
    path.write_text("\n".join([header, *rows]))
    return path


def test_retraining_prints_what_happened_and_what_it_was_worth(
    copied: Path, newest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("retrain", copied, "--when", "every:5d", "--bars", newest) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80 or "Report:" in shown
    assert "never retrained" in shown
    assert "the calendar" in shown
    words = " ".join(shown.split())
    assert "Trained again once in 200 bars, each a trial; 0 promoted, 0 rolled back" in words
    assert called("retrain", copied, "--when", "every:5d", "--feed", f"replay:{newest}", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [each["kind"] for each in answer["happened"]] == ["retrain"]
    assert answer["happened"][0]["run"].startswith(copied.name)


def test_watching_prints_the_card(copied: Path, newest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = called("watch", copied, "--feed", f"replay:{newest}")
    shown = capsys.readouterr().out
    assert (code == 1) == ("Nothing rang." not in shown)
    assert "Sharpe ratio a year" in shown
    assert "200 bars up to" in shown
    assert called("watch", copied, "--bars", newest, "--json") == code
    answer = json.loads(capsys.readouterr().out)
    assert answer["bars"] == answer["of"] == 200


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--bars", "x.csv", "--when", "never"], "error: --when: must be drift, or every: and a span"),
        (["--bars", "x.csv", "--feed", "replay:x.csv"], "error: --feed/--bars: exactly one of them must be given"),
        (["--feed", "ws://somewhere"], "error: --feed: must be replay:FILE"),
        (["--bars", "x.csv", "--shadows", "0"], "error: --shadows: "),
    ],
)
def test_each_mistake_is_one_line(
    options: list[str], line: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("retrain", finished, *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
