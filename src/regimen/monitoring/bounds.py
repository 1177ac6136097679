"""The bound that one more value of a sample exceeds with a given chance, however few values there are."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from regimen.seeding import generator

Floats = NDArray[np.float64]
_DRAWS = 100_000
_MANY = 200
"""Scores from which on more of them bring the bound no nearer."""


def upper_bound(scores: Floats, level: float, largest_of: int | None = None) -> float:
    """Returns what one more value like the scores exceeds with chance ``level``, scores being largest values.

    They are taken for a sample of Gumbel's distribution, that of the largest of many: the bound is mean + k·deviation,
    k from 100,000 simulated samples of as many values and one more, so that it holds for the few that there are. (A
    rank needs 1 / level − 1 values at least. Where there were as many, it rang a little more often.)

    Args:
        scores: (n,) at least 2.
        level: the chance, above 0.
        largest_of: for scores of which each is the largest of so many means of many values, and these are nearly
            normal: k is that of samples of the largest of so many normal values, whose tail is thinner.
    """
    factor = _factor(min(len(scores), _MANY), level, largest_of)
    return float(scores.mean() + factor * scores.std(ddof=1))


@cache
def _factor(count: int, level: float, largest_of: int | None) -> float:
    """Returns the quantile of ``(next − mean) / deviation`` over samples of so many such values and one more."""
    random = generator(0, "gumbel bound", count)
    if largest_of is None:
        draws = random.gumbel(size=(_DRAWS, count + 1))
    else:
        from scipy.special import ndtri

        draws = ndtri(random.random((_DRAWS, count + 1)) ** (1.0 / largest_of))
    sample = draws[:, :count]
    return float(np.quantile((draws[:, count] - sample.mean(axis=1)) / sample.std(axis=1, ddof=1), 1.0 - level))
