"""Drawdown: how far and for how long the equity stood below its own best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Drawdown:
    """The deepest drawdown of a curve, and the longest time below a peak.

    Positions count from the first point of the curve.

    Attributes:
        depth: the fall from the peak as a positive fraction of the peak; 0 when the curve never falls.
        peak, trough: positions of the last point at the peak and of the lowest point.
        recovery: position of the first point back at the peak; None when it was not reached.
        longest: bars of the longest stretch from a peak until the peak was regained (or the curve ended).
    """

    depth: float
    peak: int
    trough: int
    recovery: int | None
    longest: int

    @property
    def bars(self) -> int:
        """Bars from the peak to the trough."""
        return self.trough - self.peak

    @property
    def recovery_bars(self) -> int | None:
        """Bars from the trough back to the peak; None when it was not reached."""
        return None if self.recovery is None else self.recovery - self.trough


def drawdown(curve: Series) -> Drawdown:
    """Finds the deepest drawdown of an equity curve; the first of equal depths.

    Args:
        curve: (time,) positive equity, or `wealth` of the returns (which includes the starting equity).
    """
    depth, peak, trough, recovery, longest = _deepest(curve)
    return Drawdown(depth, peak, trough, None if recovery < 0 else recovery, longest)


@jit
def _deepest(curve: Series) -> tuple[float, int, int, int, int]:
    if len(curve) == 0:
        return math.nan, 0, 0, -1, 0
    best, last = curve[0], 0  # the running maximum, and the newest point at it
    depth, peak, trough, recovery, longest = 0.0, 0, 0, 0, 0
    for t in range(len(curve)):
        value = curve[t]
        if not abs(value) < np.inf:
            return math.nan, 0, 0, -1, 0
        if value >= best:
            # Neighbouring points at the maximum are one bar apart without any drawdown between them.
            if t - last > 1:
                longest = max(longest, t - last)
            if recovery < 0:
                recovery = t
            best, last = value, t
            continue
        fall = 1.0 - value / best
        if fall > depth:
            depth, peak, trough, recovery = fall, last, t, -1
    if last < len(curve) - 1:
        longest = max(longest, len(curve) - 1 - last)
    return depth, peak, trough, recovery, longest


def calmar(annual: float, depth: float) -> float:
    """Returns annual geometric return / deepest drawdown of the whole sample; NaN without a drawdown."""
    return annual / depth if depth > 0 else math.nan
