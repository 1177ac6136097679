"""Joins values of other files to bars, each to the bar in which it became known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regimen.bars import SUMMED, Bars, DataConfig, ExtraFile
from regimen.bars.checks import (
    SHOWN,
    Finding,
    Odd,
    early,
    funding_in_percent,
    refuse_impossible,
    refuse_repeated,
    uncovered,
    written,
)
from regimen.errors import DataError
from regimen.readers.cells import numbers_of, shows_comma
from regimen.readers.formats.files import Content, read_content
from regimen.readers.roles import EXTRAS, INDEX, SYMBOL, TIME, plain
from regimen.readers.times.clock import Clock
from regimen.spans import span

FUNDING_TIMES = ("funding_time", "fundingtime", "calc_time")
"""What exchanges call the stamp of a funding rate."""
_SECOND = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Values:
    """What a file of `data.extras` holds, in the order of time and without missing values.

    Attributes:
        time: (value,) when each became known, nanoseconds UTC.
        symbol: (value,) position among the bars' symbols, -1 for another's.
        numbers: (value,).
        rows: (value,) the row of the file, counted from 0 without the header.
        source: the file's name.
        notes: what was assumed of it.
    """

    time: NDArray[np.int64]
    symbol: NDArray[np.int64]
    numbers: NDArray[np.float64]
    rows: NDArray[np.intp]
    source: str
    notes: tuple[str, ...]


def join_extras(
    bars: Bars, files: Mapping[str, ExtraFile], length: int
) -> tuple[Bars, tuple[str, ...], tuple[Finding, ...]]:
    """Adds a column for each file.

    A value lies in the bar with ``time <= stamp + delay < time + bar_length``, so it is known when that bar
    closes; every other bar is NaN. Two values in one bar: amounts that add up (funding) are summed, of others
    the last stays. A funding rate stamped less than a second (and less than a hundredth of a bar) before a bar
    belongs to that bar: exchanges settle on the hour and stamp some milliseconds around it.

    Args:
        bars: what the values are joined to.
        files: by the name of the column.
        length: of the bars that will be made of these, nanoseconds; a value known within one of them is in time.

    Returns:
        The bars, a sentence for each file on what was joined, and what is odd about the values.

    Raises:
        DataError: a file that cannot be read, holds an impossible value, an amount twice, or none that falls in a
            bar.
    """
    notes: list[str] = []
    findings: list[Finding] = []
    columns = dict(bars.extras)
    for name, file in files.items():
        values = _read(bars, name, file)
        columns[name], joined = _joined(bars, name, values)
        notes += (
            *(f"{name}: {note}" for note in values.notes),
            f"{name}: {int(joined.sum()):,} of {len(joined):,} values of {values.source} fall in a bar",
        )
        option, delayed = f"data.extras.{name}", file.delay != "0s"
        odd = [
            uncovered(name, bars, values.time[joined], values.symbol[joined]),
            funding_in_percent(name, values.time, values.symbol, values.numbers, f"{option}.scale"),
            early(name, f"{option}.delay", delayed, values.time, values.symbol, length),
        ]
        findings += [_finding(each, values) for each in odd if each is not None]
    return replace(bars, extras=columns), tuple(notes), tuple(findings)


def _finding(odd: Odd, values: Values) -> Finding:
    """A warning that names the rows of the extra's own file."""
    first = odd.positions[:SHOWN]
    return Finding(
        name=odd.name,
        severity="warn",
        count=odd.count,
        rows=tuple(int(values.rows[at]) for at in first),
        stamps=tuple(written(int(values.time[at])) for at in first),
        sentence=f"{values.source}: {odd.sentence}",
        repair=odd.repair,
    )


