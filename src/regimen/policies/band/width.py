"""What an optimal no-trade band depends on: how an aim moves, what it is worth, and what trading costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from regimen.bars import Bars
    from regimen.labels import Labels
    from regimen.splits import Slice

Floats = NDArray[np.float64]
DISCRETE = 0.583
"""By so many innovations of the aim a width in continuous time is too wide for decisions once a bar: a walk that is
looked at once a bar is beyond a barrier by this much on average, when it is seen there; −ζ(½)/√(2π)."""


@dataclass(frozen=True)
class Motion:
    """How an aim moves, what it is worth and what trading costs: all that an optimal width depends on.

    Attributes:
        persistence: φ of the aim, ``A_t = φ A_{t−1} + e_t``.
        innovation: β, deviation of e.
        worth: κ, return expected of the next bar for one unit of aim; not above 0: the aim says nothing.
        cost: c, of trading one unit, one way.
    """

    persistence: float
    innovation: float
    worth: float
    cost: float

    @property
    def width(self) -> float:
        """The optimal width; infinite where the aim is worth nothing."""
        if not self.worth > 0.0:
            return math.inf
        return max(0.0, math.cbrt(1.5 * self.cost * self.innovation**2 / self.worth) - DISCRETE * self.innovation)


def motion_of(aims: Floats, usable: NDArray[np.bool_], worth: float, cost: float, bound: float = math.inf) -> Motion:
    """Returns how aims move, from bars that follow one another.

    ``φ = Σ A_t A_{t+1} / Σ A_t²`` over pairs of bars that are both usable, and β the deviation of what it leaves. An
    aim of exactly 0, or at the policy's own bound, says no distance and makes no pair.

    Args:
        aims: (time, symbol).
        usable: the same shape.
        worth, cost: see `Motion`.
        bound: size of aim that the policy does not go beyond.
    """
    inside = usable & (aims != 0.0) & (np.abs(aims) < bound)  # nor where it is NaN
    pairs = inside[:-1] & inside[1:]
    before, after = aims[:-1][pairs], aims[1:][pairs]
    total = float(before @ before)
    persistence = float(before @ after) / total if total > 0.0 else 0.0
    left = after - persistence * before
    innovation = math.sqrt(float(left @ left) / len(left)) if len(left) else 0.0
    return Motion(persistence, innovation, worth, cost)


def bound_of(aims: Floats) -> float:
    """Returns the size that aims (n,) reach again and again and never exceed; infinite where there is none."""
    sizes = np.abs(aims)
    largest = float(sizes.max(initial=0.0))
    return largest if largest > 0.0 and int((sizes == largest).sum()) > 1 else math.inf


def slope(aims: Floats, returns: Floats) -> float:
    """Returns ``κ = Σ A r / Σ A²`` of aims (n,) and returns (n,): the return of a bar for one unit of aim; else 0."""
    total = float(aims @ aims)
    return float(aims @ returns) / total if total > 0.0 else 0.0


def expected_returns(probabilities: Floats, rule: object, labels: Labels, train: Slice) -> Floats:
    """Returns what probabilities (time, symbol, 3) expect of one bar, (time, symbol): ``Σ p_k m_k / bars held``.

    Args:
        probabilities: SELL, HOLD, BUY.
        rule: that sizes them; where it is shrunk, so is what is expected.
        labels: of the whole series.
        train: slice whose classes and spans are taken.
    """
    from regimen.policies.kelly import KellyRule, class_returns

    means, _ = class_returns(labels, train)
    spans = train.take(labels.t_end) - train.positions[0]
    lag = int(spans.max()) - labels.horizon  # from the decision to the entry
    expected = (probabilities @ means) / max(1.0, float(spans.mean()) - lag)
    if isinstance(rule, KellyRule) and rule.confirmation is not None:
        expected = expected * rule.confirmation.shrinkage  # as little is expected as is bet on
    return np.asarray(expected)


def next_returns(bars: Bars, part: Slice) -> Floats:
    """Returns (time, symbol): what a bar earns on a decision, from the open after it to the next one; else NaN.

    Nothing behind the slice is looked at.
    """
    from regimen.labels import adjusted_prices

    opens = adjusted_prices(bars).open[: part.stop]
    returns = np.full(bars.shape, np.nan)
    returns[: max(0, part.stop - 2)] = opens[2:] / opens[1:-1] - 1.0
    return returns
