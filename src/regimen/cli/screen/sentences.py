"""Sentences for a person: a terminal gets lines that break between words, a pipe or a log one line each."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text

from regimen.cli.screen.lines import with_blanks
from regimen.errors import printable

_LABEL = 9
"""Columns of the terminal for a label, so that what a verdict says stands in one column."""
_NARROWEST = 20
"""Columns that a sentence gets even where the terminal has none."""


def print_sentence(screen: Console, text: str, *, label: str = "", style: str = "", dim: bool = False) -> None:
    """Prints plain text behind its label; further lines of it are indented as far.

    A word that is longer than the terminal, such as a path, is left whole: it can still be copied.

    Args:
        screen: of `regimen.cli.screen.terminal`.
        text: what is said, on one line however long; no-break spaces become blanks.
        label: such as ``Costs``, printed with a colon.
        style: of the label.
        dim: whether the whole sentence stands back: it explains another one.
    """
    head = f"{label + ':':<{_LABEL - 1}} " if label else ""
    text = printable(with_blanks(text))
    if screen.is_terminal:
        indent = " " * (len(head) or 2)
        width = max(screen.width, len(indent) + _NARROWEST)
        lines = textwrap.wrap(
            head + text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        text = "\n".join(lines)[len(head) :]
    screen.print(Text.assemble((head, style), text, style="dim" if dim else ""), soft_wrap=True)
