"""`regimen retrain` and `regimen watch`: what they print, and one line for each mistake."""

from __future__ import annotations

import json
import shutil
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from tests.cli.conftest import called

from regimen.cli.finished.newer_bars import ratio
from regimen.cli.finished.watch import _WORDS, _view
from regimen.monitoring import CardReading, Ring
from regimen.runs import CardSighting


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
    assert all(set(ring) == {"time", "bar", "detector", "words", "columns"} for ring in answer["rings"])
    assert all("columns" in reading for reading in answer["readings"])


def as_lines(newest: Path) -> bytes:
    """The bars of a CSV as a feed sends them."""
    _, *rows = (row.split(",") for row in newest.read_text().splitlines())
    names = ("open", "high", "low", "close", "volume")
    bars = [{"time": row[0]} | {name: float(value) for name, value in zip(names, row[1:], strict=True)} for row in rows]
    return "\n".join(map(json.dumps, bars)).encode()


def test_a_live_feed_is_watched_and_retrained_on_as_a_file(
    copied: Path, newest: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = called("watch", copied, "--bars", newest, "--false-alarms", "0.3")
    table = capsys.readouterr().out
    lines = as_lines(newest).splitlines()
    for broken, count in (([], 200), ([b'{"time": 1}'], 200)):
        content = b"\n".join([*lines[:50], *broken, *lines[50:]])
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(content)))
        assert called("watch", copied, "--feed", "-", "--false-alarms", "0.3") == code
        shown = capsys.readouterr()
        assert shown.out == table
        assert f"{count} bars" in shown.out
        refused = [line for line in shown.err.splitlines() if line.startswith("open: must be there")]
        assert len(refused) == len(broken)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(as_lines(newest))))
    assert called("retrain", copied, "--when", "every:5d", "--feed", "-", "--json") == 0
    shown = capsys.readouterr()
    assert [each["kind"] for each in json.loads(shown.out)["happened"]] == ["retrain"]
    assert "retrain" in next(line for line in shown.err.splitlines() if "the calendar" in line)


def test_a_feed_that_brings_nothing_or_begins_too_late_is_one_line(
    copied: Path, newest: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = b"\n".join(as_lines(newest).splitlines()[5:])
    for content, line in (
        (b"", "error: feed: must bring a bar behind the run's own, the last of which begins at 2022-03-30T03:00"),
        (late, "error: bars: must begin where the run's own end, at 2022-03-30 03:00"),
    ):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(content)))
        assert called("watch", copied, "--feed", "-") == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith(line)


def test_a_terminal_of_eighty_columns_shows_each_number_on_its_own_line() -> None:
    readings = tuple(CardReading(name, 0.01234, -0.01234, 0.001234, 0.01234) for name in _WORDS if name != "adwin")
    ring = Ring(20, "features", "13.2 times the usual; rings beyond 11.3, " + "as was said " * 9)
    seen = CardSighting("2022-01-01 00:00", 21, 40, readings, (("2022-01-01 00:00", ring),), (1.0, -1.0), 0.1, ())
    screen = Console(width=80, file=StringIO(), force_terminal=True, color_system=None)
    screen.print(_view(screen, seen))
    assert isinstance(screen.file, StringIO)
    lines = screen.file.getvalue().splitlines()
    assert max(map(len, lines)) == 80  # the ring, cut off
    assert sum("0.01234" in line for line in lines) == len(readings)
    assert all(words in screen.file.getvalue() for name, words in _WORDS.items() if name != "adwin")
    assert "bar 21 of 40 · +10.0%" in screen.file.getvalue()
    assert [ratio(value) for value in (1.0, -0.456, np.nan)] == ["+1.00", "-0.46", "–"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--bars", "x.csv", "--when", "never"], "error: --when: must be drift, or every: and a span"),
        (["--bars", "x.csv", "--feed", "replay:x.csv"], "error: --feed/--bars: exactly one of them must be given"),
        (["--feed", "tape"], "error: --feed: must be replay:FILE, - for JSON lines"),
        (["--feed", "ws://127.0.0.1:9"], "error: --feed: must be an address that answers"),
        (["--bars", "x.csv", "--shadows", "0"], "error: --shadows: "),
    ],
)
def test_each_mistake_is_one_line(
    options: list[str], line: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("retrain", finished, *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
