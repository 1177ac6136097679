"""What reaches a terminal: nothing of a file's that moves its cursor, and nothing that its character set lacks."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from regimen.cli.app import main

HOSTILE = "\x1b[31mA\x07\u202eB\x9b"
"""Red, a bell, written from right to left, an 8-bit escape."""


def output(*words: object, encoding: str = "utf-8") -> tuple[int, str]:
    """Runs the command line with streams of a character set; returns its exit code and all that it wrote."""
    kept = sys.stdout, sys.stderr
    written = io.BytesIO()
    stream = sys.stdout = sys.stderr = io.TextIOWrapper(written, encoding=encoding)
    try:
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        stream.flush()
    finally:
        sys.stdout, sys.stderr = kept
    return int(stop.value.code or 0), written.getvalue().decode(encoding)


def is_tame(text: str) -> bool:
    return text.replace("\n", "").isprintable()


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    """Two symbols, a column that is not read and a file's name, each with what commands a terminal."""
    rows = [f'timestamp,symbol,open,high,low,close,volume,"{HOSTILE} x"']
    close = 50 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, 80)))
    for t, price in enumerate(close):
        stamp = np.datetime64("2022-03-01", "s") + np.timedelta64(t, "h")
        for symbol in (HOSTILE, "[/]:cat:"):
            rows.append(f"{stamp}Z,{symbol},{price:.4f},{price:.4f},{price:.4f},{price:.4f},1,1")
    path = tmp_path / f"{HOSTILE}[red].csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_names_of_a_file_reach_the_terminal_spelt(panel: Path, encoding: str, tmp_path: Path) -> None:
    commands = [
        ("data", "check", panel),
        ("data", "check", panel, "symbols=[q]"),
        ("data", "check", panel, "volume_column=none", f"keep=[{HOSTILE}]"),
        ("data", "convert", panel, tmp_path / f"{HOSTILE}.parquet"),
        ("data", "convert", panel, tmp_path / f"{HOSTILE}.csv"),
        ("features", panel, "data.symbols=[]"),
        ("train", panel),
        ("train", "--model", "logistic", f"data.path={panel}", f"data.symbols=[{HOSTILE}]", "--dry-run"),
        (HOSTILE, "--x"),
        ("report", tmp_path / HOSTILE),
    ]
    for words in commands:
        code, text = output(*words, encoding=encoding)
        assert code in (0, 1, 2), text
        assert text.strip()
        assert is_tame(text), (words, text)


def test_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")
    code, text = output("data", "check", name)
    assert (code, r"\udcff" in text) == (2, True)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("prove", "--help"),
        ("bench", "--help"),
        ("train", "--help"),
        ("prove", "--agent", "σ"),
        ("no–thing",),
    ],
)
def test_our_own_words_are_spelt_where_the_character_set_lacks_them(encoding: str, words: tuple[str, ...]) -> None:
    code, text = output(*words, encoding=encoding)
    assert code in (0, 2)
    assert text.isascii()


def test_a_process_with_an_ascii_terminal(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", "from regimen.cli.app import main; main()", "data", "check", tmp_path / "é…"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"/e..." in done.stderr.splitlines()[-1]  # a slow machine shows its progress before it


def test_a_word_of_a_megabyte_is_not_echoed_whole() -> None:
    for words in (
        ("x" * 10**6,),
        ("data", "check", "x" * 10**6),
        ("train", "a.yaml", "x" * 10**6),
        ("train", "x" * 10**6 + "=1"),
    ):
        code, text = output(*words)
        assert code == 2
        assert len(text) < 1500
        assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"1-2 ... e sigma 2 \\u65e5"), ("latin-1", b"1-2 ... \xe9 sigma \xb2 \\u65e5")]
)
def test_a_character_set_that_lacks_a_character_gets_it_spelt(encoding: str, shown: bytes) -> None:
    assert "1–2 … é σ ² 日".encode(encoding, errors="regimen-ascii") == shown
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", errors="regimen-ascii")
