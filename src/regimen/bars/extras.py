"""Joins values of other files to bars, each to the bar in which it became known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from regimen.bars.bars import Bars
from regimen.bars.cells import numbers_of
from regimen.bars.clock import Clock
from regimen.bars.config import DataConfig, ExtraFile
from regimen.bars.files import read_content
from regimen.bars.roles import INDEX, SYMBOL, TIME, plain
from regimen.bars.spans import span
from regimen.errors import DataError

SUMMED = ("funding_rate", "quote_volume", "trades", "taker_buy_volume", "taker_buy_quote_volume")
"""Extras that add up over time; of all others a longer bar keeps the last value."""


def join_extras(bars: Bars, files: Mapping[str, ExtraFile]) -> tuple[Bars, tuple[str, ...]]:
    """Adds a column for each file.

    A value lies in the bar with ``time <= stamp + delay < time + bar_length``, so it is known when that bar
    closes; every other bar is NaN. Two values in one bar: amounts that add up (funding) are summed, of others
    the last stays.

    Returns:
        The bars, and a sentence for each file on what was joined.
    """
    notes = []
    columns = dict(bars.extras)
    for name, file in files.items():
        columns[name], note = _joined(bars, name, file)
        notes.append(note)
    return replace(bars, extras=columns), tuple(notes)


def _joined(bars: Bars, name: str, file: ExtraFile) -> tuple[np.ndarray, str]:
    content = read_content(DataConfig(path=file.path), file.path)
    field = f"data.extras.{name}"
    if content.names is None:
        raise DataError(field, "must be a file with named columns", content.source)
    plains = [plain(column) for column in content.names]
    times = [i for i, column in enumerate(plains) if column in TIME] or [i for i, c in enumerate(plains) if c in INDEX]
    if len(times) != 1:
        raise DataError(field, "must be a file with one time column", ", ".join(content.names))
    symbols = [i for i, column in enumerate(plains) if column in SYMBOL]
    value = _value_column(field, name, file, content.names, plains, {*times, *symbols[:1]})
    stamps = Clock(DataConfig(path=file.path), content.source).read(content.columns[times[0]])
    if file.delay != "0s":
        stamps = stamps + span(file.delay, f"{field}.delay")
    values = numbers_of(content.columns[value], content.names[value], content.source)
    if symbols:
        texts = [str(text) for text in content.columns[symbols[0]].to_pylist()]
        codes = {symbol: code for code, symbol in enumerate(bars.symbols)}
        column = np.array([codes.get(text, -1) for text in texts])
    elif len(bars.symbols) == 1:
        column = np.zeros(len(values), dtype=np.int64)
    else:
        raise DataError(field, "must have a symbol column, because the bars are a panel", ", ".join(content.names))
    order = np.argsort(stamps, kind="stable")
    stamps, values, column = stamps[order], values[order], column[order]
    starts = bars.time.astype(np.int64)
    row = np.searchsorted(starts, stamps, side="right") - 1
    inside = (row >= 0) & (column >= 0) & ~np.isnan(values)
    inside &= stamps < starts[np.maximum(row, 0)] + bars.bar_length
    result = np.full(bars.shape, np.nan)
    row, column, values = row[inside], column[inside], values[inside]
    if name in SUMMED:
        result[row, column] = 0.0
        np.add.at(result, (row, column), values)
    else:
        result[row, column] = values
    return result, f"{name}: {len(values):,} of {len(stamps):,} values of {content.source} fall in a bar"


def _value_column(
    field: str, name: str, file: ExtraFile, names: tuple[str, ...], plains: list[str], taken: set[int]
) -> int:
    if file.column is not None:
        if file.column not in names:
            raise DataError(f"{field}.column", f"must be one of {', '.join(names)}", file.column)
        return names.index(file.column)
    if name in plains:
        return plains.index(name)
    rest = [i for i in range(len(names)) if i not in taken]
    if name == "funding_rate" and [plains[i] for i in rest] == ["open", "high", "low", "close", "volume"]:
        return plains.index("open")  # freqtrade keeps funding rates there
    if len(rest) != 1:
        raise DataError(field, f"has several values; {field}.column says which", ", ".join(names[i] for i in rest))
    return rest[0]
