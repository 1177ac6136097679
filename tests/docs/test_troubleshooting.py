"""docs/troubleshooting.md quotes lines that the command line prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import called

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"^```text\n(error: .+)\n```", PAGE, re.MULTILINE)

Rows = list[list[str]]


def spoil(rows: Rows) -> None:
    rows[5][3] = "-1"


def repeat(rows: Rows) -> None:
    rows[10] = list(rows[9])


def split(rows: Rows) -> None:
    for row in rows[300:]:
        row[1:5] = [f"{float(price) / 4:.4f}" for price in row[1:5]]


def written_by_day(rows: Rows) -> None:
    del rows[240:]
    for row in rows:
        year, month, day = row[0][:10].split("-")
        row[0] = f"{day}/{month}/{year} {row[0][11:16]}"


def shorten(rows: Rows) -> None:
    del rows[40:]


def keep(_rows: Rows) -> None:
    pass


EDITS: dict[str, Callable[[Rows], None]] = {
    "ok.csv": keep,
    "dayfirst.csv": written_by_day,
    "dup.csv": repeat,
    "split.csv": split,
    "neg.csv": spoil,
    "short.csv": shorten,
}

CASES = {
    "missing": ["logistic", "data.path=missing.csv"],
    "day first": ["logistic", "data.path=dayfirst.csv"],
    "duplicates": ["logistic", "data.path=dup.csv"],
    "splits": ["logistic", "data.path=split.csv"],
    "nonpositive": ["logistic", "data.path=neg.csv"],
    "unknown key": ["logistic", "data.path=ok.csv", "training.epoch=1"],
    "unknown model": ["logistik", "data.path=ok.csv"],
    "no data": ["logistic"],
    "unknown venue": ["logistic", "data.path=ok.csv", "market.costs=binance"],
    "not read": ["ppo", "data.path=ok.csv", "training.epochs=3"],
    "too short": ["logistic", "data.path=short.csv", "splits.train=300", "splits.test=100"],
    "no test span": ["logistic", "data.path=ok.csv", "splits.train=2000"],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("troubles")
    close = 50 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, 700)))
    stamps = np.datetime64("2022-03-01", "s") + np.arange(700) * np.timedelta64(3600, "s")
    for name, edit in EDITS.items():
        rows = [
            [f"{stamp}Z", f"{price:.4f}", f"{price * 1.01:.4f}", f"{price * 0.99:.4f}", f"{price:.4f}", "5"]
            for stamp, price in zip(stamps, close, strict=True)
        ]
        edit(rows)
        lines = ["timestamp,open,high,low,close,volume", *map(",".join, rows)]
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize("words", CASES.values(), ids=CASES)
def test_the_line_is_what_the_page_says(
    words: list[str], files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    assert called("train", "--model", *words) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert any(re.fullmatch(re.escape(quoted).replace("…", ".*"), line) for quoted in QUOTED), line


def test_every_quoted_line_is_tried() -> None:
    assert len(QUOTED) == len(CASES) + 1, "and one of a finished run"
