"""The one console of all tables: a person's terminal keeps its width, a pipe or a log gets COLUMNS, or 120.

Nothing that a file or an argument holds reaches the terminal as a command to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from regimen.errors import printable

_PIPE_WIDTH = 120


class _PrintableConsole(Console):
    """Writes what cannot be seen by its number; colours and the cursor's moves come from rich alone."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields rich's segments, with their text made printable."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text, kept="\n"), segment.style)


def console(error: bool = False) -> Console:
    """Returns a console on standard output, or error, that colours nothing by itself.

    The environment's COLUMNS says how wide it is, as to other programs; a value that is no width does not count.
    """
    terminal = _PrintableConsole(highlight=False, emoji=False, stderr=error)
    columns = os.environ.get("COLUMNS", "")
    if not terminal.is_terminal:
        terminal.width = int(columns) if columns.isdecimal() and int(columns) > 0 else _PIPE_WIDTH
    return terminal
