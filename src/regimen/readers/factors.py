"""The column ``adjustment``: from adjusted closes, or from a LEAN factor file."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from regimen.bars import DAY, DataConfig, RawTable
from regimen.errors import DataError


def with_adjustment(table: RawTable, config: DataConfig) -> RawTable:
    """Adds the adjustment that the config asks for.

    ``adj_close``: adj_close / close. A factor file: price factor × split factor of the first line whose date
    is not before the bar's. Both are known in their changes only: the level looks ahead, the step at a bar
    does not, and everything that reads the column reads ratios of it.

    Raises:
        DataError: the column or the file is missing or malformed.
    """
    if config.adjust is None:
        return table
    if config.adjust == "adj_close":
        if "adj_close" not in table.columns:
            raise DataError(
                "data.adjust",
                f"needs a column of adjusted closes; {table.source} has none",
                config.adjust,
            )
        factor = table.columns["adj_close"] / table.columns["close"]
        bad = ~(np.isfinite(factor) & (factor > 0)) & ~table.missing
        if bad.any():
            row = int(table.rows[bad.argmax()])
            raise DataError("data.adjust", f"needs positive adjusted closes; row {row} has none", table.source)
        return table.with_columns(adjustment=factor)
    if len(table.symbols) != 1:
        raise DataError("data.adjust", "can read a factor file for a single symbol only", config.adjust)
    dates, factors = read_factors(config.adjust)
    place = np.searchsorted(dates, table.time // DAY)
    if (place >= len(dates)).any():
        last = str(np.datetime64(int(dates[-1]), "D"))
        raise DataError("data.adjust", f"must reach the last bar; {Path(config.adjust).name} ends at", last)
    return table.with_columns(adjustment=factors[place])


def read_factors(path_text: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the days (since 1970) and the cumulative factors of a LEAN factor file."""
    path = Path(path_text)
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError("data.adjust", f"must be adj_close or a readable factor file ({error})", path_text) from None
    days, factors = [], []
    for number, cells in enumerate(line for line in lines if line):
        try:
            text = cells[0].strip()
            days.append(int(np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:8]}", "D").astype(np.int64)))
            factors.append(float(cells[1]) * float(cells[2]))
        except (ValueError, IndexError):
            rule = f"must be a LEAN factor file (date, price factor, split factor, ...); line {number} is not"
            raise DataError("data.adjust", rule, ",".join(cells)) from None
    result = np.array(days, dtype=np.int64), np.array(factors)
    if not days or (np.diff(result[0]) <= 0).any() or not (np.isfinite(result[1]) & (result[1] > 0)).all():
        raise DataError("data.adjust", "must have increasing dates and positive factors", path_text)
    return result
