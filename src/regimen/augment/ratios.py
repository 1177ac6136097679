"""Bars as what each price was relative to its symbol's close before it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars

Floats = NDArray[np.float64]


class Ratios(NamedTuple):
    """What prices were relative to the last known close before them, (time, symbol) each; NaN where there is no bar."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats

    def at(self, positions: NDArray[np.int64]) -> Ratios:
        """Returns those at positions (time,), in their order."""
        return Ratios(*(each[positions] for each in self))


def ratios_of(bars: Bars) -> Ratios:
    """Returns what the prices of bars were relative to the close before; those of the first bar, to its own close."""
    last = np.concatenate([first_close(bars)[None], _filled(bars.close)[:-1]])
    return Ratios(*(getattr(bars, name) / last for name in Ratios._fields))


def in_order(bars: Bars, positions: NDArray[np.int64], source: str) -> Bars:
    """Returns bars in another order, at the times of the given ones: each as what it was relative to the close before.

    Volumes and other columns go with their bars; a ``bid`` and an ``ask`` stay as far from the close as they were.

    Args:
        bars: to choose from.
        positions: (time,) of bars.
        source: what the new ones are called.
    """
    path = with_ratios(bars, ratios_of(bars).at(positions), bars.volume[positions], source=source)
    extras = {name: values[positions] for name, values in bars.extras.items()}
    return replace(path, extras=requoted(extras, path.close / bars.close[positions]))


def requoted(extras: Mapping[str, Floats], level: Floats) -> dict[str, Floats]:
    """Returns further columns of bars where prices are so many times as high (time, symbol): quotes are prices too."""
    return {name: values * level if name in ("bid", "ask") else values for name, values in extras.items()}


def with_ratios(bars: Bars, ratios: Ratios, volume: Floats, **columns: object) -> Bars:
    """Returns bars whose prices have the given ratios, from the first close of the given bars on.

    Args:
        bars: where time, symbols and the first close come from, and whatever is not given.
        ratios: of the same shape.
        volume: of the same shape; NaN where there is no bar.
        columns: further fields of the bars.
    """
    first, there = first_close(bars), np.isfinite(ratios.close)
    growth = np.where(there, ratios.close, 1.0)
    level = first * np.concatenate([np.ones((1, growth.shape[1])), np.cumprod(growth, axis=0)[:-1]])
    prices = {name: np.where(there, level * ratio, np.nan) for name, ratio in zip(Ratios._fields, ratios, strict=True)}
    return replace(bars, **prices, volume=np.where(there, volume, np.nan), **columns)  # type: ignore[arg-type]


def first_close(bars: Bars) -> Floats:
    """Returns each symbol's first known close (symbol,)."""
    filled = _filled(bars.close)
    first: Floats = filled[np.isfinite(filled).argmax(axis=0), np.arange(len(bars.symbols))]
    return first


def _filled(close: Floats) -> Floats:
    """Returns closes (time, symbol) with the last known one where there is no bar; NaN before the first."""
    known = np.where(np.isfinite(close), np.arange(len(close))[:, None], -1)
    place = np.maximum.accumulate(known, axis=0)
    return np.where(place >= 0, np.take_along_axis(close, np.maximum(place, 0), axis=0), np.nan)
