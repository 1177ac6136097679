"""Columns that are in memory already, of pandas or of whatever hands them over as an Arrow stream, and bars."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from regimen.arrow import data_errors
from regimen.bars import DESCRIPTION, PRICES, Bars, DataConfig, still_describes, to_table
from regimen.errors import DataError
from regimen.readers.formats.files import Content, description_of
from regimen.readers.roles import SYMBOL, plain
from regimen.readers.times.stamps import from_arrow

if TYPE_CHECKING:
    import pandas as pd

FRAME = "frame"
"""What messages call it, as they call a file by its name."""
_UNNAMED = "__index_level_"
"""How pyarrow begins the names of the levels of an index that have none."""
_FIRST_TIME = 19_000_101
"""The smallest whole number that is read as a time: an index below it numbers the rows."""
_ZONE_NEEDED = "the stamps of the frame name no zone; 'UTC', or that of its exchange such as 'America/New_York'"


def frame_content(frame: object, options: Mapping[str, Any]) -> tuple[Content, DataConfig]:
    """Returns the columns of a frame, its index first, and what its user says about them.

    Args:
        frame: of pandas, or of whatever has an Arrow stream.
        options: the fields of `DataConfig`, but for those that only files have.

    Raises:
        ConfigError: an option does not exist, is one of files, or breaks its rule.
        DataError: it is no frame, is empty, has a column twice, or columns that Arrow does not know.
    """
    _refuse_others(frame)
    config = DataConfig.in_memory(**options)
    table, description = _from_pandas(frame) if _is_pandas(frame) else _from_stream(frame)
    names = tuple(table.column_names)
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise DataError(FRAME, "must have each column once; rename or drop one of these", twice)
    if not table.num_rows or not names:
        raise DataError(FRAME, "must hold at least one row and one column", table.shape)
    content = Content(names, tuple(_plain_text(each) for each in table.columns), FRAME, FRAME, zone_needed=_ZONE_NEEDED)
    return _with_description(content, description, config)


def bars_content(bars: Bars, name: str) -> Content:
    """Returns the columns of the file that `Bars.write` makes of bars, under the name that it would have."""
    table = to_table(bars)
    return Content(tuple(table.column_names), tuple(table.columns), name, name, metadata=description_of(table))


def _refuse_others(frame: object) -> None:
    if isinstance(frame, (str, bytes, PurePath)):
        raise DataError(FRAME, "is a path; Bars.read reads files", str(frame))
    if isinstance(frame, Bars):
        raise DataError(FRAME, "is Bars already; nothing is to be read", frame.source)
    if not hasattr(frame, "__arrow_c_stream__"):
        collect = "; collect() it first" if hasattr(frame, "collect") else ""
        arrays = "; Bars.from_arrays takes arrays" if isinstance(frame, (np.ndarray, Mapping, list, tuple)) else ""
        rule = "must be a frame: of pandas, polars, pyarrow, DuckDB, or another that has an Arrow stream"
        raise DataError(FRAME, f"{rule}{collect or arrays}", type(frame).__name__)


def _is_pandas(frame: object) -> TypeGuard[pd.DataFrame]:
    """Whether it is a frame of pandas, which need not be imported to see that it is none."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(frame, pandas.DataFrame)


def _from_stream(frame: Any) -> tuple[Any, dict[str, Any]]:
    """Returns the table of an Arrow stream, and the description in its schema."""
    import pyarrow as pa

    try:
        table = pa.RecordBatchReader.from_stream(
            frame
        ).read_all()  # pa.table would import pandas to ask whether it is one
        table.validate(full=True)  # a text outside its buffer would end the process
    except MemoryError:
        raise
    except Exception as error:  # code of another library: any error is its own
        rule = f"must hand its columns over as an Arrow stream ({type(error).__name__}: {error})"
        raise DataError(FRAME, rule, type(frame).__name__) from error
    return table, description_of(table)


