"""Bars from closes alone."""

from __future__ import annotations

import numpy as np

from regimen.bars import RawTable


def fill_from_close(table: RawTable) -> RawTable:
    """Builds open, high and low from closes that are in order: open = previous close of the symbol.

    The first bar of a symbol opens at its own close. The open is a price that was known when the bar began,
    so an order that fills there pays what the decision saw; no range beyond the two prices is claimed.
    """
    order = np.lexsort((table.time, table.symbol))
    close = table.columns["close"]
    sorted_close, code = close[order], table.symbol[order]
    opened = sorted_close.copy()
    same = code[1:] == code[:-1]
    opened[1:][same] = sorted_close[:-1][same]
    before = np.empty_like(opened)
    before[order] = opened
    return table.with_columns(open=before, high=np.maximum(before, close), low=np.minimum(before, close))
