"""Tables for a terminal: however narrow it is, no column is lost and no word is broken."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from regimen.cli.screen.lines import with_blanks
from regimen.cli.screen.terminal import console
from regimen.errors import printable

_ROOM = 2
"""Columns of the terminal between two columns of a table."""
_EDGES = 2
"""Columns of the terminal that the table leaves free at its sides."""
_PIECES = re.compile(r"(?<=[-/_ ])")


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Collection[str],
    styles: Sequence[str] | None = None,
    last: bool = False,
) -> None:
    """Prints rows of plain text. Where they are too wide, cells are wrapped behind blanks, hyphens, slashes
    and underscores.

    Where that does not help, each row is a paragraph of its own, a line for each column.

    Args:
        headings: of the columns.
        rows: cells in the order of the headings; no-break spaces become blanks.
        words: headings whose cells are words and stand to the left; all others are numbers.
        styles: of each row; "" is none.
        last: whether a line stands before the last row.
    """
    screen = console()
    table = fitted_table(headings, rows, words=words, width=screen.width, styles=styles, last=last)
    if table is not None:
        screen.print(table)
        return
    width = max(len(heading) for heading in headings)
    for row, style in zip(rows, styles or [""] * len(rows), strict=True):
        screen.print()
        for heading, cell in zip(headings, row, strict=True):
            screen.print(escape(f"{heading:<{width}}  {_spelt(cell)}"), style=style, soft_wrap=True)
    screen.print()


def fitted_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Collection[str],
    width: int,
    styles: Sequence[str] | None = None,
    last: bool = False,
) -> Table | None:
    """Returns the table that `print_table` prints, cells wrapped where it takes that; None where it cannot fit.

    Args:
        headings, rows, words, styles, last: see `print_table`.
        width: columns of the terminal.
    """
    spelt = [[_spelt(cell) for cell in row] for row in rows]  # here, because it may make them wider
    fitted = _fitted([list(headings), *spelt], width - _EDGES)
    if fitted is None:
        return None
    table = Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, _ROOM - 1, 0, 0), pad_edge=False)
    for name, heading in zip(headings, fitted[0], strict=True):
        table.add_column(escape(heading), justify="left" if name in words else "right", no_wrap=True)
    for number, cells in enumerate(fitted[1:]):
        ends = last and number == len(rows) - 2
        table.add_row(*map(escape, cells), style=styles[number] if styles else "", end_section=ends)
    return table


def _spelt(cell: str) -> str:
    return printable(with_blanks(cell))


def _fitted(table: list[list[str]], width: int) -> list[list[str]] | None:
    """Returns the cells, wrapped as far as it takes for their columns to fit; None where they cannot."""
    columns = [list(column) for column in zip(*table, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    least = [max(len(piece.rstrip()) for cell in column for piece in _PIECES.split(cell)) for column in columns]
    room = width - _ROOM * len(columns)
    if sum(least) > room:
        return None
    while sum(widths) > room:
        # the column that can give most does, and no more than is needed
        place = max(range(len(widths)), key=lambda k: widths[k] - least[k])
        widths[place] = max(least[place], widths[place] - (sum(widths) - room))
    wrapped = [[_wrapped(cell, size) for cell in column] for column, size in zip(columns, widths, strict=True)]
    return [list(row) for row in zip(*wrapped, strict=True)]


def _wrapped(cell: str, width: int) -> str:
    lines = [""]
    for piece in _PIECES.split(cell):
        if len(lines[-1]) + len(piece.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)
