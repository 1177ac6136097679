"""Tables at any width: every column is there, and no word is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimen.cli.app import main
from regimen.cli.screen import tables
from regimen.cli.screen.sentences import print_sentence
from regimen.cli.screen.terminal import console

HEADINGS = ("run", "model", "Sharpe", "verdict")
ROWS = [
    ["hbyvadmw/btcusdt-1h-binance-spot-k3m9q2wx", "recurrent-ppo", "0.41", "weak evidence *"],
    ["q2wxhbyv", "sac", "−1.93", "no evidence"],
]


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int) -> str:
    screen = tables.console()
    screen.width = width
    monkeypatch.setattr(tables, "console", lambda: screen)
    tables.print_table(HEADINGS, ROWS, words=("run", "model", "verdict"))
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_no_column_is_lost_and_no_word_is_broken(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(monkeypatch, capsys, width)
    assert max(map(len, text.splitlines())) <= width or width < 60
    for word in (
        "hbyvadmw",
        "binance",
        "spot",
        "k3m9q2wx",
        "recurrent",
        "0.41",
        "−1.93",
        "weak",
        "evidence",
        *HEADINGS,
    ):
        assert word in text


@pytest.mark.parametrize(
    ("columns", "width"), [(None, 120), ("", 120), ("0", 120), ("-3", 120), ("wide", 120), ("80", 80)]
)
def test_a_pipe_is_as_wide_as_columns_says(columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything but a terminal: what pytest captures is none."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    assert not tables.console().is_terminal
    assert tables.console().width == tables.console(error=True).width == width


def test_the_tables_of_a_command_fit_into_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    tables.print_table(HEADINGS, ROWS, words=("run", "model", "verdict"))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_a_wide_terminal_has_a_line_a_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in shown(monkeypatch, capsys, 120).splitlines() if line.strip()]
    assert len(lines) == 4
    assert ROWS[0][0] in lines[2]


def test_what_a_folder_is_called_is_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "old[1]\x1b[31m"
    run.mkdir()
    (run / "manifest.json").write_text("{}")
    with pytest.raises(SystemExit):
        main(["runs", "list", "--runs", str(tmp_path)])
    assert " old[1]\\x1b[31m  " in capsys.readouterr().out
    (run / "manifest.json").rename(run / "config.yaml")
    with pytest.raises(SystemExit):
        main(["runs", "clean", "--runs", str(tmp_path)])
    assert "old[1]\\x1b[31m: " in capsys.readouterr().out


def test_what_looks_like_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_table(("run", "model"), [["a[bold]b", "sac"]], words=("run", "model"))
    assert "a[bold]b" in capsys.readouterr().out


def test_no_break_spaces_of_pages_are_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_table(("a", "b"), [["−1.0\u202f%", "5\u202fbp"]], words=())
    print_sentence(console(), "50.0\u202f% lose\xa0money.", label="Result")
    shown = capsys.readouterr().out
    assert "−1.0%" in shown
    assert "5 bp" in shown
    assert "Result:  50.0% lose money." in shown
