"""Reads bars from JSON: arrays of rows (freqtrade, ccxt), objects, columns, and one row to a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from regimen.arrow import data_errors
from regimen.errors import DataError
from regimen.readers.formats.files import Content
from regimen.readers.roles import plain


def read_json(data: bytes, name: str, source: str) -> Content:
    """Returns the columns of a JSON file.

    Raises:
        DataError: it is not JSON, or not a table of rows or columns.
    """
    try:
        text = data.decode("utf-8-sig")
        try:
            parsed = json.loads(text)
        except ValueError:
            lines = [line for line in text.splitlines() if line.strip()]
            if len(lines) < 2:
                raise
            parsed = [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        raise DataError(source, f"must be JSON ({error})") from None
    if isinstance(parsed, dict):
        parsed = _unwrapped(parsed, source)
    if isinstance(parsed, dict):
        return _from_columns(parsed, name, source)
    if not isinstance(parsed, list) or not parsed:
        raise DataError(source, "must be a JSON list of rows with at least one row")
    if all(isinstance(row, list) for row in parsed):
        width = len(parsed[0])
        if width == 0 or any(len(row) != width for row in parsed):
            raise DataError(source, f"must have {width or 'some'} values in every row")
        columns = list(zip(*parsed, strict=True))
        return Content(None, tuple(_array(list(c)) for c in columns), name, source, arrays=True)
    if all(isinstance(row, dict) for row in parsed):
        names = tuple(dict.fromkeys(key for row in parsed for key in row))
        if not names:
            raise DataError(source, "must have named values in its rows")
        return Content(names, tuple(_array([row.get(key) for row in parsed]) for key in names), name, source)
    raise DataError(source, "must be a JSON list of arrays or of objects")


_NUMBERED = re.compile(r"\d+[a-z]?\. ")
"""What Alpha Vantage puts before its names: ``1. open``."""


def _is_table(value: object) -> bool:
    """Whether a value is rows, or pandas' object of columns or of rows."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(row, (list, dict)) for row in value)
    return (
        isinstance(value, dict)
        and len(value) > 1
        and all(
            isinstance(inner, dict) and inner.keys() == next(iter(value.values())).keys() for inner in value.values()
        )
    )


def _pairs(parsed: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    return zip(parsed["index"], parsed["data"], strict=True)


def _unwrapped(parsed: dict[str, Any], source: str, depth: int = 3) -> Any:
    """Finds the rows in an exchange's answer, such as ``{"status": "OK", "results": [...]}``.

    Raises:
        DataError: there are several tables in it.
    """
    if _is_table(parsed):
        return parsed
    if parsed.keys() == {"columns", "index", "data"}:  # pandas, orient="split"
        try:
            if not all(isinstance(name, str) for name in parsed["columns"]):
                raise DataError(source, "must have words as the names of its columns", parsed["columns"])
            return [{"index": at, **dict(zip(parsed["columns"], row, strict=True))} for at, row in _pairs(parsed)]
        except (TypeError, ValueError):
            raise DataError(source, "must have one value for each of its columns in every row") from None
    columns = {key: value for key, value in parsed.items() if isinstance(value, list) and not _is_table(value)}
    if len(columns) > 1:  # beside columns there may be a status (Finnhub)
        return columns
    tables = [key for key, value in parsed.items() if _is_table(value)]
    if len(tables) > 1:
        raise DataError(source, "holds several tables; keep one of them", ", ".join(tables[:10]))
    if tables:
        return parsed[tables[0]]
    inner = [value for value in parsed.values() if isinstance(value, dict)] if depth else []
    deeper = [value for value in (_unwrapped(value, source, depth - 1) for value in inner) if _is_table(value)]
    return deeper[0] if len(deeper) == 1 else parsed


def _from_columns(parsed: dict[str, Any], name: str, source: str) -> Content:
    """Columns by name: ``{"open": [...]}`` or pandas' ``{"open": {"0": ...}}``; also rows by time."""
    if _is_table(parsed):
        keys = tuple(next(iter(parsed.values())))
        outer, inner = ({plain(_NUMBERED.sub("", key)) for key in side} for side in (parsed, keys))
        if inner & {"open", "close", "o", "c"} and not outer & {"open", "close", "o", "c"}:
            rows = list(parsed.values())
            parsed = {"index": list(parsed), **{_NUMBERED.sub("", key): [row[key] for row in rows] for key in keys}}
        elif keys != tuple(map(str, range(len(keys)))):
            parsed = {"index": list(keys), **parsed}
    values = [list(v.values()) if isinstance(v, dict) else v for v in parsed.values()]
    if not values or any(not isinstance(v, list) for v in values):
        raise DataError(source, "must be a JSON list of rows, or an object of columns")
    if not values[0] or len({len(v) for v in values}) != 1:
        raise DataError(source, "must have columns of one length, with at least one row")
    return Content(tuple(parsed), tuple(_array(v) for v in values), name, source)


def _array(values: list[Any]) -> Any:
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    try:
        if kinds <= {int}:
            return pa.array(values, type=pa.int64())
        if kinds <= {int, float}:
            return pa.array([None if value is None else float(value) for value in values], type=pa.float64())
        return pa.array([None if value is None else str(value) for value in values], type=pa.string())
    except data_errors(OverflowError, UnicodeError):
        return pa.array([repr(value) for value in values], type=pa.string())
