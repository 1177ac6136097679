"""The checks of volumes, and of values that are infinite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.checks.ordered import Ordered
from regimen.bars.checks.plausible import LARGEST
from regimen.bars.checks.report import Finding, written
from regimen.bars.config import DataConfig


def overflowed(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns (row,): whether a value is infinite, or so large that a sum over it forgets all others for good."""
    return np.asarray(values > LARGEST)


def infinite(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows with an infinite or overflowed value: a sum over it forgets all others, and the difference of two is NaN."""
    infinities = {name: np.isinf(values) for name, values in rows.columns.items() if name not in PRICES}
    infinities["volume"] = infinities["volume"] | overflowed(rows.columns["volume"])
    # An infinite price is a missing one: see `nan_rows`.
    infinities |= {name: overflowed(rows.columns[name]) & np.isfinite(rows.columns[name]) for name in PRICES}
    names = [name for name, bad in infinities.items() if bad.any()]
    if not names:
        return None
    sentence = (
        f"{{count}} row(s) hold a value that is infinite, or a price or a volume above {LARGEST:g} ({', '.join(names)})"
    )
    mend = "data.repairs.negative_volume=nan" if names == ["volume"] else ""
    return rows.find("infinite", "refuse", np.logical_or.reduce([infinities[name] for name in names]), sentence, mend)


def negative_volume(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows with a volume below zero."""
    bad = rows.columns["volume"] < 0
    sentence = "{count} row(s) have a volume below zero"
    return rows.find("negative_volume", "refuse", bad, sentence, "data.repairs.negative_volume=nan")


def nan_volume(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows without a volume in a series that has volumes."""
    bad = np.isnan(rows.columns["volume"]) & rows.good
    if bad.sum() == rows.good.sum():
        return None
    return rows.find("nan_volume", "warn", bad, "{count} row(s) have prices but no volume")


def zero_volume(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Stretches without trades."""
    zero = rows.columns["volume"] == 0
    if not zero.any():
        return None
    if zero.all():
        sentence = "the volume is always 0, so it says nothing; data.volume_column=none reads it as missing"
        return rows.find("zero_volume", "warn", zero, sentence)
    padded = np.concatenate(([False], zero, [False]))
    breaks = np.flatnonzero(~rows.same) + 1
    starts = np.flatnonzero(padded[1:] & ~padded[:-1])
    stops = np.flatnonzero(~padded[1:] & padded[:-1])
    starts = np.union1d(starts, breaks[zero[breaks] & zero[breaks - 1]]) if len(breaks) else starts
    stops = np.union1d(stops, breaks[zero[breaks] & zero[breaks - 1]]) if len(breaks) else stops
    runs = stops - starts
    longest = int(runs.max())
    at = int(rows.order[starts[runs.argmax()]])
    since = written(int(rows.table.time[at]))
    sentence = f"{{count}} row(s) have no volume; the longest stretch is {longest:,} bar(s) from {since}"
    return rows.find("zero_volume", "warn", zero, sentence)


def swapped_rows(columns: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Returns (row,): whether quote volume / base volume is 1/price instead of price (within 20 %).

    Where the price is within 22 % of 1 the two cannot be told apart, and the row is not counted.
    """
    base, quote, close = columns["volume"], columns["quote_volume"], columns["close"]
    ratio, price = np.log(quote / base), np.log(close)
    return np.asarray((np.abs(ratio + price) < 0.2) & (np.abs(ratio - price) > 0.4))


def swapped_volume(rows: Ordered, config: DataConfig) -> Finding | None:
    """Rows whose base and quote volume are exchanged; needs both columns."""
    if "quote_volume" not in rows.columns or config.repairs.swapped_volume == "keep":
        return None
    bad = swapped_rows(rows.columns)
    if not bad.any():
        return None
    sentence = "{count} row(s) have base and quote volume swapped (quote / base is 1 / price)"
    return rows.find("swapped_volume", "refuse", bad, sentence, "data.repairs.swapped_volume=swap")
