"""The daily returns of one evaluation, small enough to stand in every line of the trial ledger."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.metrics import daily_returns

if TYPE_CHECKING:
    from regimen.execution import Ledger

Days = NDArray[np.datetime64]
Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DailyReturns:
    """What an account earned on each day on which it had a bar.

    Attributes:
        days: (day,) ascending ``datetime64[D]``, the UTC day on which a bar begins.
        values: (day,) simple returns after all costs, compounded over the bars of the day; of single precision.
    """

    days: Days
    values: Values

    @classmethod
    def of(cls, ledger: Ledger) -> DailyReturns:
        """Takes them from the books of a backtest."""
        days, grown = daily_returns(ledger.time, ledger.returns)
        return cls(days, grown.astype(np.float32).astype(np.float64))

    def to_text(self) -> str:
        """Returns them as text: about six characters a day."""
        days = self.days.astype("datetime64[D]").astype(np.int64)
        steps = np.diff(days, prepend=0).astype("<i4")
        content = steps.tobytes() + self.values.astype("<f4").tobytes()
        return base64.b64encode(zlib.compress(content)).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> DailyReturns:
        """Reads what `to_text` wrote.

        Raises:
            RunError: the text is damaged.
        """
        try:
            content = zlib.decompress(base64.b64decode(text, validate=True))
            steps, values = np.split(np.frombuffer(content, dtype="<i4"), 2)
        except (binascii.Error, zlib.error, ValueError):
            raise RunError("trial ledger", "holds damaged daily returns", text[:20]) from None
        return cls(np.cumsum(steps).astype("datetime64[D]"), values.view("<f4").astype(np.float64))


def daily_text(ledger: Ledger) -> str:
    """Returns what a ledger earned day by day, as the trial ledger keeps it."""
    return DailyReturns.of(ledger).to_text()
