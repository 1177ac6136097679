"""Crises that have a name, with their dates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Episode(NamedTuple):
    """A crisis.

    Attributes:
        name: what it is called.
        first, last: its first and last day, UTC.
        source: what the dates go by.
    """

    name: str
    first: str
    last: str
    source: str

    def holds(self, time: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Returns which bars (time,) begin on one of its days."""
        day = time.astype("datetime64[D]")
        inside: NDArray[np.bool_] = (day >= np.datetime64(self.first)) & (day <= np.datetime64(self.last))
        return inside


EPISODES = (
    Episode(
        "financial crisis 2008",
        "2008-09-01",
        "2009-03-31",
        "from the month in which Lehman Brothers filed for bankruptcy (15 September 2008, S.D.N.Y. 08-13555) to that "
        "of the lowest close of the S&P 500 (676.53 on 9 March 2009)",
    ),
    Episode(
        "COVID 2020",
        "2020-02-20",
        "2020-03-31",
        "from the day after the last record of the S&P 500 (3,386.15 on 19 February 2020) to the end of the month of "
        "its lowest close (2,237.40 on 23 March)",
    ),
    Episode(
        "LUNA 2022",
        "2022-05-05",
        "2022-05-31",
        "around the days in which TerraUSD left its peg (7 May 2022) and its chain was halted (12 May): CoinDesk, "
        "The Fall of Terra, 2022",
    ),
    Episode(
        "FTX 2022",
        "2022-11-02",
        "2022-11-30",
        "from CoinDesk's report on Alameda's balance sheet (2 November 2022) to the end of the month in which FTX "
        "filed for bankruptcy (11 November, D. Del. 22-11068)",
    ),
)
"""In time; no two of them overlap."""
