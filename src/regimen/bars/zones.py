"""Clocks of places, taken to UTC, and the hour that they show twice at the end of summer time."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars.arrow import data_errors
from regimen.bars.stamps import UNITS, Stamps, from_arrow
from regimen.errors import DataError

_KNOWN = ("Europe/Berlin", "America/New_York", "Europe/London", "Europe/Athens", "Australia/Sydney")
"""One place for each hour and Sunday at which the clocks of large markets are put back."""


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


def readings(local: Stamps, zone: str) -> tuple[Stamps, Stamps]:
    """Returns the earliest and the latest UTC that each stamp of a zone's clock can mean.

    Raises:
        DataError: the zone does not exist.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    naive = pa.array(local).cast(pa.timestamp("ns"))
    try:
        early = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="earliest")
        late = pc.assume_timezone(naive, zone, ambiguous="latest", nonexistent="latest")
    except data_errors():
        rule = "must be an IANA name such as America/New_York or an offset such as -05:00"
        raise DataError("data.zone", rule, zone) from None
    return np.asarray(early.cast(pa.int64())), np.asarray(late.cast(pa.int64()))


def showing_twice(local: Stamps) -> tuple[str, ...]:
    """Returns the places whose clocks show all of these stamps twice."""

    def twice(zone: str) -> bool:
        early, late = readings(local, zone)
        return bool((early != late).all())

    return tuple(zone for zone in _KNOWN if twice(zone)) if len(local) else ()
