"""Columns as normal scores and back: each by its own ranks, beyond the last of them by a Pareto tail."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ParetoTail:
    """The generalised Pareto distribution of what lies beyond a threshold.

    Attributes:
        share: of all values beyond the threshold.
        threshold: where the tail begins.
        shape, scale: ``P(excess > y) = (1 + shape·y / scale)^(−1 / shape)``.
    """

    share: float
    threshold: float
    shape: float
    scale: float

    @classmethod
    def of(cls, values: Floats, count: int) -> ParetoTail:
        """Fits the tail of sorted values beyond all but the last ``count``, by probability-weighted moments.

        The shape is below 1, so the excesses have a mean; a negative one ends the tail at a finite value.

        Source: Hosking and Wallis, Parameter and quantile estimation for the generalized Pareto distribution
        (Technometrics 29, 1987), section 3.2.
        """
        threshold = float(values[-count - 1])
        excess = values[-count:] - threshold
        beyond = 1.0 - (np.arange(1, count + 1) - 0.35) / count  # their plotting positions
        first, second = float(excess.mean()), float((beyond * excess).mean())
        apart = first - 2.0 * second
        return cls(count / len(values), threshold, 2.0 - first / apart, 2.0 * first * second / apart)

    def quantile(self, beyond: Floats) -> Floats:
        """Returns the values that are exceeded with probability ``beyond``, each at most ``share``."""
        ratio = np.log(beyond / self.share)
        shape = self.shape
        grown = -ratio if abs(shape) < 1e-9 else np.expm1(-shape * ratio) / shape
        return self.threshold + self.scale * grown


@final
@dataclass(frozen=True, eq=False)
class Margins:
    """The distribution of each column, fitted on some rows.

    Inside, it is the empirical one, linear between neighbours; a value that occurs more than once (a flag, a count, a
    value that was cut) is given back as it is, never something between two such values. Beyond the last ``tail`` of the
    values on either side it is a generalised Pareto distribution, which does not end at the largest value that was
    seen; a column whose outermost values are tied has no such tail.

    Attributes:
        ordered: (n, column) the sorted values.
        tied: (n, column) whether the value occurs more than once.
        lower, upper: the tails of each column, None where there is none; lower ones of the negated values.
    """

    ordered: Floats
    tied: NDArray[np.bool_]
    lower: Sequence[ParetoTail | None]
    upper: Sequence[ParetoTail | None]

    @classmethod
    def fit(cls, values: NDArray[np.floating], tail: float) -> Margins:
        """Fits on rows (n, column), finite.

        Args:
            values: the rows.
            tail: share of the values in each tail; at least 20 values make one, or there is none.
        """
        ordered = np.sort(values.astype(np.float64), axis=0)
        same = ordered[1:] == ordered[:-1]
        edge = np.zeros((1, ordered.shape[1]), dtype=np.bool_)
        tied = np.concatenate([edge, same]) | np.concatenate([same, edge])
        count = max(20, math.ceil(tail * len(ordered)))

        def tails(rows: Floats, repeated: NDArray[np.bool_]) -> list[ParetoTail | None]:
            if count + 1 > len(rows) // 2:
                return [None] * rows.shape[1]
            return [
                None if repeated[-count - 1 :, k].any() else ParetoTail.of(rows[:, k], count)
                for k in range(rows.shape[1])
            ]

        return cls(ordered, tied, tails(-ordered[::-1], tied[::-1]), tails(ordered, tied))

    def scores(self, values: NDArray[np.floating], random: np.random.Generator) -> Floats:
        """Returns the rows that were fitted on as standard normal scores (n, column); equal values in random order."""
        from scipy.special import ndtri

        rank = np.empty(values.shape, dtype=np.int64)
        for k in range(values.shape[1]):
            order = np.lexsort((random.random(len(values)), values[:, k]))
            rank[order, k] = np.arange(len(values))
        return np.asarray(ndtri((rank + 0.5) / len(values)))

    def values(self, scores: NDArray[np.floating]) -> Floats:
        """Returns the values (n, column) of standard normal scores."""
        from scipy.special import ndtr

        below, above = ndtr(scores.astype(np.float64)), ndtr(-scores.astype(np.float64))
        out = np.empty(scores.shape)
        rows = len(self.ordered)
        for k in range(scores.shape[1]):
            place = np.clip(below[:, k] * rows - 0.5, 0.0, rows - 1.0)
            first = np.minimum(place.astype(np.int64), rows - 2)
            second, part = first + 1, place - first
            repeated = self.tied[first, k] | self.tied[second, k]
            part = np.where(repeated, np.round(part), part)
            out[:, k] = (1.0 - part) * self.ordered[first, k] + part * self.ordered[second, k]
            for tail, beyond, sign in ((self.lower[k], below[:, k], -1.0), (self.upper[k], above[:, k], 1.0)):
                if tail is not None and (far := beyond < tail.share).any():
                    out[far, k] = sign * tail.quantile(np.maximum(beyond[far], 1e-300))
        return out
