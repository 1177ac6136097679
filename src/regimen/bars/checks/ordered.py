"""`Ordered`: the rows sorted by symbol and time, which all checks of neighbours share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.calendar import Calendar
from regimen.bars.checks.report import SHOWN, Finding, written
from regimen.bars.checks.weekends import filled_weekends
from regimen.bars.config import DataConfig
from regimen.bars.periods import Life, periods_per_year
from regimen.bars.pivot import bar_length_of, by_symbol_and_time, calendar_of, is_ordered
from regimen.bars.table import RawTable


@dataclass(frozen=True, eq=False)
class Ordered:
    """A table with its rows in order.

    Attributes:
        table: the rows in the file's order.
        order: positions in ``table``, by symbol, then time.
        time, symbol: the sorted stamps and symbols.
        same: (row − 1,) whether a row has the symbol of the row before.
        columns: sorted columns.
        good: (row,) whether all four prices are finite and positive.
        bar_length, calendar: what the stamps show, or what the config says.
    """

    table: RawTable
    order: NDArray[np.intp]
    time: NDArray[np.int64]
    symbol: NDArray[np.int32]
    same: NDArray[np.bool_]
    columns: dict[str, NDArray[np.float64]]
    good: NDArray[np.bool_]
    bar_length: int
    calendar: Calendar

    @classmethod
    def of(cls, table: RawTable, config: DataConfig) -> Ordered:
        """Sorts the rows (nothing is copied when they are in order)."""
        order = by_symbol_and_time(table)
        sorted_already = is_ordered(table)
        time = table.time if sorted_already else table.time[order]
        symbol = table.symbol if sorted_already else table.symbol[order]
        columns = {name: v if sorted_already else v[order] for name, v in table.columns.items()}
        bar_length = bar_length_of(table, order)
        lowest = np.minimum(np.minimum(columns["open"], columns["high"]), np.minimum(columns["low"], columns["close"]))
        highest = columns["open"] + columns["high"] + columns["low"] + columns["close"]
        traded = time[~filled_weekends(time, columns, bar_length)]
        stamps = (traded if len(table.symbols) == 1 else np.unique(traded)).astype("datetime64[ns]")
        good = (lowest > 0) & np.isfinite(highest)
        return cls(
            table=table,
            order=order,
            time=time,
            symbol=symbol,
            same=symbol[1:] == symbol[:-1],
            columns=columns,
            good=good,
            bar_length=bar_length,
            calendar=calendar_of(table, stamps, bar_length, config),
        )

    @cached_property
    def periods_per_year(self) -> float:
        """Bars a year of all rows, as the bars that they become will count them."""
        if self.table.periods_per_year > 0:
            return self.table.periods_per_year
        if len(self.table.symbols) == 1:
            return periods_per_year(self.time, [Life(0, len(self.time) - 1, 1)], self.bar_length, self.calendar)
        times = np.unique(self.time)
        starts = np.concatenate(([0], np.flatnonzero(~self.same) + 1))
        stops = np.append(starts[1:], len(self.time))
        first, last = np.searchsorted(times, self.time[starts]), np.searchsorted(times, self.time[stops - 1])
        lives = [Life(int(a), int(z), int(n)) for a, z, n in zip(first, last, stops - starts, strict=True)]
        return periods_per_year(times, lives, self.bar_length, self.calendar)

    def take(self, keep: NDArray[np.bool_]) -> Ordered:
        """Returns the selected rows, still in order; the bar length and the calendar stay those of all rows."""
        symbol = self.symbol[keep]
        return replace(
            self,
            order=self.order[keep],
            time=self.time[keep],
            symbol=symbol,
            same=symbol[1:] == symbol[:-1],
            columns={name: values[keep] for name, values in self.columns.items()},
            good=self.good[keep],
        )

    def good_only(self) -> Ordered:
        """Returns the rows with four positive prices, each time once: price moves can be read from them."""
        keep = self.good.copy()
        keep[1:] &= ~(self.same & (self.time[1:] == self.time[:-1]))
        return self if keep.all() else self.take(keep)

    def find(
        self,
        name: str,
        severity: str,
        where: NDArray[np.bool_] | NDArray[np.intp],
        sentence: str,
        repair: str = "",
    ) -> Finding | None:
        """Makes a finding of sorted positions (or a mask over them), or None when there are none."""
        positions = np.flatnonzero(where) if where.dtype == np.bool_ else where
        if len(positions) == 0:
            return None
        return finding_at(self.table, name, severity, self.order[positions], sentence, repair)


def finding_at(
    table: RawTable, name: str, severity: str, positions: NDArray[np.intp], sentence: str, repair: str = ""
) -> Finding:
    """Makes a finding of positions in the file's order; the sentence may hold ``{count}``."""
    first = np.sort(positions)[:SHOWN] if len(positions) < 100_000 else positions[:SHOWN]
    panel = len(table.symbols) > 1
    stamps = []
    for position in first:
        stamp = written(int(table.time[position]))
        stamps.append(f"{stamp} {table.symbols[table.symbol[position]]}" if panel else stamp)
    return Finding(
        name=name,
        severity="refuse" if severity == "refuse" else "warn",
        count=len(positions),
        rows=tuple(int(row) for row in table.rows[first]),
        stamps=tuple(stamps),
        sentence=sentence.replace("{count}", f"{len(positions):,}"),
        repair=repair,
    )


__all__ = ["PRICES", "Ordered", "finding_at"]
