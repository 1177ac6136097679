"""The bound that one more value of a sample exceeds with a given chance, however few values there are."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from regimen.seeding import generator

Floats = NDArray[np.float64]
_DRAWS = 100_000


def upper_bound(scores: Floats, level: float) -> float:
    """Returns what one more value like the scores exceeds with chance ``level``, scores being largest values.

    They are taken for a sample of Gumbel's distribution, that of the largest of many: the bound is mean + k·deviation,
    k from 100,000 simulated samples of as many values and one more, so that it holds for the few that there are. (A
    rank needs 1 / level − 1 values at least. Where there were as many, it rang a little more often.)

    Args:
        scores: (n,) at least 2.
        level: the chance, above 0.
    """
    return float(scores.mean() + _factor(len(scores), level) * scores.std(ddof=1))


@cache
def _factor(count: int, level: float) -> float:
    """Returns the quantile of ``(next − mean) / deviation`` over samples of so many Gumbel values and one more."""
    draws = generator(0, "gumbel bound", count).gumbel(size=(_DRAWS, count + 1))
    sample = draws[:, :count]
    return float(np.quantile((draws[:, count] - sample.mean(axis=1)) / sample.std(axis=1, ddof=1), 1.0 - level))
