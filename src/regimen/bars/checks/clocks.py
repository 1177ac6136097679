"""What the clocks of places show: the UTC that a stamp can mean, and the hour shown twice at the end of summer time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.arrow import data_errors
from regimen.errors import DataError

Stamps = NDArray[np.int64]

UNZONED = "the times name no zone and are read as UTC; set data.zone to change this"
_KNOWN = ("Europe/Berlin", "America/New_York", "Europe/London", "Europe/Athens", "Australia/Sydney")
"""One place for each hour and Sunday at which the clocks of large markets are put back."""


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
