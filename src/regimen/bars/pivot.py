"""`RawTable` to `Bars`: rows to a (time, symbol) grid, in one vectorised step."""

from __future__ import annotations

from typing import Any

import numpy as np

from regimen.bars.bars import PRICES, Bars
from regimen.bars.calendar import Calendar, infer_calendar
from regimen.bars.config import DataConfig
from regimen.bars.table import RawTable
from regimen.errors import DataError


def bar_length_of(table: RawTable, order: np.ndarray) -> int:
    """Returns the most frequent step (ns) between neighbouring stamps of a symbol; of equals, the shortest.

    Args:
        table: rows in any order.
        order: positions that sort the rows by symbol, then time.
    """
    if table.bar_length is not None:
        return table.bar_length
    if len(table.symbols) == 1:
        time = table.time if is_ordered(table) else table.time[order]
        steps = time[1:] - time[:-1]
        steps = steps if (steps > 0).all() else steps[steps > 0]
    else:
        time, symbol = table.time[order], table.symbol[order]
        steps = time[1:] - time[:-1]
        steps = steps[(steps > 0) & (symbol[1:] == symbol[:-1])]
    if len(steps) == 0:
        raise DataError(
            table.source,
            "must hold at least two bars of a symbol, or data.bar_length must be given",
            len(table),
        )
    middle = int(np.median(steps[: 1 << 16]))
    if (steps == middle).sum() * 2 > len(steps):
        return middle
    lengths, counts = np.unique(steps, return_counts=True)
    return int(lengths[counts.argmax()])


def is_ordered(table: RawTable) -> bool:
    """Whether the rows of a single instrument stand in the order of time already."""
    return len(table.symbols) == 1 and bool((table.time[1:] >= table.time[:-1]).all())


def by_symbol_and_time(table: RawTable) -> np.ndarray:
    """Returns the positions that sort the rows by symbol, then time; equal stamps keep the file's order."""
    if is_ordered(table):
        return np.arange(len(table))
    if len(table.symbols) == 1:
        return np.argsort(table.time, kind="stable")
    return np.lexsort((table.time, table.symbol))


def calendar_of(table: RawTable, time: np.ndarray, bar_length: int, config: DataConfig) -> Calendar:
    """Returns the calendar that the config names, that the file keeps, or that the stamps show."""
    if table.calendar is not None:
        return table.calendar
    return infer_calendar(time, bar_length, config.calendar)


def pivot(table: RawTable, bar_length: int, calendar: Calendar) -> Bars:
    """Builds bars from rows that the checks accepted: unique (symbol, time), every price a positive number.

    Raises:
        DataError: time does not strictly increase for a single instrument, or a (symbol, time) is repeated.
    """
    names = tuple(table.columns)
    extras = tuple(name for name in names if name not in (*PRICES, "volume"))
    if len(table.symbols) == 1:
        stamps = table.time
        grid = {name: table.columns[name] for name in names}
    else:
        stamps = np.unique(table.time)
        row = np.searchsorted(stamps, table.time)
        width = len(table.symbols)
        cell = row * width + table.symbol
        if len(np.unique(cell)) != len(cell):
            raise DataError(table.source, "must not repeat a time of a symbol; set data.repairs.duplicates")
        grid = {}
        for name in names:
            flat = np.full(len(stamps) * width, np.nan)
            flat[cell] = table.columns[name]
            grid[name] = flat.reshape(len(stamps), width)
    time = stamps.astype("datetime64[ns]")
    columns: dict[str, Any] = {name: grid[name] for name in (*PRICES, "volume")}
    return Bars(
        time=time,
        symbols=table.symbols,
        bar_length=bar_length,
        calendar=calendar,
        extras={name: grid[name] for name in extras},
        source=table.source,
        periods_per_year=table.periods_per_year,
        **columns,
    )
