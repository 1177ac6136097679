"""What the progress bar shows a person."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from regimen.cli.screen import progress


def test_the_time_left_is_shown_once_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    clock = iter(range(1_000_000))
    monkeypatch.setattr(screen, "get_time", lambda: float(next(clock)))
    with progress._bar(screen) as show:
        screen.print("unknown")
    assert "left" not in screen.file.getvalue()  # type: ignore[attr-defined]
    with progress._bar(screen) as show:
        for done in range(4):
            show(done, 100, "training")
    assert "left" in screen.file.getvalue()  # type: ignore[attr-defined]
