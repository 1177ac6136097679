"""Fractional Kelly: calibrated probabilities and what the classes pay become the exposure that grows fastest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError, SplitError
from regimen.jit import jit
from regimen.labels import Labels
from regimen.policies.exposure import FractionalKellyConfig, capped, checked
from regimen.reprs import short
from regimen.splits import Slice

Floats = NDArray[np.float64]
_LARGEST = 1e9
"""What stands for no limit, where no outcome loses: every cap is below it."""
_STEPS = 200


def class_returns(labels: Labels, part: Slice) -> tuple[Floats, Floats]:
    """Returns mean and deviation (3,) of the forward return of a slice's rows of SELL, HOLD, BUY.

    A class that the slice has not is given those of all its rows.
    """
    y, returns = part.take(labels.y), part.take(labels.forward_return)
    rows = [returns[y == k] if (y == k).any() else returns for k in range(3)]
    return np.array([each.mean() for each in rows]), np.array([each.std() for each in rows])


class Confirmation(NamedTuple):
    """How far rows that an edge was not fitted on confirm it.

    Attributes:
        slope: b of realised on expected return, through the origin; 1: as large as expected.
        standard_error: of b, under the overlap of the labels.
        shrinkage: what an exposure is multiplied with, 0 to 1.
    """

    slope: float
    standard_error: float
    shrinkage: float


@final
@dataclass(frozen=True, eq=False)
class KellyRule:
    """The rule that `FractionalKellyConfig` is fitted to.

    The returns of a class are taken for two equally likely ones, mean ± deviation: exact for a coin, whose deviation
    is 0, and equal to the truth up to the second moment otherwise, while the third term of the logarithm is some
    percent of exposure times return. Of these at most six outcomes the optimum is exact. That a class pays the same
    however sure the model is of it is an approximation too: where a signal moves all returns alike, μ of two classes is
    2/π of the truth, which is the careful side.

    With costs each outcome of the side that μ is on pays a round trip, which one open and close of the position for
    one opinion costs; where ``|μ|`` is not above it the exposure is 0. An opinion that lasts would pay it once and is
    charged it at every bar: that is the careful side, and a no-trade band, before which there is nothing to subtract,
    is the right one (``round_trip`` 0).

    Attributes:
        config: what is asked for.
        means, deviations: (3,) forward return of training rows of SELL, HOLD, BUY.
        round_trip: cost of opening and closing, a fraction of the notional.
        confirmation: by the validation slice; None where it was not asked.
    """

    config: FractionalKellyConfig
    means: Floats
    deviations: Floats
    round_trip: float = 0.0
    confirmation: Confirmation | None = None

    def __repr__(self) -> str:
        edge = ", ".join(f"{1e4 * mean:+.3g}" for mean in self.means)
        return short(self, f"{self.config.fraction:g} of the optimum; SELL, HOLD, BUY pay {edge} bp")

    @property
    def volatility_target(self) -> float | None:
        """The largest annual volatility of a position."""
        return self.config.volatility_target

    @property
    def volatility_bars(self) -> int:
        """Returns in the trailing volatility."""
        return self.config.volatility_bars

    @property
    def max_exposure(self) -> float:
        """Largest exposure of either sign."""
        return self.config.max_exposure

    def edge(self, probabilities: Floats) -> Floats:
        """Returns ``μ = Σ_k p_k m_k`` (...) of probabilities (..., 3): the return expected before costs."""
        p, m = probabilities, self.means
        return np.asarray(p[..., 0] * m[0] + p[..., 1] * m[1] + p[..., 2] * m[2])

    def exposures(self, probabilities: Floats, volatility: Floats | None = None) -> Floats:
        """Returns the exposure of each row on its own; see `ExposureRule.exposures`.

        Raises:
            RunError: there are not three classes, or volatility is missing or not asked for.
        """
        measured = checked(self, probabilities, volatility)
        rows = np.ascontiguousarray(probabilities.reshape(-1, 3))
        best = _fastest(rows, self.means, self.deviations, self.round_trip).reshape(probabilities.shape[:-1])
        shrinkage = 1.0 if self.confirmation is None else self.confirmation.shrinkage
        size = (self.config.fraction * shrinkage) * best
        if self.volatility_target is not None and measured is not None:
            known = np.isfinite(measured)
            largest = np.where(known, self.volatility_target / np.where(known, measured, 1.0), 0.0)
            size = np.clip(size, -largest, largest)
        return capped(self.config, size)

    def confirmed_by(self, probabilities: Floats, labels: Labels, part: Slice) -> KellyRule:
        """Returns the rule shrunk by how far the validation slice confirms its edge.

        Args:
            probabilities: (stop − start, symbol, 3) that the rule will be given, of the bars of the slice; NaN where
                not known.
            labels: of the whole series.
            part: the validation slice.

        Raises:
            SplitError: a slice that is not for validation.
        """
        if part.role != "validation":
            raise SplitError("exposure", "must be shrunk by a validation slice", part.role)
        edges = self.edge(probabilities)
        rows = part.usable & np.isfinite(edges)
        at = np.nonzero(rows)
        times, symbols = at[0] + part.start, at[1]
        realised, end = labels.forward_return[times, symbols], labels.t_end[times, symbols]
        return replace(self, confirmation=confirm(edges[at], realised, times, end))

    def state(self) -> dict[str, Floats]:
        """Returns what was fitted, by name."""
        fitted = {"means": self.means, "deviations": self.deviations, "round_trip": np.array(self.round_trip)}
        if self.confirmation is not None:
            fitted |= {name: np.array(value) for name, value in self.confirmation._asdict().items()}
        return fitted

    @classmethod
    def from_state(cls, config: FractionalKellyConfig, state: Mapping[str, NDArray[np.generic]]) -> KellyRule:
        """Makes the rule that gave a `state`.

        Raises:
            RunError: numbers are missing or of another shape.
        """
        names = ("means", "deviations", "round_trip", *(Confirmation._fields if config.shrink else ()))
        values = {name: np.asarray(state.get(name, np.empty(0)), np.float64) for name in names}
        for name, value in values.items():
            if value.shape != ((3,) if name in ("means", "deviations") else ()):
                raise RunError("exposure", f"must have the {name} that the rule was fitted to", value.shape)
        confirmation = Confirmation(*(float(values[name]) for name in Confirmation._fields)) if config.shrink else None
        return cls(config, values["means"], values["deviations"], float(values["round_trip"]), confirmation)


def confirm(edge: Floats, realised: Floats, time: NDArray[np.intp], end: NDArray[np.int64]) -> Confirmation:
    """Returns the slope of realised on expected return, and how far an exposure should trust the expectation.

    ``b = Σ μ r / Σ μ²``, the multiple of the exposures μ / σ² that would have grown fastest (to second order); its
    estimate shrunk by the positive part of James and Stein, ``b max(0, 1 − se² / b²)``, within 0 and 1, and 0 where
    b is not positive. Without any edge that is 0 in five windows of six.

    The standard error counts rows of one bar as one, and labels that share a bar as dependent: products of scores
    whose spans overlap are added (L. P. Hansen and R. J. Hodrick, Journal of Political Economy 88, 1980); never less
    than the scores of the bars on their own give, since that sum can be anything.

    Args:
        edge: (n,) expected returns, in the order of time.
        realised: (n,) forward returns.
        time: (n,) position of each row's bar.
        end: (n,) position of the last bar that its label looked at.

    Source of the shrinkage: W. James and C. Stein, Proc. Fourth Berkeley Symposium 1 (1961), for one mean.
    """
    total = float(edge @ edge)
    if total == 0.0:
        return Confirmation(0.0, math.inf, 0.0)
    slope = float(edge @ realised) / total
    bars, place = np.unique(time, return_inverse=True)
    scores = np.bincount(place, edge * (realised - slope * edge), len(bars))
    last = np.zeros(len(bars), np.int64)
    np.maximum.at(last, place, end)
    sums = np.concatenate([[0.0], np.cumsum(scores)])
    overlapping = sums[np.searchsorted(bars, last, side="right")] - sums[1:]
    alone = float(scores @ scores)
    variance = max(alone, alone + 2.0 * float(scores @ overlapping)) / total**2
    if slope <= 0.0:
        return Confirmation(slope, math.sqrt(variance), 0.0)
    return Confirmation(slope, math.sqrt(variance), min(1.0, max(0.0, slope - variance / slope)))


@jit
def _fastest(probabilities: Floats, means: Floats, deviations: Floats, round_trip: float) -> Floats:
    """Returns the growth-optimal exposures (n,) of rows (n, 3); 0 where a probability is NaN.

    The derivative of growth, Σ w r / (1 + f r), falls from μ at 0 to −∞ where the worst outcome ruins: Newton's
    steps, halved to the bracket where they leave it, find its root to rounding.
    """
    out = np.zeros(probabilities.shape[0])
    weights, outcomes = np.zeros(6), np.zeros(6)
    for i in range(out.shape[0]):
        mean = 0.0
        for k in range(3):
            mean += probabilities[i, k] * means[k]
        if not abs(mean) > round_trip:  # nor where it is NaN
            continue
        side = 1.0 if mean > 0.0 else -1.0
        worst, second = 0.0, 0.0
        for k in range(3):
            for sign in range(2):
                j = 2 * k + sign
                weights[j] = 0.5 * probabilities[i, k]
                outcomes[j] = side * (means[k] + (2.0 * sign - 1.0) * deviations[k]) - round_trip
                if weights[j] > 0.0:
                    worst = min(worst, outcomes[j])
                    second += weights[j] * outcomes[j] * outcomes[j]
        low, high = 0.0, _LARGEST
        if worst < 0.0:
            high = min(high, -1.0 / worst)
        f = min((abs(mean) - round_trip) / second, 0.5 * high)
        for _ in range(_STEPS):
            slope, bend = 0.0, 0.0
            for j in range(6):
                if weights[j] > 0.0:
                    ratio = outcomes[j] / (1.0 + f * outcomes[j])
                    slope += weights[j] * ratio
                    bend += weights[j] * ratio * ratio
            if slope > 0.0:
                low = f
            else:
                high = f
            following = f + slope / bend
            if not low < following < high:
                following = 0.5 * (low + high)
            done = abs(following - f) <= 1e-14 * f
            f = following
            if done:
                break
        out[i] = side * f
    return out
