"""The cells of a file to numbers and symbols; what is neither is named with its row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.arrow import data_errors, to_numpy
from regimen.bars import DataConfig
from regimen.errors import DataError
from regimen.readers.formats.files import Content
from regimen.readers.roles import Roles

_GROUPED = {
    ".": (r"^[$€£]?[+-]?\d{1,3}((,\d{3})+\.\d+|(,\d{3}){2,})$", ","),
    ",": (r"^[$€£]?[+-]?\d{1,3}((\.\d{3})+,\d+|(\.\d{3}){2,})$", "."),
}
"""By decimal mark: a number that shows beyond doubt what marks its thousands, and that mark."""
_SPACES = " \u00a0\u202f'\u2019"
"""Marks of thousands that mark nothing else: ``2 500,50``, ``2'500.50``."""
_POWERS = {"K": 3, "M": 6, "B": 9, "T": 12, "%": -2}
"""By what a number may end in: its power of ten."""


def shows_comma(columns: Sequence[Any]) -> bool:
    """Whether a column of a text file that was parsed with decimal commas has one: a point then marks thousands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for column in columns:
        if pa.types.is_floating(column.type):
            return True
        if pa.types.is_string(column.type) and pc.any(pc.match_substring_regex(column, _GROUPED[","][0])).as_py():
            return True
    return False


def numbers_of(column: Any, name: str, source: str, decimal: str = ".", thousands: bool = False) -> NDArray[np.float64]:
    """Returns float64 with NaN for missing cells.

    Args:
        column: pyarrow array.
        name: of the column, for messages.
        source: of the file, for messages.
        decimal: its decimal mark.
        thousands: whether other columns have shown that mark, so that ``1.006`` must be 1006 for a decimal comma.

    Raises:
        DataError: a cell is no number, or may be two.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    try:
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            cast = column.cast(pa.float64(), safe=False)
        elif pa.types.is_null(kind):
            return np.full(len(column), np.nan)
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            cast = _from_text(column.cast(pa.string()), decimal, thousands)
        else:
            raise DataError(source, f"must have numbers in the column {name}, not {kind}")
    except data_errors():
        row, value = _first_not_a_number(column, decimal)
        hint = ""
        if re.fullmatch(r"[+-]?[\d.,]*[.,]\d+ ?[KMBT%]?", str(value)):
            other, mark = (",", "comma") if decimal == "." else (".", "point")
            hint = f" (data.decimal='{other}' if the {mark} marks the decimals)"
        rule = f"must have numbers in the column {name}; row {row} has none{hint}"
        raise DataError(source, rule, value) from None
    return to_numpy(cast)


def _from_text(column: Any, decimal: str, thousands: bool = False) -> Any:
    """Reads numbers as people write them: ``$1,234.50``, ``1.234,50``, ``3.4K``, ``0.01%``, and ``-`` for none.

    Marks of thousands are only taken out when a cell of the column, with both marks or with two of thousands,
    shows which mark is which.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if decimal == ".":
            return column.cast(pa.float64())
    except data_errors():
        pass
    pattern, mark = _GROUPED[decimal]
    text = pc.utf8_trim_whitespace(column)
    shown = pc.any(pc.match_substring_regex(text, pattern)).as_py()
    if thousands and not shown:  # every cell with a point must then be written in groups of three
        marked = pc.filter(text, pc.match_substring(text, mark))
        shown = pc.all(pc.match_substring_regex(marked, rf"^[+-]?[1-9]\d{{0,2}}([{mark}]\d{{3}})+$")).as_py()
    if shown:
        whole = rf"^[$€£]?[+-]?\d{{1,3}}([{mark}]\d{{3}})*([{decimal}]\d+)?$"
        text = pc.if_else(pc.match_substring_regex(text, whole), pc.replace_substring(text, mark, ""), text)
    text = pc.replace_substring_regex(text, "^[$€£]", "")
    spaced = pc.match_substring_regex(text, rf"^[+-]?\d{{1,3}}([{_SPACES}]\d{{3}})+([.,]\d+)?$")
    text = pc.if_else(spaced, pc.replace_substring_regex(text, f"[{_SPACES}]", ""), text)
    if decimal == ",":
        text = pc.replace_substring(pc.replace_substring(text, ".", "_"), ",", ".")  # a point left over is no number
    text = pc.if_else(pc.fill_null(pc.equal(text, "-"), False), pa.scalar(None, pa.string()), text)
    for ending, power in _POWERS.items():
        text = pc.replace_substring_regex(text, rf"^([+-]?[\d.]+) ?{ending}$", rf"\1e{power}")
    return text.cast(pa.float64())


def _first_not_a_number(column: Any, decimal: str) -> tuple[int, object]:
    import pyarrow as pa

    for row in range(len(column)):
        try:
            _from_text(column.slice(row, 1).cast(pa.string()), decimal)
        except data_errors():
            return row, column[row].as_py()
    # Each row is a number by itself, but not beside the others.
    return 0, column[0].as_py()


def symbols_of(
    content: Content, config: DataConfig, roles: Roles, count: int
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    if roles.symbol is None:
        name = config.symbols[0] if config.symbols else content.symbol or config.sample or "asset"
        if config.symbols and len(config.symbols) != 1:
            raise DataError("data.symbols", "must be one name: the file has no symbol column", config.symbols)
        return np.zeros(count, dtype=np.int32), (name,)
    import pyarrow as pa

    column = content.columns[roles.symbol]
    if column.null_count:
        row = int(np.flatnonzero(to_numpy(column.is_null()))[0])
        raise DataError(content.source, f"must have a symbol in every row; row {row} has none")
    try:
        encoded = column.cast(pa.string()).dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().combine_chunks()
    except data_errors():
        raise DataError(content.source, "must have text in its symbol column", str(column.type)) from None
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    symbols = tuple(str(name).strip() for name in encoded.dictionary.to_pylist())
    if len(set(symbols)) != len(symbols):
        raise DataError(content.source, "must not have two symbols that differ in blanks only", symbols)
    return to_numpy(encoded.indices).astype(np.int32), symbols
