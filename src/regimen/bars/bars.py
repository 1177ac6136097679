"""`Bars`: immutable market data, one instrument or a panel, with its bar length, calendar and fingerprint."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from regimen.bars.calendar import Calendar, infer_calendar
from regimen.bars.listing import listing
from regimen.bars.periods import Life, lives_of, of_window, periods_per_year
from regimen.errors import DataError
from regimen.reprs import many, short
from regimen.spans import in_words

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]
PRICES = ("open", "high", "low", "close")


def _frozen(name: str, values: object, shape: tuple[int, int]) -> Values:
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.shape != shape:
        raise DataError(f"bars.{name}", f"must have the shape (time, symbol) = {shape}", array.shape)
    if np.isinf(array).any():
        row = int(np.isinf(array).any(axis=1).argmax())
        raise DataError(f"bars.{name}", f"must be finite, or NaN where there is none; row {row} is not")
    if array is values or array.base is not None:
        array = array.copy()
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Bars:
    """Market data: what happened in each bar, stamped with the start of the bar.

    A symbol that has no bar at some time (a panel, a listing, an outage) is NaN in all its prices there.
    A bar is known when it closes, at ``time + bar_length``: whoever uses bar ``t`` acts at the open of ``t +
    1``.

    Attributes:
        time: (time,) datetime64[ns], UTC, strictly increasing: the start of each bar.
        symbols: names, in the order of the columns.
        open, high, low, close: (time, symbol) float64 prices in the quote currency.
        volume: (time, symbol) float64 in units of the base asset; NaN where the source has none.
        extras: named (time, symbol) columns. Names with a meaning: ``adjustment`` (cumulative factor; a step
            from a to b multiplies the units held by b/a, so price × adjustment is continuous over splits),
            ``funding_rate`` (NaN where no funding falls in the bar), ``bid``, ``ask``, ``open_interest``,
            ``sentiment``.
        bar_length: nanoseconds from one bar's start to the next.
        calendar: when bars are expected.
        source: where the data came from, for messages and reports.
        periods_per_year: bars in a year, whose square root annualises the Sharpe ratio of a bar. Counted (see
            `regimen.bars.periods`) unless given. A window and a selection keep the value of their series: a
            short slice is not counted again.
        listing: (symbol, 2) datetime64[ns]: start of the symbol's first bar, and of its last one where it has ended
            (NaT: it has not). Read off the bars unless given; what is cut from bars keeps theirs.

    Raises:
        DataError: time does not strictly increase, a column has another shape or an infinite value, or
            ``bar_length`` or ``periods_per_year`` is not positive.
    """

    time: NDArray[np.datetime64]
    symbols: tuple[str, ...]
    open: Values
    high: Values
    low: Values
    close: Values
    volume: Values
    bar_length: int
    calendar: Calendar
    extras: Mapping[str, Values] = field(default_factory=dict)
    source: str = "memory"
    periods_per_year: float = math.nan
    listing: NDArray[np.datetime64] = field(default_factory=lambda: np.empty((0, 2), "datetime64[ns]"))

    def __post_init__(self) -> None:
        if np.asarray(self.time).dtype.kind in "biuf":
            raise DataError("bars.time", "must be datetime64; Bars.from_arrays takes numbers, with their time_unit")
        time = np.array(self.time, dtype="datetime64[ns]")
        if time.ndim != 1 or len(time) == 0:
            raise DataError("bars.time", "must be a one-dimensional array with at least one bar", time.shape)
        if np.isnat(time).any():
            raise DataError("bars.time", "must not hold a missing time", int(np.isnat(time).argmax()))
        steps = np.diff(time.astype(np.int64))
        if (steps <= 0).any():
            first = int((steps <= 0).argmax()) + 1
            raise DataError("bars.time", f"must strictly increase; row {first} does not", str(time[first]))
        if len(set(self.symbols)) != len(self.symbols) or not self.symbols:
            raise DataError("bars.symbols", "must be at least one name, each only once", self.symbols)
        if not self.bar_length > 0:
            raise DataError("bars.bar_length", "must be positive", self.bar_length)
        time.flags.writeable = False
        object.__setattr__(self, "time", time)
        shape = (len(time), len(self.symbols))
        for name in (*PRICES, "volume"):
            object.__setattr__(self, name, _frozen(name, getattr(self, name), shape))
        extras = {name: _frozen(name, values, shape) for name, values in self.extras.items()}
        object.__setattr__(self, "extras", MappingProxyType(extras))
        if math.isnan(self.periods_per_year):
            object.__setattr__(self, "periods_per_year", self._counted())
        if not 0 < self.periods_per_year < math.inf:
            raise DataError("bars.periods_per_year", "must be a positive number", self.periods_per_year)
        times = self.listing if len(self.listing) else listing(time, self.present)
        times.flags.writeable = False
        object.__setattr__(self, "listing", times)

    def _counted(self) -> float:
        stamps = self.time.astype(np.int64)
        lives = [Life(0, len(stamps) - 1, 1)] if len(self.symbols) == 1 else lives_of(self.present)
        return periods_per_year(stamps, lives, self.bar_length, self.calendar)

    @classmethod
    def from_frame(cls, frame: object, **options: Any) -> Bars:
        """Takes a frame of pandas, polars, pyarrow or DuckDB, or whatever hands its columns over as an Arrow stream.

        The columns, or the levels of a pandas index, have the names, and go through the checks and repairs, that they
        have in a file; so do panels, long or wide. Stamps that name no zone are never taken for UTC: ``zone="UTC"``
        says so. The options are the fields of `DataConfig`, but for those that only files have.

        Raises:
            ConfigError: an option does not exist or breaks its rule.
            DataError: it is no frame, is ambiguous, or is refused by a check.
        """
        from regimen.readers import load_frame

        return load_frame(frame, options)

    @classmethod
    def from_arrays(
        cls,
        time: object,
        *,
        open: object,
        high: object,
        low: object,
        close: object,
        volume: object | None = None,
        symbol: object | None = None,
        symbols: str | tuple[str, ...] = ("asset",),
        time_unit: Literal["s", "ms", "us", "ns"] | None = None,
        bar_length: int | None = None,
        calendar: Calendar | None = None,
        extras: Mapping[str, object] | None = None,
        source: str = "memory",
        periods_per_year: float = math.nan,
        checked: bool = True,
        **options: Any,
    ) -> Bars:
        """Builds bars from arrays of shape (time,) or (time, symbol), or from rows that each name their symbol.

        Args:
            time: (time,) datetime64, UTC; or numbers since 1970, whose unit is never guessed.
            open, high, low, close: prices; of a symbol that has no bar at some time, NaN.
            volume: NaN unless given.
            symbol: (row,) the symbol of each row, where all arrays are rows of a panel in any order.
            symbols: names of the columns, where they are (time, symbol); or the one name.
            time_unit: of a numeric time.
            bar_length: nanoseconds; the most frequent step between stamps unless given.
            calendar: read off the stamps unless given.
            extras: further columns of the same shape.
            source: what messages call the bars.
            periods_per_year: counted unless given.
            checked: whether the bars go through the checks of a file, and the repairs of ``options``. A market that
                somebody made up, whose prices stand still or jump by intent, need not.
            options: fields of `DataConfig`, but for those that only files have: ``repairs``, ``start``, ``resample``.

        Raises:
            ConfigError: an option does not exist or breaks its rule.
            DataError: numbers for times without a unit, times that do not increase, arrays of another shape, or a
                check refuses the bars.
        """
        from regimen.bars.arrays import columns_of, grid_of, step_of, times_of

        stamps = times_of(time, time_unit)
        columns = columns_of({"open": open, "high": high, "low": low, "close": close, **(extras or {})})
        columns |= columns_of({"volume": np.full_like(columns["close"], np.nan) if volume is None else volume})
        if symbol is not None:
            stamps, symbols, columns = grid_of(stamps, symbol, columns)
        length = step_of(stamps) if bar_length is None else bar_length
        bars = cls(
            time=stamps,
            symbols=(symbols,) if isinstance(symbols, str) else tuple(symbols),
            open=columns["open"],
            high=columns["high"],
            low=columns["low"],
            close=columns["close"],
            volume=columns["volume"],
            bar_length=length,
            calendar=calendar or infer_calendar(stamps, length),
            extras={name: columns[name] for name in extras or {}},
            source=source,
            periods_per_year=periods_per_year,
        )
        if not checked and not options:
            return bars
        from regimen.readers import load_bars

        return load_bars(bars, options)

    @classmethod
    def read(cls, path: str | Path, **options: Any) -> Bars:
        """Reads a file; the options are the fields of `DataConfig` (``day_first=True``, ``zone="UTC"``).

        Raises:
            ConfigError: an option does not exist or breaks its rule.
            DataError: the file cannot be read, is ambiguous, or is refused by a check.
        """
        from regimen.bars.config import DataConfig
        from regimen.readers import load

        return load(DataConfig.of(path=str(path), **options))

    @classmethod
    def sample(cls, name: Literal["sp500", "nasdaq"] | str) -> Bars:
        """Returns a bundled real series: daily, 1999 to 2018, 5,031 bars, with the extra ``adj_close``.

        Raises:
            DataError: the sample does not exist, or the package ``arch`` that holds it is not installed.
        """
        from regimen.bars.config import DataConfig
        from regimen.readers import load
        from regimen.readers.samples import sample_path

        sample_path(name)  # so that an unknown name is a mistake in the data, not in a config
        return load(DataConfig.of(sample=name))

    def __len__(self) -> int:
        return len(self.time)

    def __repr__(self) -> str:
        symbols = "" if len(self.symbols) == 1 else f", {many(len(self.symbols), 'symbol')}"
        days = np.datetime_as_string(self.time[[0, -1]], "D")
        length = in_words(self.bar_length)
        return short(self, f"{self.source}: {many(len(self), 'bar')} of {length}{symbols}, {days[0]} to {days[1]}")

    def _repr_html_(self) -> str:
        from regimen.bars.html import to_html

        return to_html(self)

    def __deepcopy__(self, memo: dict[int, object]) -> Bars:
        return self  # nothing in it can change

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "extras": dict(self.extras)}  # a mapping proxy cannot be pickled

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()  # what was read back is frozen again

    @property
    def shape(self) -> tuple[int, int]:
        """(time, symbol)."""
        return self.close.shape[0], self.close.shape[1]

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """(time, symbol): whether the symbol has a bar, i.e. none of its four prices is NaN."""
        has_bar = ~(np.isnan(self.open) | np.isnan(self.high) | np.isnan(self.low) | np.isnan(self.close))
        has_bar.flags.writeable = False
        return has_bar

    @cached_property
    def listed(self) -> NDArray[np.bool_]:
        """(time, symbol): whether the symbol is listed: from its first bar to its last, with or without a bar.

        A symbol that ended is listed up to its last bar; see `regimen.bars.listing`.
        """
        first, last = self.listing.T
        time = self.time[:, None]
        within = np.asarray((time >= first) & ~(time > last))
        within.flags.writeable = False
        return within

    def window(self, start: int, stop: int) -> Bars:
        """Returns the bars at positions [start, stop).

        Its bars a year are those of the series, so that a holiday in a short window changes none; a window of a
        year is counted anew where the series is uneven (see `regimen.bars.periods.of_window`).
        """
        if not 0 <= start < stop <= len(self):
            raise DataError("window", f"must satisfy 0 <= start < stop <= {len(self)}", (start, stop))
        part = self._part(slice(start, stop), slice(None), time=self.time[start:stop])
        if self.periods_per_year == self._counted():  # and not said by who knows better
            yearly = of_window(part.time.astype(np.int64), part._counted(), self.periods_per_year)
            object.__setattr__(part, "periods_per_year", yearly)
        return part

    def select(self, symbol: str) -> Bars:
        """Returns the bars of one symbol, at all times of the panel; NaN where it has none."""
        if symbol not in self.symbols:
            raise DataError("symbol", f"must be one of {', '.join(self.symbols[:5])}, ...", symbol)
        s = self.symbols.index(symbol)
        own = slice(s, s + 1)
        return self._part(slice(None), own, symbols=(symbol,), listing=self.listing[own])

    def _part(self, rows: slice, lanes: slice, **changes: Any) -> Bars:
        columns = {name: getattr(self, name)[rows, lanes] for name in (*PRICES, "volume")}
        extras = {name: values[rows, lanes] for name, values in self.extras.items()}
        return replace(self, extras=extras, **columns, **changes)

    def between(self, start: str | None = None, end: str | None = None) -> Bars:
        """Returns the bars that start at or after ``start`` and before ``end`` (ISO dates, UTC)."""
        try:
            first = 0 if start is None else int(np.searchsorted(self.time, np.datetime64(start, "ns")))
            last = len(self) if end is None else int(np.searchsorted(self.time, np.datetime64(end, "ns")))
        except ValueError:
            raise DataError("data.start/data.end", "must be ISO dates or times", (start, end)) from None
        if first >= last:
            raise DataError("data.start/data.end", "must leave at least one bar", (start, end))
        return self.window(first, last)

    def resample(self, rule: str, partial: Literal["keep", "drop"] = "keep") -> Bars:
        """Returns longer bars (``4h``, ``1d``), anchored at 00:00 UTC, or at the end of the market's own day.

        ``partial="drop"`` removes the long bars in which short ones are missing. See `regimen.bars.resample`.
        """
        from regimen.bars.resample import resample

        return resample(self, rule, partial)

    def adjusted(self) -> Bars:
        """Returns bars whose prices are continuous over splits (and dividends, where the factor has them).

        Prices are multiplied by ``adjustment_t / adjustment_first`` (of the symbol's first bar) and volumes
        divided by it; the extra ``adjustment`` becomes 1. The scale is the first bar's, so no later split
        changes a past price.

        Raises:
            DataError: there is no ``adjustment``, or it is missing or not positive where the symbol has a
                bar.
        """
        from regimen.bars.adjust import adjusted

        return adjusted(self)

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame in long form: timestamp (UTC), symbol in panels, prices, volume, extras."""
        from regimen.bars.store import to_frame

        return to_frame(self)

    def write(self, path: str | Path) -> None:
        """Writes Parquet from which `Bars.read` returns equal bars.

        Raises:
            DataError: the path does not end in .parquet or cannot be written.
        """
        from regimen.bars.store import write

        write(self, path)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the content, not the file: times, symbols, columns, bar length, calendar."""
        digest = hashlib.sha256()
        digest.update(repr((self.symbols, self.bar_length, self.calendar)).encode())
        digest.update(self.time.astype(np.int64).tobytes())
        for name in (*PRICES, "volume"):
            digest.update(name.encode() + np.ascontiguousarray(getattr(self, name)).tobytes())
        for name in sorted(self.extras):
            digest.update(name.encode() + np.ascontiguousarray(self.extras[name]).tobytes())
        return digest.hexdigest()
