"""Windows over series, as views: the last rows before each moment, never copied as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError

Singles = NDArray[np.float32]


@final
@dataclass(frozen=True, eq=False)
class SeriesWindows:
    """``n`` windows (length, feature) of one table of rows; it looks like an array (n, length, feature).

    Indexing with a slice or with integers copies the windows asked for, and nothing else.

    Attributes:
        series: (row, feature) float32; the rows of a lane lie one after the other in time.
        ends: (n,) int64 position of each window's newest row.
        length: rows in a window.

    Raises:
        ConfigError: a length below 1.
        DataError: a window that begins before the table or ends after it.
    """

    series: Singles
    ends: NDArray[np.int64]
    length: int

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ConfigError("window", "must be at least 1", self.length)
        object.__setattr__(self, "series", np.ascontiguousarray(self.series, dtype=np.float32))
        object.__setattr__(self, "ends", np.ascontiguousarray(self.ends, dtype=np.int64))
        if self.series.ndim != 2 or self.ends.ndim != 1:
            raise DataError("windows", "must be of a table (row, feature), at positions (n,)", self.series.shape)
        outside = (self.ends < self.length - 1) | (self.ends >= len(self.series))
        if outside.any():
            rule = f"must end at rows {self.length - 1} to {len(self.series) - 1}"
            raise DataError("windows", rule, int(self.ends[outside][0]))

    @classmethod
    def joined(cls, parts: Sequence[SeriesWindows]) -> SeriesWindows:
        """Returns the windows of several tables, one after the other; none reaches from one table into another.

        Raises:
            DataError: windows of other lengths or columns.
        """
        shapes = {part.shape[1:] for part in parts}
        if len(shapes) != 1:
            raise DataError("windows", "must have one length and the same columns to be joined", sorted(shapes))
        before = np.cumsum([0, *(len(part.series) for part in parts)])
        ends = [part.ends + first for part, first in zip(parts, before[:-1], strict=True)]
        return cls(np.concatenate([part.series for part in parts]), np.concatenate(ends), parts[0].length)

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.ends)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, length, feature)."""
        return len(self.ends), self.length, self.series.shape[1]

    @property
    def ndim(self) -> int:
        """3."""
        return 3

    def __getitem__(self, which: slice | NDArray[Any]) -> Singles:
        """Returns the chosen windows, (k, length, feature), in new memory."""
        ends = self.ends[which]
        width = self.series.shape[1]
        # A window is one run of length x feature numbers, so that taking it is one copy of memory.
        runs = np.lib.stride_tricks.sliding_window_view(self.series.reshape(-1), self.length * width)[::width]
        return runs[ends - self.length + 1].reshape(len(ends), self.length, width)


@final
@dataclass(frozen=True, eq=False)
class Lanes:
    """The known rows of each symbol, one after the other: what windows are cut from.

    A row that is not known (not warm, no bar) is skipped: a window holds the last rows that were known. So does the
    memory of a policy that is called bar by bar.

    Attributes:
        series: (row, feature) float32, symbol after symbol, in time within each.
        place: (time, symbol) int64 position of each row in ``series``; -1 where it is not known.
        rank: (time, symbol) int64 number of earlier known rows of the symbol.
    """

    series: Singles
    place: NDArray[np.int64]
    rank: NDArray[np.int64]

    @classmethod
    def of(cls, values: NDArray[np.floating], known: NDArray[np.bool_]) -> Lanes:
        """Lays the known rows of a table (time, symbol, feature) end to end.

        Args:
            values: one row for each time and symbol.
            known: (time, symbol) whether the row is there.
        """
        by_symbol = known.T
        series = np.ascontiguousarray(values.swapaxes(0, 1)[by_symbol], dtype=np.float32)
        place = np.full(by_symbol.shape, -1, dtype=np.int64)
        place[by_symbol] = np.arange(len(series))
        rank: NDArray[np.int64] = np.cumsum(by_symbol, axis=1) - by_symbol
        return cls(series, np.ascontiguousarray(place.T), np.ascontiguousarray(rank.T))

    def whole(self, length: int) -> NDArray[np.bool_]:
        """(time, symbol): whether a window of so many rows ends here."""
        return np.asarray((self.place >= 0) & (self.rank >= length - 1))

    def windows(self, times: NDArray[np.intp], symbols: NDArray[np.intp], length: int) -> SeriesWindows:
        """Returns the windows that end at positions (n,) of time and symbol, which must all be `whole`."""
        return SeriesWindows(self.series, self.place[times, symbols], length)
