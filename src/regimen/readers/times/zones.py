"""Clocks of places, taken to UTC."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.arrow import data_errors
from regimen.bars.checks import readings
from regimen.errors import DataError
from regimen.readers.times.stamps import UNITS, Stamps, from_arrow


def to_utc(local: Stamps, zone: str, symbols: NDArray[np.int32] | None = None) -> Stamps:
    """Returns the UTC of stamps of a clock.

    Of the hour that a clock shows twice, the second showing is the one whose stamp does not move on from the
    one before it: before it in time, whether the rows of its symbol stand oldest or newest first.

    Args:
        local: (row,) nanoseconds as the clock shows them.
        zone: an IANA name or an offset such as ``-05:00``.
        symbols: (row,) the symbol of each row, for panels.

    Raises:
        DataError: the zone does not exist.
    """
    offset = re.fullmatch(r"([+-])(\d{1,2}):?(\d{2})", zone)
    if offset:
        seconds = (int(offset[2]) * 60 + int(offset[3])) * 60 * (1 if offset[1] == "+" else -1)
        return local - seconds * UNITS["s"]
    early, late = readings(local, zone)
    result = early.copy()
    twice = early != late
    if not twice.any():
        return result
    order = np.arange(len(local)) if symbols is None else np.argsort(symbols, kind="stable")
    ends = np.array([], dtype=np.intp) if symbols is None else np.flatnonzero(np.diff(symbols[order])) + 1
    for rows in np.split(order, ends):
        steps = np.diff(local[rows])
        in_time = rows[::-1] if (steps < 0).sum() > (steps > 0).sum() else rows
        for place in np.flatnonzero(twice[in_time]):
            row = in_time[place]
            if place and early[row] <= result[in_time[place - 1]]:
                result[row] = late[row]
    return result


def instants(column: Any, source: str) -> tuple[Stamps, Stamps | None]:
    """Returns the nanoseconds of an Arrow column of stamps, and what the clock of its own zone shows at them.

    UTC for columns with a zone. None for columns without one.

    Raises:
        DataError: the zone does not exist.
    """
    import pyarrow.compute as pc

    stamps = from_arrow(column)
    try:
        zone = column.type.tz
        if zone in ("UTC", "+00:00"):
            return stamps, stamps
        return stamps, from_arrow(pc.local_timestamp(column)) if zone else None
    except data_errors(UnicodeDecodeError):
        raise DataError(source, "must name a zone that exists for its times") from None
