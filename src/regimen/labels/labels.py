"""`Labels`: what should have been done at each bar, and the last bar that was looked at to say so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.reprs import many, short

SELL, HOLD, BUY = 0, 1, 2
UNDEFINED = -1
CLASSES = ("SELL", "HOLD", "BUY")
"""Names of the classes, in the order of their numbers."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels with their spans: row t is about the bars t to ``t_end[t]``, both included.

    Attributes:
        y: (time, symbol) int8: 0 SELL, 1 HOLD, 2 BUY, -1 where there is no label.
        t_end: (time, symbol) int64: position of the last bar that the label looked at; -1 where undefined.
        forward_return: (time, symbol) float64 simple return of a long position from the entry (the open of
            ``t + entry_lag``) to the exit that the label stands for; before costs; NaN where undefined.
        horizon: the longest holding time, in bars.
    """

    y: NDArray[np.int8]
    t_end: NDArray[np.int64]
    forward_return: NDArray[np.float64]
    horizon: int

    def __post_init__(self) -> None:
        for array in (self.y, self.t_end, self.forward_return):
            array.flags.writeable = False

    def __repr__(self) -> str:
        bars, symbols = self.shape
        classes = ", ".join(f"{name} {count:,}" for name, count in self.counts.items())
        return short(self, f"{many(bars, 'bar')}, {many(symbols, 'symbol')}: {classes}")

    @property
    def shape(self) -> tuple[int, int]:
        """(time, symbol)."""
        return self.y.shape[0], self.y.shape[1]

    @property
    def defined(self) -> NDArray[np.bool_]:
        """(time, symbol): where there is a label."""
        return self.y >= 0

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are SELL, HOLD and BUY, by name."""
        rows = np.bincount(self.y[self.y >= 0], minlength=len(CLASSES))
        return {name: int(count) for name, count in zip(CLASSES, rows, strict=True)}


def check_reach(horizon: int, entry_lag: int, volatility_bars: int, bars: int) -> None:
    """Refuses settings under which not one bar of so short a series could have a label.

    Raises:
        ConfigError: names ``labels.horizon`` or ``labels.volatility_bars``.
    """
    if horizon + entry_lag >= bars:
        raise ConfigError(
            "labels.horizon",
            f"plus the entry lag of {entry_lag} must be shorter than the data of {bars} bars",
            horizon,
        )
    if volatility_bars + horizon + entry_lag >= bars:
        raise ConfigError(
            "labels.volatility_bars",
            f"plus horizon and entry lag ({horizon + entry_lag}) must be shorter than the data ({bars} bars)",
            volatility_bars,
        )


def labels_of(y: NDArray[np.int8], t_end: NDArray[np.int64], forward: NDArray[np.float64], horizon: int) -> Labels:
    """Wraps finished arrays.

    Raises:
        ConfigError: not one row has a label (prices that never move, a symbol without enough bars).
    """
    if not (y >= 0).any():
        raise ConfigError("labels", "no bar has a label: every entry, exit or trailing volatility is missing or zero")
    return Labels(y, t_end, forward, horizon)
