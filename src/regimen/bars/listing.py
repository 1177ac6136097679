"""When a symbol of a panel is listed: from its first bar to its last one, closed days in between included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
Times = NDArray[np.datetime64]


def has_ended(rows: NDArray[np.integer], last: int) -> bool:
    """Whether a symbol with bars at ``rows`` of a panel, whose last bar is at row ``last``, has ended before.

    It has when it lacks more bars up to the panel's last one than it ever lacked in a row before. So a stock is not
    delisted because a panel with coins happens to end on a Sunday.
    """
    return bool(last - rows[-1] >= np.diff(rows).max(initial=1))


def spans(present: Flags) -> tuple[Rows, Rows]:
    """Returns the rows [first, stop) that each symbol is listed in; stop is the number of rows while it has not ended.

    *Timing:* the end is seen in the row after the last bar, where an exchange has told it; before, nothing differs.

    Args:
        present: (time, symbol) whether the symbol has a bar.

    Returns:
        (symbol,) each; first = stop for a symbol without any bar.
    """
    rows = len(present)
    any_bar = present.any(axis=0)
    first = np.where(any_bar, present.argmax(axis=0), rows)
    last = np.where(any_bar, rows - 1 - present[::-1].argmax(axis=0), rows - 1)
    panel = int(last[any_bar].max(initial=-1))
    stop = np.where(last < panel, last + 1, rows)
    for s in np.flatnonzero(last < panel):
        if not has_ended(np.flatnonzero(present[:, s]), panel):
            stop[s] = rows
    return first, stop


def listed(present: Flags) -> Flags:
    """Returns (time, symbol) whether each symbol is listed; see `spans`."""
    rows = np.arange(len(present))[:, None]
    first, stop = spans(present)
    return np.asarray((rows >= first) & (rows < stop))


def listing(time: Times, present: Flags) -> Times:
    """Returns (symbol, 2) the start of each symbol's first bar, and of its last one where it has ended, else NaT."""
    first, stop = spans(present)
    edges = np.full((len(first), 2), np.datetime64("NaT", "ns"))
    known = first < len(time)
    edges[known, 0] = time[first[known]]
    ended = stop < len(time)
    edges[ended, 1] = time[stop[ended] - 1]
    return edges
