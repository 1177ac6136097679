"""The bound that one more value of a sample exceeds with a given chance, however few values there are."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.seeding import generator

Floats = NDArray[np.float64]
_DRAWS = 100_000


class Bound(NamedTuple):
    """A bound of a sample."""

    value: float
    """What one more value exceeds with the chance ``level`` at most."""
    method: str
    """``rank``: nothing is assumed but that the values are exchangeable; ``gumbel``: their distribution is Gumbel's."""


def upper_bound(scores: Floats, level: float) -> Bound:
    """Returns what one more value like the scores exceeds with chance ``level``.

    With n scores it is the ⌈(1 − level)(n + 1)⌉-th smallest, a conformal bound (Vovk, Gammerman and Shafer,
    "Algorithmic learning in a random world", 2005). Where there are too few for that, fewer than 1 / level − 1, they
    are taken for a sample of Gumbel's distribution, that of largest values: mean + k·deviation, k from 100,000
    simulated samples of n, so that it holds for the few that there are.

    Args:
        scores: (n,) at least 2.
        level: the chance, above 0.
    """
    count = len(scores)
    rank = math.ceil(round((1.0 - level) * (count + 1.0), 9))
    if rank <= count:
        return Bound(float(np.sort(scores)[rank - 1]), "rank")
    return Bound(float(scores.mean() + _gumbel_factor(count, level) * scores.std(ddof=1)), "gumbel")


@cache
def _gumbel_factor(count: int, level: float) -> float:
    """Returns the quantile of ``(next − mean) / deviation`` over samples of so many Gumbel values and one more."""
    draws = generator(0, "gumbel bound", count).gumbel(size=(_DRAWS, count + 1))
    sample = draws[:, :count]
    return float(np.quantile((draws[:, count] - sample.mean(axis=1)) / sample.std(axis=1, ddof=1), 1.0 - level))
