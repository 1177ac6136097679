"""Lines of words at the end of a text file: where it was downloaded, a disclaimer, an empty row of a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence

_TAIL = 1 << 14
_MOST = 20


def without_footer(
    data: bytes, delimiter: str, first: Sequence[str], is_value: Callable[[str], bool]
) -> tuple[bytes, str]:
    """Cuts off the lines at the end that are words; a row that was cut short is none of them.

    Args:
        data: the text, UTF-8.
        delimiter: of its cells.
        first: the cells of the first row.
        is_value: whether a cell is a number or a date.

    Returns:
        The text, and what was cut off: empty when nothing was, or when no row stands above it.
    """
    lines = data[-_TAIL:].decode("utf-8", errors="replace").splitlines()
    footer: list[str] = []
    start = len(data)
    for line in reversed(lines):
        if line.strip() and not _is_footer(_cells(line, delimiter), first, is_value):
            text = " ".join(each for each in reversed(footer) if each) or "an empty row"
            return (data[:start], text) if footer else (data, "")
        if line.strip():
            footer.append(line.strip(" \t\"'" + delimiter))
            start = data.rfind(line.encode(), 0, start)
        if len(footer) > _MOST or start < 0:
            break
    return data, ""


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:
        return [line]


def _is_footer(cells: Sequence[str], first: Sequence[str], is_value: Callable[[str], bool]) -> bool:
    if not any(cells):
        return True
    if is_value(cells[0]) or _shape(cells[0]) == _shape(first[0]) or not re.search(r"[^\W\d_]{4}", cells[0]):
        return False  # it begins like a row
    goes_on = re.search(r"\d", "".join(cells[1:]))
    return not goes_on or (" " in cells[0] and len(cells) != len(first))


def _shape(cell: str) -> str:
    """Returns a cell with its words and numbers written alike: ``a 9, 9`` for ``Jan 5, 2024``."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", cell))
