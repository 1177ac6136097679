"""Weekends that a feed fills with its last price, while the market is closed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.calendar import CLOSE_OF_NEW_YORK, DAY, trading_days

_STANDING = 0.9
"""Share of the weekend's rows that stand, from which the market counts as closed."""
_MOVING = 0.5
"""Share of the other rows that may stand as well: an illiquid coin stands on all days alike."""


def filled_weekends(
    time: NDArray[np.int64], columns: Mapping[str, NDArray[np.float64]], bar_length: int
) -> NDArray[np.bool_]:
    """Returns (row,): whether a row of a weekend is one price without a volume, as nearly all rows of weekends are.

    A weekend is Saturday and Sunday, or for bars shorter than a day from 17:00 on Friday to 17:00 on Sunday in
    New York, as the markets for currencies close.

    Args:
        time: (row,) nanoseconds.
        columns: (row,) prices and volume.
        bar_length: nanoseconds.
    """
    opened, *others = (columns[name] for name in PRICES)
    stands = ~(columns["volume"] > 0)
    for values in others:
        stands &= values == opened
    nothing = np.zeros(len(time), dtype=np.bool_)
    if stands.mean() < 0.1 or bar_length > DAY:
        return nothing
    weekend = (trading_days(time, CLOSE_OF_NEW_YORK if bar_length < DAY else None) + 3) % 7 >= 5
    if not weekend.any() or weekend.all():
        return nothing
    closed = stands[weekend].mean() >= _STANDING and stands[~weekend].mean() <= _MOVING
    return stands & weekend if closed else nothing
