"""What can happen to a live account. Time comes with the event: the engine has no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Word = Literal["halt", "reduce", "resume"]


class BarEvent(NamedTuple):
    """A bar that has closed, of every symbol of the account.

    Attributes:
        time: its start, nanoseconds since 1970.
        rows: (5, symbol) open, high, low, close, volume; NaN where a symbol has no bar.
        extras: (symbol,) by name: ``funding_rate``, ``adjustment`` and what features read; NaN where not known.
        at: when it arrived, nanoseconds since 1970.
        watched: it only warms up: features and policy remember it, nothing is decided and no account is stepped.
    """

    time: int
    rows: Floats
    extras: Mapping[str, Floats]
    at: int
    watched: bool = False


class OperatorEvent(NamedTuple):
    """What somebody who is responsible says.

    Attributes:
        word: halt: nothing but reducing orders, and everything is sold; reduce: nothing but reducing orders;
            resume: trade again.
        by: who.
        reason: why, for people.
        at: when, nanoseconds since 1970.
        number: tells two of the same moment apart.
    """

    word: Word
    by: str
    reason: str
    at: int
    number: int = 0


Event = BarEvent | OperatorEvent
