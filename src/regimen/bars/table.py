"""`RawTable`: the rows of a file in the file's order, before anything is repaired or arranged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.calendar import Calendar
from regimen.errors import DataError


@dataclass(frozen=True, eq=False)
class RawTable:
    """Rows as they stand in the file, with their meaning known and their numbers parsed.

    Attributes:
        time: (row,) int64 nanoseconds, UTC: the start of the bar.
        symbol: (row,) int32 position in ``symbols``.
        symbols: names, in the order of first appearance.
        columns: float64 columns: open, high, low, close, volume, then extras.
        rows: (row,) the row of the file that each row came from, counted from 0 without the header.
        source: the file's name, for messages.
        assumptions: what was taken as the documented default, in sentences.
        grid: whether the file was written by `Bars.write`: a row of NaN then means that the symbol has no
            bar.
        bar_length, calendar: known beforehand, or None.
        periods_per_year: known beforehand, or NaN.
    """

    time: NDArray[np.int64]
    symbol: NDArray[np.int32]
    symbols: tuple[str, ...]
    columns: Mapping[str, NDArray[np.float64]]
    rows: NDArray[np.int64]
    source: str
    assumptions: tuple[str, ...] = ()
    grid: bool = False
    bar_length: int | None = None
    calendar: Calendar | None = None
    periods_per_year: float = math.nan

    def __len__(self) -> int:
        return len(self.time)

    def take(self, selected: NDArray[np.bool_] | NDArray[np.intp]) -> RawTable:
        """Returns the selected rows (a mask or positions); refuses to return none."""
        time = self.time[selected]
        if len(time) == 0:
            raise DataError(self.source, f"must keep at least one of its {len(self)} rows; the options leave none")
        return replace(
            self,
            time=time,
            symbol=self.symbol[selected],
            columns={name: values[selected] for name, values in self.columns.items()},
            rows=self.rows[selected],
        )

    def with_columns(self, **columns: NDArray[np.float64]) -> RawTable:
        """Returns the table with columns added or replaced."""
        return replace(self, columns={**self.columns, **columns})

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(row,): whether a price is NaN or infinite. Rows of a grid that are wholly NaN are not counted."""
        total = self.columns["open"] + self.columns["high"] + self.columns["low"] + self.columns["close"]
        absent = ~np.isfinite(total)
        if self.grid and absent.any():
            whole = np.ones(len(self), dtype=np.bool_)
            for name in PRICES:
                whole &= np.isnan(self.columns[name])
            absent &= ~whole
        return absent
