"""The mean of a stream's latest values, and how far the blocks of a reference lie from the rest of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError
from regimen.monitoring.bounds import upper_bound
from regimen.reprs import many, short

Floats = NDArray[np.float64]
Sides = Literal["up", "down", "both"]

FEWEST_BLOCKS = 20
"""Windows that a reference must have, and groups of windows that a longer one is cut into at least."""
_LARGEST_OF = 12
"""Means of a group that have little in common, for the shape of its largest."""


@dataclass(frozen=True)
class MeanShift:
    """Rings where the mean of the latest window of values is further from the reference than its own blocks foretell.

    The reference is cut into windows of W values, looked at ``checks`` times while one passes. Each is compared with
    the mean of what does not overlap with its group of windows, and of a group the largest counts: `upper_bound` of
    these is the threshold. So whatever the values have in common with those before them is in the threshold, as far as
    groups show it. A group is as many windows as a period, or fewer where there would not be 20 groups; rings are rare,
    and the less its group has to be extrapolated to a period, the nearer their rate is to what was asked for.

    Timing: what is known after value t uses values <= t.

    Attributes:
        window: W.
        checks: looks while a window passes.
        mean: of the reference, or its logarithm.
        above, below: how far the mean of a window may lie above and below; infinite on a side that is not watched.
        logs: whether logarithms of means are compared: for values whose size is what changes.
    """

    window: int
    checks: int
    mean: float
    above: float
    below: float
    logs: bool = False

    @classmethod
    def of(
        cls,
        values: Floats,
        window: int,
        checks: int,
        level: float,
        period: int,
        sides: Sides = "up",
        *,
        logs: bool = False,
    ) -> MeanShift:
        """Fits the thresholds.

        Args:
            values: (time,) of the reference; those that are not finite are left out.
            window: W, a multiple of ``checks``.
            checks: looks while a window passes.
            level: chance that it rings in a period; both sides share it.
            period: values.
            sides: which are watched.
            logs: see the class.

        Raises:
            DataError: fewer than 20 windows.
        """
        values = values[np.isfinite(values)]
        if len(values) < FEWEST_BLOCKS * window:
            rule = f"needs a reference of {FEWEST_BLOCKS} windows of {window} values"
            raise DataError("changes", rule, many(len(values), "value"))
        stretch = window // checks
        sums = _stretches(values[len(values) % stretch :], stretch)
        total, count = float(sums.sum()), len(sums)
        inside = _rolled(sums, checks)
        grouped = min(max(len(values) // (FEWEST_BLOCKS * window), 1), max(round(period / window), 1)) * checks
        scores = []
        for first in range(0, len(inside) - grouped + 1, grouped):
            low, high = first, first + grouped + checks - 1  # the stretches that the checks of this group look at
            far = (total - float(sums[low:high].sum())) / ((count - (high - low)) * stretch)
            scores.append(_sized(inside[first : first + grouped] / window, logs) - _sized(np.array(far), logs))
        table = np.array(scores)
        share = 1.0 - (1.0 - (level / 2.0 if sides == "both" else level)) ** min(grouped * stretch / period, 1.0)
        above = upper_bound(table.max(axis=1), share, _LARGEST_OF) if sides != "down" else math.inf
        below = upper_bound(-table.min(axis=1), share, _LARGEST_OF) if sides != "up" else math.inf
        return cls(window, checks, float(_sized(np.array(total / (count * stretch)), logs)), above, below, logs)

    def __repr__(self) -> str:
        return short(self, f"windows of {many(self.window, 'value')}, {self.low:.4g} to {self.high:.4g}")

    @property
    def high(self) -> float:
        """The mean of a window above which it rings, in the units of the values."""
        return _back(self.mean + self.above, self.logs)

    @property
    def low(self) -> float:
        """The mean of a window below which it rings, in the units of the values."""
        return _back(self.mean - self.below, self.logs)

    @property
    def usual(self) -> float:
        """The mean of the reference."""
        return _back(self.mean, self.logs)

    def means(self, values: Floats) -> Floats:
        """Returns (..., check) the mean of the window that each check looks at.

        Args:
            values: (..., time), finite; the first check is due once W have come, the next W / checks later.
        """
        stretch = self.window // self.checks
        sums = _stretches(values[..., : values.shape[-1] // stretch * stretch], stretch)
        return np.asarray(_rolled(sums, self.checks) / self.window)

    def rings(self, values: Floats) -> NDArray[np.bool_]:
        """Returns (..., check) whether each check of values (..., time) rings."""
        apart = _sized(self.means(values), self.logs) - self.mean
        return np.asarray((apart > self.above) | (apart < -self.below))

    def places(self, checks: int) -> NDArray[np.int64]:
        """Returns (check,) the position of the last value that each of so many checks looks at."""
        return self.window - 1 + np.arange(checks) * (self.window // self.checks)


def _stretches(values: Floats, stretch: int) -> Floats:
    return np.asarray(values.reshape(*values.shape[:-1], values.shape[-1] // stretch, stretch).sum(axis=-1))


def _rolled(sums: Floats, checks: int) -> Floats:
    """Returns (..., window) the sums of each ``checks`` stretches that follow each other."""
    whole = np.concatenate([np.zeros((*sums.shape[:-1], 1)), sums.cumsum(axis=-1)], axis=-1)
    return np.asarray(whole[..., checks:] - whole[..., :-checks])


def _sized(means: Floats, logs: bool) -> Floats:
    return np.log(np.maximum(means, np.finfo(np.float64).tiny)) if logs else means


def _back(value: float, logs: bool) -> float:
    return math.exp(min(value, 700.0)) if logs else value
