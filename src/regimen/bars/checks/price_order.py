"""The check that low <= open, close <= high, and whether columns stand under each other's names."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.checks.ordered import Ordered
from regimen.bars.checks.report import Finding
from regimen.bars.config import DataConfig

TOLERANCE = 1e-9
"""Relative slack of the price order, for vendors' binary noise."""
SOME = 3
"""Broken rows below which the columns are not suspected."""


def violations(columns: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Returns (row,): whether high or low does not contain the other prices; False where one is NaN."""
    top = np.maximum(columns["open"], columns["close"])
    bottom = np.minimum(columns["open"], columns["close"])
    high, low = columns["high"], columns["low"]
    bad = (high < top) | (low > bottom) | (high < low)
    if bad.any():
        slack = TOLERANCE * np.abs(columns["close"])
        bad &= (high < top - slack) | (low > bottom + slack) | (high < low - slack)
    return np.asarray(bad)


def look_swapped(columns: dict[str, NDArray[np.float64]], bad: NDArray[np.bool_]) -> bool:
    """Whether the columns must be others than they are called.

    Judged by the rows that can tell, which have more than one price: most of them are broken, or another choice of
    the highest and the lowest column would break a tenth as many (at an exchange without trades most rows hold one
    price, or open and close where the other order expects them).

    Args:
        columns: the four prices.
        bad: (row,) rows that break the order, as `violations` returns them.
    """
    broken = int(bad.sum())
    if broken < SOME:
        return False
    prices = np.stack([columns[name] for name in PRICES])
    slack = TOLERANCE * np.abs(columns["close"])
    top, bottom = prices.max(axis=0), prices.min(axis=0)
    if broken * 2 > int((top > bottom + slack).sum()):
        return True
    highest, lowest = prices >= top - slack, prices <= bottom + slack
    others = (int((~(highest[i] & lowest[k]) & np.isfinite(top)).sum()) for i, k in permutations(range(4), 2))
    return min(others) * 10 <= broken


def ohlc(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows whose high is below, or whose low is above, another price of the row."""
    bad = violations(rows.columns)
    if not bad.any():
        return None
    opened, high, low, close = (rows.columns[name] for name in PRICES)
    under = int((bad & (high < np.maximum(opened, close))).sum())
    over = int((bad & (low > np.minimum(opened, close))).sum())
    sentence = (
        f"{{count}} row(s) break low <= open, close <= high ({int((high < low).sum()):,} high below low, "
        f"{under:,} high below open or close, {over:,} low above)"
    )
    swapped = _swapped_symbols(rows, bad)
    if not swapped:
        return rows.find("ohlc", "refuse", bad, sentence, "data.repairs.ohlc=widen")
    values = np.stack([opened, high, low, close])[:, bad & np.isin(rows.symbol, swapped)]
    top = [name for name, row in zip(PRICES, values, strict=True) if (row >= values.max(axis=0)).all()]
    bottom = [name for name, row in zip(PRICES, values, strict=True) if (row <= values.min(axis=0)).all()]
    where = f" (the highest stands in {top[0]}, the lowest in {bottom[0]})" if top and bottom else ""
    symbols = rows.table.symbols
    if len(swapped) < len(symbols):
        shown = ", ".join(symbols[code] for code in swapped[:5])
        sentence += f": the columns of {len(swapped):,} of {len(symbols):,} symbols ({shown}) look swapped{where}"
    else:
        sentence += f": the columns look swapped{where}; set data.columns to give their order"
    return rows.find("ohlc", "refuse", bad, sentence)


def _swapped_symbols(rows: Ordered, bad: NDArray[np.bool_]) -> list[int]:
    """Returns the symbols whose columns look swapped: the sound rows of others say nothing about theirs."""
    codes = []
    for code in np.unique(rows.symbol[bad]).tolist():
        first, stop = np.searchsorted(rows.symbol, [code, code + 1])
        columns = {name: rows.columns[name][first:stop] for name in PRICES}
        if look_swapped(columns, bad[first:stop]):
            codes.append(code)
    return codes
