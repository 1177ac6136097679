"""Prices that are continuous over splits, by the column ``adjustment``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from regimen.bars.bars import PRICES, Bars
from regimen.errors import DataError


def adjusted(bars: Bars) -> Bars:
    """Returns bars whose prices are continuous over what their ``adjustment`` explains; see `Bars.adjusted`."""
    if "adjustment" not in bars.extras:
        raise DataError("bars.adjustment", "must exist; data.adjust or data.repairs.splits=adjust adds it")
    adjustment = bars.extras["adjustment"]
    bad = bars.present & ~(adjustment > 0)
    if bad.any():
        row = int(bad.any(axis=1).argmax())
        raise DataError("bars.adjustment", "must be positive in every bar; it is not at", str(bars.time[row]))
    first = adjustment[bars.present.argmax(axis=0), np.arange(len(bars.symbols))]
    factor = np.where(bars.present, adjustment / first, np.nan)
    prices = {name: getattr(bars, name) * factor for name in PRICES}
    quotes = {name: bars.extras[name] * factor for name in ("bid", "ask") if name in bars.extras}
    extras = {**bars.extras, "adjustment": np.where(bars.present, 1.0, np.nan), **quotes}
    return replace(bars, volume=bars.volume / factor, extras=extras, **prices)
