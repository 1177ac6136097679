"""Turns whatever a file calls a time into nanoseconds UTC, and refuses what could mean two things."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.arrow import data_errors, to_numpy
from regimen.bars import DAY, DataConfig
from regimen.bars.checks import UNZONED
from regimen.errors import DataError
from regimen.readers.times.stamps import (
    MISSING,
    UNITS,
    Stamps,
    are_dates,
    from_arrow,
    from_pattern,
    joined,
    names_zone,
    pattern_of,
    without_offset,
    without_zone,
)
from regimen.readers.times.zones import instants, to_utc

# The years 1980 to 2100 in seconds: multiplied by 1000, a range never meets the next, so the size tells the unit.
_FIRST, _LAST = 315_532_800, 4_102_444_800
_SATURDAYS = 1 / 14
"""Share of Saturdays from which days are those of a market without weekends: half of one in seven."""
_EPOCH = re.compile(r"\d{9,11}|\d{13}|\d{16}|\d{19}|\d{9,19}\.\d*|\d\.\d+[eE]\+?(09|1[0-8]|9)")


def _is_number(text: str) -> bool:
    """Whether pyarrow reads a number: Python's own reading takes underscores and digits of every script, too."""
    return bool(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII))


class Clock:
    """Reads one file's stamps and collects what it assumed.

    Attributes:
        assumptions: sentences for the report.
    """

    def __init__(self, config: DataConfig, source: str, symbols: NDArray[np.int32] | None = None) -> None:
        """``symbols`` is (row,) the symbol of each row, where the file has several."""
        self.config = config
        self.source = source
        self.symbols = symbols
        self.assumptions: list[str] = []

    def read(self, column: Any, clock: Any | None = None, zone_needed: str = "") -> Stamps:
        """Returns (row,) int64 nanoseconds UTC.

        Args:
            column: pyarrow array of stamps or dates.
            clock: pyarrow array of times of day, for files with two columns.
            zone_needed: why this file's clock is not UTC, when its form says so; then ``data.zone`` must be
                given.
        """
        import pyarrow as pa

        if clock is not None:
            column = joined(column, clock, self.config.time_format)
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if pa.types.is_timestamp(kind):
            stamps, local = instants(column, self.source)
            stamps = self._checked(stamps)
            return self._zoned(stamps, zone_needed) if local is None else self._dates(stamps, local)
        if pa.types.is_date(kind):
            return self._zoned(self._checked(from_arrow(column)), zone_needed)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return self._from_numbers(column, zone_needed)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
            return self._from_text(column.cast(pa.string()), zone_needed)
        raise DataError(self.source, "must have a time column of stamps, dates, numbers or text", str(kind))

    def _dates(self, stamps: Stamps, local: Stamps) -> Stamps:
        """Daily sessions stamped with their exchange's midnight (Yahoo) keep their date, at 00:00 UTC.

        A row with a time of day among them (the session that still goes on) keeps its instant.
        """
        saturdays = ((local // DAY + 3) % 7 == 5).mean()
        if (stamps == local).all() or not are_dates(local) or saturdays >= _SATURDAYS:
            return stamps
        self.assumptions.append("the stamps are midnights of their own zone and are read as the session's date")
        return np.where(local % DAY == 0, local, stamps)

    def _checked(self, stamps: Stamps) -> Stamps:
        bad = stamps == MISSING
        if bad.any():
            raise DataError(self.source, f"must have a time in every row; row {int(bad.argmax())} has none")
        return stamps

    def _bad_row(self, row: int, value: object) -> DataError:
        rule = f"must have a time in every row that reads like the first; row {row} does not"
        return DataError(self.source, rule, value)

    def _from_numbers(self, column: Any, zone_needed: str) -> Stamps:
        import pyarrow as pa

        if column.null_count:
            row = int(np.flatnonzero(to_numpy(column.is_null()))[0])
            raise DataError(self.source, f"must have a time in every row; row {row} has none")
        if pa.types.is_floating(column.type):
            values = to_numpy(column).astype(np.float64)
            bad = ~np.isfinite(values) | (np.abs(values) > 2.0**62)
            if bad.any():
                raise self._bad_row(int(bad.argmax()), float(values[bad.argmax()]))
            whole = np.round(values * 1e6).astype(np.int64) if np.abs(values).max() < _LAST else None
            if whole is not None and (values % 1.0 != 0).any() and self.config.time_unit in (None, "s"):
                self._within(values >= _FIRST, values)
                return whole * 1000
            numbers = values.astype(np.int64)
        else:
            try:
                numbers = to_numpy(column.cast(pa.int64()))
            except data_errors() as error:
                raise DataError(self.source, f"must have times that fit 64 bits ({error})") from None
        return self._from_integers(numbers, zone_needed)

    def _within(self, good: NDArray[np.bool_], values: NDArray[Any]) -> None:
        if not good.all():
            row = int((~good).argmax())
            raise DataError(
                self.source,
                f"has a number for a time that is no epoch of 1980 to 2100 in s, ms, us or ns (row {row}); "
                "set data.time_unit or data.time_format",
                values[row].item(),
            )

    def _from_integers(self, numbers: Stamps, zone_needed: str) -> Stamps:
        unit = self.config.time_unit
        if unit == "ms_of_day":
            return self._zoned(self._of_day(numbers), zone_needed)
        if self.config.time_format:
            import pyarrow as pa

            return self._from_text(pa.array(numbers).cast(pa.string()), zone_needed)
        if unit is not None:
            scale = UNITS[unit]
            fits = np.abs(numbers.astype(np.float64)) * scale < 2.0**63 - 2.0**10
            if not fits.all():
                row = int((~fits).argmax())
                raise DataError(
                    "data.time_unit",
                    f"must suit the times; row {row} is outside 1677 to 2262",
                    int(numbers[row]),
                )
            return numbers * scale
        if ((numbers >= 19000101) & (numbers <= 21001231)).all():
            import pyarrow as pa

            return self._from_text(pa.array(numbers).cast(pa.string()), zone_needed)
        stamps = np.zeros(len(numbers), dtype=np.int64)
        counts = {}
        for name, scale in UNITS.items():
            times = 1_000_000_000 // scale
            fits = (numbers >= _FIRST * times) & (numbers < _LAST * times)
            if fits.any():
                counts[name] = int(fits.sum())
                stamps = np.where(fits, numbers * scale, stamps) if not fits.all() else numbers * scale
        self._within(stamps != 0, numbers)
        if len(counts) > 1:
            listed = ", ".join(f"{count} in {name}" for name, count in counts.items())
            self.assumptions.append(
                f"the epochs change their unit inside the file ({listed}); the unit of each is taken from its size"
            )
        return stamps

    def _of_day(self, numbers: Stamps) -> Stamps:
        if self.config.date is None:
            raise DataError("data.date", "must be given for times of day")
        if ((numbers < 0) | (numbers >= 86_400_000)).any():
            raise DataError(self.source, "must have times of 0 to 86,399,999 ms of the day", int(numbers.max()))
        try:
            day = np.datetime64(self.config.date, "D").astype(np.int64) * DAY
        except ValueError:
            raise DataError("data.date", "must be a day as 2017-12-17", self.config.date) from None
        return numbers * 1_000_000 + int(day)

    def _from_text(self, column: Any, zone_needed: str) -> Stamps:
        import pyarrow as pa
        import pyarrow.compute as pc

        if column.null_count:
            row = int(np.flatnonzero(to_numpy(column.is_null()))[0])
            raise DataError(self.source, f"must have a time in every row; row {row} has none")
        column = pc.utf8_trim_whitespace(column)
        first = column[0].as_py()
        numeric = self.config.time_unit is not None or _EPOCH.fullmatch(first)
        if numeric and not self.config.time_format:
            for kind in (pa.int64(), pa.float64()):
                try:
                    return self._from_numbers(column.cast(kind), zone_needed)
                except data_errors():
                    pass
            row = next((row for row, cell in enumerate(column) if not _is_number(cell.as_py())), 0)
            rule = f"must have a number for a time in every row; row {row} has none"
            raise DataError(self.source, rule, column[row].as_py())
        if not self.config.time_format:
            try:
                stamps = column.cast(pa.timestamp("ns", tz="UTC") if names_zone(first) else pa.timestamp("ns"))
                read = self._checked(from_arrow(stamps))
                if names_zone(first):
                    local = pc.replace_substring_regex(column, r"(Z|[+-]\d\d(:?\d\d)?)$", "")
                    return self._dates(read, from_arrow(local.cast(pa.timestamp("ns"))))
                return self._zoned(read, zone_needed)
            except data_errors():
                pass
            column, offsets = without_offset(column, first)
            if offsets is not None:
                plain = Clock(self.config.model_copy(update={"zone": "+00:00"}), self.source)
                read = plain._from_text(column, "")
                self.assumptions += plain.assumptions
                return self._dates(read - offsets, read)
            column, zoned = without_zone(column, first)
        else:
            zoned = False
        pattern = self.config.time_format or self._form(column, column[0].as_py())
        stamps = from_pattern(column, pattern)
        bad = stamps == MISSING
        if bad.any():
            row = int(bad.argmax())
            if self.config.time_format:
                raise DataError(
                    "data.time_format",
                    f"must suit every row ({pattern}); row {row} does not",
                    column[row].as_py(),
                )
            raise self._bad_row(row, column[row].as_py())
        return stamps if zoned else self._zoned(stamps, zone_needed)

    def _form(self, column: Any, first: str) -> str:
        """Returns the strptime format of the first row; all rows must prove the order of day and month."""
        pattern = pattern_of(first)
        if pattern is not None:
            return self._day_or_month(column, pattern) if pattern.startswith("%d") else pattern
        if re.fullmatch(r"\d{6}", first):
            rule = "has six digits for a day, in an unknown order; set data.time_format (%d%m%y, %y%m%d)"
            raise DataError(self.source, rule, first)
        options = "data.time_unit or data.time_format" if first.isdigit() else "data.time_format"
        raise DataError(self.source, f"has a time in an unknown form; set {options} to read it", first)

    def _day_or_month(self, column: Any, pattern: str) -> str:
        import pyarrow as pa
        import pyarrow.compute as pc

        swapped = pattern.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m")
        if self.config.day_first is not None:
            return pattern if self.config.day_first else swapped
        parts = pc.extract_regex(column, r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.]")
        if parts.null_count:
            row = int(np.flatnonzero(to_numpy(parts.is_null()))[0])
            raise self._bad_row(row, column[row].as_py())
        combined = parts.combine_chunks() if isinstance(parts, pa.ChunkedArray) else parts
        first, second = (int(pc.max(combined.field(i).cast(pa.int64())).as_py()) for i in (0, 1))
        if first > 12 and second > 12:
            raise DataError(
                self.source,
                "has dates that are neither all day-first nor all month-first; set data.time_format",
            )
        if first <= 12 and second <= 12:
            raise DataError(
                self.source,
                "has dates whose day and month could be swapped; set data.day_first",
                column[0].as_py(),
            )
        order = "day" if first > 12 else "month"
        self.assumptions.append(f"dates are read {order}-first: no other order suits every row")
        return pattern if first > 12 else swapped

    def _zoned(self, stamps: Stamps, zone_needed: str) -> Stamps:
        """Takes naive stamps to UTC. Dates stay dates: daily bars carry the session's date at 00:00 UTC."""
        of_day = stamps % DAY != 0
        if not of_day.any():
            return stamps
        zone = self.config.zone
        if zone is None:
            if zone_needed:
                raise DataError("data.zone", f"must be given: {zone_needed}")
            self.assumptions.append(UNZONED)
            return stamps
        if are_dates(stamps):
            return np.where(of_day, to_utc(stamps, zone, self.symbols), stamps)
        return to_utc(stamps, zone, self.symbols)
