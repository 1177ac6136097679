"""Progress is one line that is written over, where a person watches, and nothing elsewhere."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from regimen.face.progress import advancing


class Terminal(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        """Always."""
        return True


def test_nobody_watches_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    for progress in (None, False):
        with advancing(progress) as advance:
            advance(1, 2, "window 1")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_one_line_and_is_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with advancing() as advance:
        advance(1, 2, "window 1 with a long name")
        advance(1, 2, "too soon to be read")
        advance(2, 2, "done")
    shown = screen.getvalue()
    assert "\n" not in shown
    assert " 50 %" in shown
    assert "too soon" not in shown
    lines = shown.split("\r")
    assert len(lines[2]) >= len(lines[1])  # nothing of the longer line is left
    assert len(lines[3]) >= len(lines[2].rstrip())
    assert not lines[3].strip()
    assert not lines[4]


def test_a_notebook_gets_it_in_the_output_of_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    def display(data: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        shown.append(data["text/plain"])
        return SimpleNamespace(update=lambda data, **_: shown.append(data["text/plain"]))

    shell = type("ZMQInteractiveShell", (), {})()
    ipython = SimpleNamespace(get_ipython=lambda: shell, display=SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    with advancing() as advance:
        advance(1, 4, "window 1")
    assert shown == ["", " 25 %      0 s  window 1", ""]


def test_a_function_is_called_itself() -> None:
    told: list[object] = []
    with advancing(lambda *words: told.append(words)) as advance:
        advance(1, 2, "window 1")
    assert told == [(1, 2, "window 1")]
