"""Progress is one line that is written over, where a person watches, and nothing elsewhere."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

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
    assert not lines[-2].strip()
    assert not lines[-1]


def test_a_notebook_gets_it_on_its_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with advancing() as advance:
        advance(1, 4, "window 1")
    assert "25 %" in capsys.readouterr().out


def test_a_function_is_called_itself() -> None:
    told: list[object] = []
    with advancing(lambda *words: told.append(words)) as advance:
        advance(1, 2, "window 1")
    assert told == [(1, 2, "window 1")]
