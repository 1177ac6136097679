"""Purging and embargo: which rows know nothing about a test span."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def usable_for_training(
    t_end: NDArray[np.int64], start: int, stop: int, test_start: int, test_stop: int, embargo: int
) -> NDArray[np.bool_]:
    """Returns which rows of [start, stop) may be trained on when [test_start, test_stop) is held out.

    A row is dropped if and only if it has no label, lies in the held-out span, lies before it and its
    label's span [t, t_end] reaches it, lies behind it and no later than the last bar that a label of the
    held-out span looks at (of any symbol), or lies within ``embargo`` bars before the span or after that
    bar. So no label trained on shares a bar with a label tested on. After the span the embargo is what keeps
    out rows whose features look back into it, so it should be at least the features' memory.

    Args:
        t_end: (time, symbol) position of the last bar each label looked at; -1 where undefined.
        start, stop: positions of the candidate rows.
        test_start, test_stop: positions of the held-out span.
        embargo: bars.

    Returns:
        (stop − start, symbol) bool.

    Source: López de Prado, Advances in Financial Machine Learning (2018), sections 7.4.1 and 7.4.2.
    """
    row = np.arange(start, stop)[:, None]
    last = t_end[start:stop]
    looked = max(test_stop - 1, int(t_end[test_start:test_stop].max(initial=-1)))
    before = (row < test_start - embargo) & (last < test_start)
    after = row > looked + embargo
    return (last >= 0) & (before | after)
