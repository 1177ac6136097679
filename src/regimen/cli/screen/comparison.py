"""What a person sees of a comparison: one table, or two halves of it where the terminal is narrower."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regimen.cli.screen.lines import with_blanks
from regimen.cli.screen.sentences import print_sentence
from regimen.cli.screen.tables import print_table
from regimen.cli.screen.terminal import console
from regimen.numerals import count
from regimen.reporting.comparison import TEXT, Comparison, table

_RESULTS = ("Sharpe [95 %]", "IQM [95 %]", "worst", "best", "DSR", "P > hold", "P > first", "verdict")
_ROOM = 1
"""Columns of the terminal between two columns of the table."""


def print_comparison(comparison: Comparison, page: Path) -> None:
    """Prints the table, what should not have been compared, the sentence, and where the page is."""
    screen = console()
    rows = [{column: with_blanks(cell) for column, cell in row.items()} for row in table(comparison)]
    columns = [column for column in rows[0] if column != "P > first" or len(comparison.contenders) > 1]
    width = sum(max(len(column), *(len(row[column]) for row in rows)) + _ROOM for column in columns)
    if width <= screen.width:
        _show(rows, columns, last=True)
    else:
        _show(rows[:-1], [column for column in columns if column == "model" or column in _RESULTS])
        others = [column for column in columns if column not in _RESULTS]
        _show(rows, others, last=True)
    for difference in comparison.differences:
        print_sentence(screen, f"{difference}.", label="Not comparable", style="bold red")
    print_sentence(screen, comparison.sentence)
    common = "; ".join(value for _, value in comparison.facts)
    print_sentence(screen, f"{common}; DSR over {count(comparison.trials)} trials.")
    if comparison.stale:
        print_sentence(screen, comparison.stale)
    print_sentence(screen, str(page), label="Page")
    print_sentence(screen, "open the page in a browser", label="Next")


def _show(rows: Sequence[dict[str, str]], columns: Sequence[str], *, last: bool = False) -> None:
    """Prints columns of the rows; ``last``: a line stands before the last row."""
    cells = [[row[column] for column in columns] for row in rows]
    print_table(columns, cells, words=TEXT, last=last)
