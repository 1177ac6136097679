"""The written forms of a time: which strptime format suits, and text or Arrow columns to nanoseconds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.arrow import to_numpy
from regimen.errors import DataError

Stamps = NDArray[np.int64]
"""(row,) nanoseconds since 1970-01-01 00:00."""
MISSING = np.iinfo(np.int64).min
UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}

_DAY = r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
_SHORT_DAY = r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}"
_FORMS: tuple[tuple[str, str], ...] = (
    (r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}", "%Y{s}%m{s}%d"),
    (r"\d{8}", "%Y%m%d"),
    (_DAY, "%d{s}%m{s}%Y"),
    (_SHORT_DAY, "%d{s}%m{s}%y"),
)
_CLOCKS: tuple[tuple[str, str], ...] = (
    (r"", ""),
    (r"\d{1,2}:\d{2}:\d{2}\.\d{1,9}", "%H:%M:%S.%f"),
    (r"\d{1,2}:\d{2}:\d{2}", "%H:%M:%S"),
    (r"\d{1,2}:\d{2}", "%H:%M"),
    (r"\d{6}", "%H%M%S"),
    (r"\d{4}", "%H%M"),
    (r"\d{1,2}-[AaPp][Mm]", "%I-%p"),
    (r"\d{1,2} ?[AaPp][Mm]", "%I %p"),
    (r"\d{1,2}:\d{2} ?[AaPp][Mm]", "%I:%M %p"),
    (r"\d{1,2}:\d{2}:\d{2} ?[AaPp][Mm]", "%I:%M:%S %p"),
)


def pattern_of(text: str) -> str | None:
    """Returns the strptime format of a time (day before month where both are possible), or None."""
    for day, day_format in _FORMS:
        for clock, clock_format in _CLOCKS:
            gap = r"([ T]?)" if clock else r"()"
            match = re.fullmatch(rf"({day}){gap}({clock})", text)
            if not match:
                continue
            mark = next((c for c in match[1] if not c.isdigit()), "")
            written = clock_format if " " in match[3] else clock_format.replace(" %p", "%p")
            return day_format.replace("{s}", mark) + match[2] + written
    return None


def from_arrow(column: Any) -> Stamps:
    """Returns nanoseconds; a missing stamp, or one outside 1677 to 2262, is ``MISSING``."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s"))
        kind = column.type
    per_unit = UNITS[kind.unit]
    nulls = to_numpy(column.is_null()) if column.null_count else None
    filled = column.fill_null(0) if column.null_count else column
    numbers = to_numpy(filled.cast(pa.int64()))
    if per_unit > 1:
        limit = (2**63 - 1) // per_unit
        inside = not len(numbers) or (numbers.max() <= limit and numbers.min() >= -limit)
        scaled = numbers * per_unit
        numbers = scaled if inside else np.where((numbers > limit) | (numbers < -limit), MISSING, scaled)
    if nulls is not None:
        numbers = np.where(nulls, MISSING, numbers)
    return numbers


def names_zone(text: str) -> bool:
    return bool(re.search(r"(Z|\d[+-]\d\d:?\d\d)$", text))


def without_zone(column: Any, first: str) -> tuple[Any, bool]:
    """Cuts a written UTC off the end of every row that has it."""
    import pyarrow.compute as pc

    if re.search(r" ?(UTC|GMT|Z)$", first):
        return pc.replace_substring_regex(column, r" ?(UTC|GMT|Z)$", ""), True
    return column, False


def without_offset(column: Any, first: str) -> tuple[Any, Stamps | None]:
    """Cuts written offsets (``GMT+0200``, `` -05:00``) off the ends and returns them in nanoseconds.

    None when the first row has none, or any row has none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ending = r"\s?(?:GMT|UTC)?(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)$"
    if not re.search(r":\d\d(\.\d+)?" + ending, first):
        return column, None
    fields = pc.extract_regex(column, r":\d\d(?:\.\d+)?" + ending)
    if fields.null_count:
        return column, None
    fields = fields.combine_chunks() if isinstance(fields, pa.ChunkedArray) else fields
    hours, minutes = (to_numpy(fields.field(name).cast(pa.int64())) for name in ("hours", "minutes"))
    sign = np.where(to_numpy(pc.equal(fields.field("sign"), "-")), -1, 1)
    return pc.replace_substring_regex(column, ending, ""), sign * (hours * 60 + minutes) * 60 * UNITS["s"]


def are_dates(local: Stamps) -> bool:
    """Whether the stamps are dates, but for few: of bars shorter than a day no more than half start at midnight."""
    return bool((local % (24 * 3600 * UNITS["s"]) == 0).mean() >= 0.75)


def joined(date: Any, clock: Any, pattern: str | None = None) -> Any:
    """Returns dates and times of day as one text; a time written as a number gets its leading zeros back.

    Args:
        date, clock: the two columns.
        pattern: the strptime format of both, where it is known.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [part.cast(pa.string()) for part in (date, clock)]
    if pc.all(pc.utf8_is_digit(texts[1])).as_py():
        widest = pc.max(pc.utf8_length(texts[1])).as_py() or 0
        with_seconds = "%H%M%S" in pattern if pattern else widest > 4 or widest < 3
        texts[1] = pc.utf8_lpad(texts[1], 6 if with_seconds else 4, "0")
    return pc.binary_join_element_wise(*texts, " ")


def _written(pattern: str) -> str | None:
    """Returns the regular expression of a format in which digits of one field touch those of the next.

    There each field must have all its digits: strptime itself reads ``930`` as 9:3:0 by ``%H%M%S``. None
    where no fields touch, or the format holds others than numbers.
    """
    fields = re.findall(r"%.|[^%]+", pattern)
    if not re.search(r"%[YmdHIMSy]%[YmdHIMSy]", pattern) or any(
        f[0] == "%" and f[1] not in "YmdHIMSyf" for f in fields
    ):
        return None
    digits = [f[0] == "%" for f in fields]
    result = ""
    for place, text in enumerate(fields):
        touches = any(digits[max(0, place - 1) : place] + digits[place + 1 : place + 2])
        if not digits[place]:
            result += re.escape(text)
        elif text == "%f":
            result += r"\d{1,9}"
        else:
            result += r"\d{4}" if text == "%Y" else r"\d{2}" if touches or text == "%y" else r"\d{1,2}"
    return f"^{result}$"


def from_pattern(column: Any, pattern: str) -> Stamps:
    """Returns the nanoseconds of texts in a strptime format; ``MISSING`` where one does not suit.

    Raises:
        DataError: the format is none, or gives several zones.
    """
    import warnings

    import pandas as pd
    import pyarrow.compute as pc

    written = _written(pattern)
    if written is not None:
        column = pc.if_else(pc.match_substring_regex(column, written), column, "")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = pd.to_datetime(pd.Series(column.to_pylist(), dtype=object), format=pattern, errors="coerce")
        except (ValueError, OverflowError, re.error) as error:
            raise DataError("data.time_format", f"must be a strptime format ({error})", pattern) from None
    if getattr(parsed.dtype, "tz", None) is not None:
        parsed = parsed.dt.tz_convert("UTC").dt.tz_localize(None)
    if parsed.dtype.kind != "M":
        raise DataError("data.time_format", "must give one zone for all rows", pattern)
    return np.asarray(parsed, dtype="datetime64[ns]").astype(np.int64)
