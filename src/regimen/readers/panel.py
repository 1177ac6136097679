"""One table of several: the tickers of one file, or the files of a folder, each with the bars of a symbol."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.bars import PRICES, DataConfig, RawTable
from regimen.errors import DataError
from regimen.readers.formats.files import Content, read_content
from regimen.readers.formats.folder import files_of, others_of, stem_of
from regimen.readers.interpret import interpret, selected
from regimen.readers.tickers import by_ticker
from regimen.spans import in_words

_DATE = re.compile(r"[-_.]?(19|20)\d\d([-_]?\d\d){0,2}")
UNNAMED = ("asset",)
"""The symbols of a file that names none."""


def read_table(config: DataConfig, path: str) -> RawTable:
    """Reads a file, or all files of a folder or pattern as a panel.

    In a panel of files a symbol has the name that its file gives it, in a column or as a ticker, or else the file's
    own name without its ending.

    Raises:
        DataError: a file cannot be read or understood (the line names it), two files hold one symbol, the files are
            parts of one series, or their bars have different lengths.
    """
    files = files_of(path)
    if files is None:
        return table_of(read_content(config, path), config)
    whole = _whole(config)
    tables = []
    for file in files:
        try:
            table = table_of(read_content(whole, str(file)), whole)
        except DataError as error:
            raise error if file.name in str(error) else error.within(f"{file.name}: ") from None
        tables.append(replace(table, symbols=(stem_of(file),)) if table.symbols == UNNAMED else table)
    _refuse_parts(tables)
    if config.bar_length is None:
        _refuse_lengths(tables)
    panel = joined(tables, "/".join(Path(path).parts[-2:]))
    others = others_of(path)
    if others:
        note = f"{len(others)} file(s) of other kinds are left out: {', '.join(others[:5])}"
        panel = replace(panel, assumptions=(*panel.assumptions, note))
    return selected(panel, config, named=True)


def _whole(config: DataConfig) -> DataConfig:
    """The config of a part: what is kept of the panel is decided when it is whole."""
    return config.model_copy(update={"symbols": None, "start": None, "end": None, "vault": None})


def table_of(content: Content, config: DataConfig) -> RawTable:
    """Gives columns their meaning, those of each ticker by themselves where they are named by price and ticker.

    Raises:
        DataError: they cannot be understood.
    """
    parts = by_ticker(content)
    if len(parts) == 1:
        return interpret(parts[0], config)
    tables = [interpret(part, _whole(config)) for part in parts]
    empty = tuple(table.symbols[0] for table in tables if _holes(table).all())
    tables = [table.take(~_holes(table)) for table in tables if table.symbols[0] not in empty]
    if not tables:
        raise DataError(content.source, "must hold at least one price")
    notes = (f"{', '.join(empty)} left out: no price in the file",) if empty else ()
    panel = joined(tables, content.source)
    return selected(replace(panel, assumptions=(*panel.assumptions, *notes)), config, named=True)


def _holes(table: RawTable) -> NDArray[np.bool_]:
    """(row,): whether the row only says that the symbol has no bar at its time: all four prices are missing."""
    return np.asarray(np.logical_and.reduce([np.isnan(table.columns[name]) for name in PRICES]))


def joined(tables: Sequence[RawTable], source: str) -> RawTable:
    """Puts tables of different symbols under each other; a column that one of them lacks is NaN there.

    Raises:
        DataError: two tables hold one symbol.
    """
    symbols = [symbol for table in tables for symbol in table.symbols]
    twice = next((symbol for symbol, count in Counter(symbols).items() if count > 1), None)
    if twice is not None:
        sources = [table.source for table in tables if twice in table.symbols]
        raise DataError(source, f"must hold each symbol once; {' and '.join(sources[:2])} both hold", twice)
    tables = [table.take(~_holes(table)) if table.grid and _holes(table).any() else table for table in tables]
    lengths = {table.bar_length for table in tables}
    calendars = {table.calendar for table in tables}
    names = tuple(dict.fromkeys(name for table in tables for name in table.columns))
    first = np.cumsum([0, *(len(table.symbols) for table in tables[:-1])])
    return RawTable(
        time=np.concatenate([table.time for table in tables]),
        symbol=np.concatenate(
            [table.symbol + offset for table, offset in zip(tables, first, strict=True)], dtype=np.int32
        ),
        symbols=tuple(symbols),
        columns={
            name: np.concatenate([table.columns.get(name, np.full(len(table), np.nan)) for table in tables])
            for name in names
        },
        rows=np.concatenate([table.rows for table in tables]),
        source=source,
        assumptions=_notes(tables),
        bar_length=lengths.pop() if len(lengths) == 1 else None,
        calendar=calendars.pop() if len(calendars) == 1 else None,
    )


def _notes(tables: Sequence[RawTable]) -> tuple[str, ...]:
    """What was assumed of the tables, each with the first of those that it holds for, unless it holds for all."""
    by_note: dict[str, list[str]] = {}
    for table in tables:
        for note in table.assumptions:
            by_note.setdefault(note, []).append(table.source)
    notes = []
    for note, sources in by_note.items():
        more = f" and {len(sources) - 3} more" if len(sources) > 3 else ""
        notes.append(note if len(sources) == len(tables) else f"{note} ({', '.join(sources[:3])}{more})")
    return tuple(notes)


def _refuse_parts(tables: Sequence[RawTable]) -> None:
    """Refuses files that follow one another in time: they are parts of one series, not symbols.

    Raises:
        DataError: so do all of three and more files, or those whose names differ in a date only.
    """
    named: dict[str, list[RawTable]] = {}
    for table in tables:
        named.setdefault(_DATE.sub("", "/".join(table.symbols)), []).append(table)
    if len(tables) > 2:  # of two symbols one may have ended before the other began
        named[""] = list(tables)
    for group in named.values():
        spans = sorted((int(table.time.min()), int(table.time.max()), table.source) for table in group)
        if len(spans) > 1 and all(after[0] >= before[1] for before, after in pairwise(spans)):
            listed = ", ".join(source for _, _, source in spans[:10])
            rule = "must be one file for each symbol; these follow one another in time: put them into one file"
            raise DataError("data.path", rule, listed)


def _refuse_lengths(tables: Sequence[RawTable]) -> None:
    """Refuses files whose bars have different lengths.

    Raises:
        DataError: in one file no two bars are as near as those of another usually are.
    """
    steps = []
    for table in tables:
        spacing = np.diff(np.unique(table.time))
        if len(spacing):
            steps.append((int(np.median(spacing)), int(spacing.min()), table.source))
    usual, _, source = min(steps, default=(0, 0, ""))
    for _, nearest, other in steps:
        if nearest > usual:
            listed = f"{source} {in_words(usual)}, {other} {in_words(nearest)}"
            rule = (
                "must hold bars of one length: name its files with a pattern such as 'prices/*-1h.csv'; "
                "where all have one and some lack bars, set data.bar_length"
            )
            raise DataError("data.path", rule, listed)