def _read(bars: Bars, name: str, file: ExtraFile) -> Values:
    field = f"data.extras.{name}"
    try:
        config = DataConfig(path=file.path, zone=file.zone, decimal=file.decimal)
        content = read_content(config, file.path)
    except DataError as error:
        raise error.named(f"{field}.path") if error.field == "data.path" else error from None
    if content.names is None and len(content.columns) == 2:
        content = replace(content, names=("time", name))
    if content.names is None:
        raise DataError(field, "must be a file with named columns", content.source)
    plains = [plain(column) for column in content.names]
    times: list[int] = []
    for known in (TIME, FUNDING_TIMES, INDEX):
        times = times or [i for i, column in enumerate(plains) if column in known]
    if len(times) != 1:
        raise DataError(field, "must be a file with one time column", ", ".join(content.names))
    symbols = [i for i, column in enumerate(plains) if column in SYMBOL]
    value = _value_column(field, name, file, content.names, plains, {*times, *symbols[:1]})
    clock = Clock(config, content.source)
    time = clock.read(content.columns[times[0]])
    if file.delay != "0s":
        time = time + span(file.delay, f"{field}.delay")
    thousands = bool(content.delimiter) and file.decimal == "," and shows_comma(content.columns)
    try:
        numbers = numbers_of(content.columns[value], content.names[value], content.source, file.decimal, thousands)
    except DataError as error:
        raise DataError(error.field, error.rule.replace("data.decimal", f"{field}.decimal"), error.value) from None
    numbers = numbers * file.scale
    symbol, notes = _symbols(bars, field, content, symbols[:1])
    refuse_impossible(field, name, numbers, content.source)
    order = np.argsort(time, kind="stable")
    order = order[~np.isnan(numbers[order])]
    if name in SUMMED:
        mine = order[symbol[order] >= 0]
        refuse_repeated(field, time[mine], symbol[mine], mine, content.source)
    assumed = tuple(note.replace("data.zone", f"{field}.zone") for note in clock.assumptions)
    return Values(time[order], symbol[order], numbers[order], order, content.source, (*content.notes, *assumed, *notes))


def _symbols(bars: Bars, field: str, content: Content, column: list[int]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Returns the position of each value's symbol among those of the bars, and what was assumed."""
    if not column:
        if len(bars.symbols) > 1:
            listed = ", ".join(content.names or ())
            raise DataError(field, "must have a symbol column, because the bars are a panel", listed)
        return np.zeros(len(content), dtype=np.int64), ()
    texts = [str(text).strip() for text in content.columns[column[0]].to_pylist()]
    named = tuple(dict.fromkeys(texts))
    if bars.symbols == ("asset",) and len(named) == 1:  # bars without a name are those of the only symbol
        return np.zeros(len(texts), dtype=np.int64), (f"the values of {named[0]} are taken as those of the bars",)
    codes = {symbol: code for code, symbol in enumerate(bars.symbols)}
    if not codes.keys() & set(named):
        rule = f"must name symbols of the bars ({', '.join(bars.symbols[:5])}); data.symbols names those of the bars"
        raise DataError(field, rule, ", ".join(named[:5]))
    return np.array([codes.get(text, -1) for text in texts], dtype=np.int64), ()


def _joined(bars: Bars, name: str, values: Values) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns (time, symbol) values on the bars' grid, and (value,) whether each fell in a bar."""
    starts = bars.time.astype(np.int64)
    slack = min(_SECOND, bars.bar_length // 100) - 1 if name == "funding_rate" else 0
    row = np.searchsorted(starts, values.time + slack, side="right") - 1
    inside = (row >= 0) & (values.symbol >= 0)
    inside &= values.time < starts[np.maximum(row, 0)] + bars.bar_length
    if not inside.any():
        covered = " to ".join(written(int(edge)) for edge in values.time[[0, -1]]) if len(values.time) else "nothing"
        first, last = written(int(starts[0])), written(int(starts[-1]) + bars.bar_length)
        rule = (
            f"must have values in the bars ({first} to {last}), but 0 of {len(row):,} fall in one; it covers {covered}"
        )
        if ((values.time > starts[0]) & (values.time < starts[-1])).any():
            rule += f", between the bars: data.extras.{name}.delay moves its values into them"
        raise DataError(f"data.extras.{name}", rule, values.source)
    result = np.full(bars.shape, np.nan)
    at, numbers = (row[inside], values.symbol[inside]), values.numbers[inside]
    if name in SUMMED:
        result[at] = 0.0
        np.add.at(result, at, numbers)
    else:
        result[at] = numbers
    return result, inside


def _value_column(
    field: str, name: str, file: ExtraFile, names: tuple[str, ...], plains: list[str], taken: set[int]
) -> int:
    if file.column is not None:
        if file.column not in names:
            raise DataError(f"{field}.column", f"must be one of {', '.join(names)}", file.column)
        return names.index(file.column)
    aliases = [i for i, column in enumerate(plains) if column in EXTRAS.get(name, (name,))]
    if len(aliases) == 1:
        return aliases[0]
    rest = [i for i in range(len(names)) if i not in taken]
    if name == "funding_rate" and [plains[i] for i in rest] == ["open", "high", "low", "close", "volume"]:
        return plains.index("open")  # freqtrade keeps funding rates there
    if len(rest) != 1:
        raise DataError(field, f"has several values; set {field}.column", ", ".join(names[i] for i in rest))
    return rest[0]
