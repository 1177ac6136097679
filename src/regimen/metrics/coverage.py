"""Coverage of intervals: the share that held what came, overall and month by month."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class MonthlyCoverage:
    """The share of intervals that held, in each month in which one was said; `monthly_coverage` makes one.

    Attributes:
        months: (month,) datetime64[M], in order.
        covered: (month,) share of the month's intervals that held.
        counts: (month,) intervals of the month whose outcome is known.
    """

    months: NDArray[np.datetime64]
    covered: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def overall(self) -> float:
        """The share over all intervals; NaN without any."""
        total = int(self.counts.sum())
        return float(self.covered @ self.counts) / total if total else math.nan

    @property
    def full(self) -> NDArray[np.bool_]:
        """(month,) whether a month has at least half the intervals of the fullest one: a few days are no month."""
        return np.asarray(2 * self.counts >= self.counts.max(initial=0))

    @property
    def worst(self) -> int:
        """Position of the full month with the lowest share.

        Raises:
            ValueError: there is no month.
        """
        return int(np.where(self.full, self.covered, math.inf).argmin())

    @property
    def best(self) -> int:
        """Position of the full month with the highest share.

        Raises:
            ValueError: there is no month.
        """
        return int(np.where(self.full, self.covered, -math.inf).argmax())


def monthly_coverage(time: NDArray[np.datetime64], misses: NDArray[np.float64]) -> MonthlyCoverage:
    """Returns the coverage of each calendar month (UTC) of the bars at which the intervals were said.

    Args:
        time: (time,) of the bars, ascending.
        misses: (time, symbol) or (time,): 1 where an interval was missed, 0 where it held, NaN where that is not known.
    """
    rows = misses[:, None] if misses.ndim == 1 else misses
    known = np.isfinite(rows).sum(axis=1)
    months, place = np.unique(time.astype("datetime64[M]"), return_inverse=True)
    counts = np.bincount(place, known, minlength=len(months)).astype(np.int64)
    missed = np.bincount(place, np.nansum(rows, axis=1), minlength=len(months))
    there = counts > 0
    return MonthlyCoverage(months[there], 1.0 - missed[there] / counts[there], counts[there])
