"""The one console of all commands: a person's terminal keeps its width, a pipe or a log gets 120 columns."""

from __future__ import annotations

from rich.console import Console

_PIPE_WIDTH = 120


def console() -> Console:
    """Returns a console on standard output that colours nothing by itself."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)
