"""Circular shifts of a span's rows, symbol by symbol: their own course stays, what they went with does not."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray


@final
class Rotation:
    """Shifts the known rows of a span in a circle.

    A symbol with n known rows is shifted by ``least + floor(u (n - 2 least + 1))`` of them, u from 0 to below 1: by at
    least ``least`` rows, in both directions round the circle. All symbols take the same u, so that in a panel without
    holes what moves together stays together. A symbol that is too short is shifted by half of its rows.

    Args:
        known: (time, symbol) the rows of the span.
        least: the label's horizon, or more: a row must not keep what its label looks at.
    """

    def __init__(self, known: NDArray[np.bool_], least: int) -> None:
        symbols = np.nonzero(known)[1]
        self.rows = len(symbols)
        self.least = least
        self._lanes = [lane for s in range(known.shape[1]) if len(lane := np.flatnonzero(symbols == s))]

    @property
    def longest(self) -> int:
        """Known rows of the symbol that has most."""
        return max(map(len, self._lanes), default=0)

    def sources(self, share: float) -> NDArray[np.intp]:
        """Returns for each known row, time-major, the position among them of the row whose values it takes.

        Args:
            share: u.
        """
        places = np.empty(self.rows, dtype=np.intp)
        for lane in self._lanes:
            count = len(lane)
            least = min(self.least, count // 2)
            places[lane] = np.roll(lane, least + int(share * (count - 2 * least + 1)))
        return places