def _from_pandas(frame: pd.DataFrame) -> tuple[Any, dict[str, Any]]:
    """Returns the table that `DataFrame.to_parquet` would write, with the index before the columns, and its attrs.

    Levels of an index that have no name: whole numbers that are no times number the rows and are left out; of several
    levels that of stamps is the time, and that of text the symbol.
    """
    import pyarrow as pa

    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(FRAME, "must have each column once; rename or drop one of these", twice[0])
    try:
        table = pa.Table.from_pandas(frame)
    except data_errors(ValueError, TypeError) as error:
        raise DataError(FRAME, f"must have columns of one kind each ({error})") from None
    levels = table.column_names[len(frame.columns) :]
    names = {name: _level(name, table.column(name), table.column_names, len(levels)) for name in levels}
    columns = {new: table.column(old) for old, new in names.items() if new is not None}
    columns |= {name: table.column(place) for place, name in enumerate(table.column_names[: len(frame.columns)])}
    description = frame.attrs.get(DESCRIPTION)
    return pa.table(columns), description if isinstance(description, dict) else {}


def _level(name: str, column: Any, names: list[str], levels: int) -> str | None:
    """Returns the name of a level of an index among the columns; None where it only numbers the rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not name.startswith(_UNNAMED):
        return name
    if pa.types.is_integer(column.type):
        numbers = (pc.min(column).as_py() or 0) < _FIRST_TIME
        return None if numbers else name
    if levels > 1 and pa.types.is_timestamp(column.type):
        return f"{_UNNAMED}0__"
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    named = any(plain(other) in SYMBOL for other in names)
    return "symbol" if levels > 1 and is_text and not named else name


def _plain_text(column: Any) -> Any:
    """Returns a column of texts as pyarrow's plain strings; polars hands over views of them."""
    import pyarrow as pa

    kind, text = column.type, pa.string()
    if kind == pa.string_view():
        return column.cast(text)
    if not pa.types.is_dictionary(kind) or kind.value_type != pa.string_view():
        return column
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(part.indices, part.dictionary.cast(text)) for part in column.chunks]
    )


def _with_description(
    content: Content, description: Mapping[str, Any], config: DataConfig
) -> tuple[Content, DataConfig]:
    """Returns both with what `Bars.to_frame` or `Bars.write` wrote beside the columns, where the rows are still those.

    Then the columns mean what they meant, and the symbols have their order. A frame whose stamps have changed, that
    lacks one of the columns, or whose columns the config names, is read as any other.
    """
    import pyarrow as pa

    names, columns = list(content.names or ()), list(content.columns)
    symbols = tuple(description.get("symbols") or ())
    if not symbols or config.columns or config.layout == "wide":
        return content, config
    if len(symbols) == 1 and "symbol" not in names:
        symbols = config.symbols or symbols
        names.append("symbol")
        columns.append(pa.array([symbols[0]] * len(content)))
    if not {"timestamp", "symbol", *PRICES, "volume"} <= set(names):
        return content, config
    time, symbol = (columns[names.index(name)] for name in ("timestamp", "symbol"))
    if not pa.types.is_timestamp(time.type) or not still_describes(description, from_arrow(time)):
        return content, config
    present = set(symbol.unique().cast(pa.string()).to_pylist())
    absent = [name for name in symbols if name not in present]  # a row that lacks all prices says that there is no bar
    columns = [_with_rows(column, [None] * len(absent)) for column in columns]
    columns[names.index("timestamp")] = _with_rows(time, [time[0]] * len(absent))
    columns[names.index("symbol")] = _with_rows(symbol.cast(pa.string()), absent)
    extras = [name for name in (*description.get("extras", ()), *config.keep) if name in names]
    content = replace(content, names=tuple(names), columns=tuple(columns), metadata={**description, "extras": extras})
    return content, config.model_copy(update={"symbols": config.symbols or symbols})


def _with_rows(column: Any, values: list[Any]) -> Any:
    """Returns a column with more values at its end."""
    import pyarrow as pa

    chunks = getattr(column, "chunks", [column])
    return pa.chunked_array([*chunks, pa.array(values, type=column.type)]) if values else column
