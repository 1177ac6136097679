"""A page that a command wrote, opened where a person reads it."""

from __future__ import annotations

from pathlib import Path

from regimen.cli.screen.lines import say


def open_page(page: Path) -> None:
    """Opens a page in the browser; says so in one line where there is none."""
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        say(f"no browser was found here: open {page} yourself", error=True)
