"""Sentences on a terminal break between words and are indented behind their label; a pipe gets one line each."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from regimen.cli.screen.sentences import print_sentence

TEXT = (
    "after costs and 4 trials the Deflated Sharpe Ratio of its timing is 0.00 (0.95 is required); holding earned more."
)


def shown(text: str, width: int, *, terminal: bool = True, label: str = "") -> list[str]:
    screen = Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)
    print_sentence(screen, text, label=label)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_word_is_broken_and_every_line_fits(width: int) -> None:
    lines = shown(TEXT, width, label="Verdict")
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == f"Verdict: {TEXT}"
    assert all(line.startswith(" " * 9) for line in lines[1:])


def test_a_pipe_gets_one_line() -> None:
    assert shown(TEXT, 40, terminal=False, label="Costs") == [f"Costs:   {TEXT}"]


def test_a_path_stays_whole() -> None:
    path = "runs/" + "a-long-name/" * 9 + "report.html"
    assert path in "\n".join(shown(f"written to {path}", 60))


def test_a_terminal_narrower_than_the_label_gets_words() -> None:
    assert "Deflated" in "".join(shown(TEXT, 5, label="Verdict"))


def test_what_commands_a_terminal_is_written_out() -> None:
    assert shown("a\x1b[2Jb\nc", 80) == [r"a\x1b[2Jb\nc"]


def test_brackets_are_no_markup() -> None:
    assert shown("[bold]x[/bold]", 80, label="Run") == ["Run:     [bold]x[/bold]"]


def test_the_figures_of_a_column_have_two_digits_of_its_deviation() -> None:
    from regimen.cli.features import _figures

    assert _figures((-0.0004, 0.21, -0.5115, 0.0, 0.5157)) == ["0.00", "0.21", "-0.51", "0.00", "0.52"]
    assert _figures((1e-9, 2e-9, 0.0, 1e-9, 3e-9)) == ["1e-09", "2e-09", "0", "1e-09", "3e-09"]
    assert _figures((None,) * 5) == ["–"] * 5
