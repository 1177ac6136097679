"""The free boundary of hysteresis: where it pays to change sides of an AR(1) signal at a proportional cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Values = NDArray[np.float64]
_INNER = 96
_OUTER = 160
_TAIL = 9.5


@jit
def _normal_cdf(x: Values) -> Values:
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        out[i] = 0.5 * math.erfc(-x[i] / math.sqrt(2.0))
    return out


def _density(x: Values) -> Values:
    return np.asarray(np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi))


@dataclass(frozen=True)
class Boundary:
    """The optimal rule: a position changes sides when the signal is beyond ±q against it.

    Attributes:
        threshold: q.
        value: J*, mean reward per bar.
    """

    threshold: float
    value: float


class _Advantage:
    """Y(f) = 2f + E[G(f') | f], what being long is worth over being short before the cost of changing, under q.

    G, the advantage with the right to change sides for 2c, is Y clipped to ±2c; under the rule q it is +2c above q,
    −2c below −q and Y between. On [−q, q] that is a linear integral equation with a smooth kernel: Gauss–Legendre
    nodes solve it to rounding (Nyström), which a grid over all f with a kink at q would not.
    """

    def __init__(self, q: float, phi: float, s: float, cost: float) -> None:
        self.q, self.phi, self.cost = q, phi, cost
        self.beta = s * math.sqrt(1.0 - phi * phi)
        nodes, weights = np.polynomial.legendre.leggauss(_INNER)
        self.nodes: Values = np.asarray(q * nodes, dtype=np.float64)
        self.weights: Values = np.asarray(q * weights, dtype=np.float64)
        matrix = np.eye(_INNER) - self._kernel(self.nodes)
        right = 2.0 * self.nodes + self._edges(self.nodes)
        self.inside: Values = np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)

    def _kernel(self, f: Values) -> Values:
        return _density((self.nodes - self.phi * f[:, None]) / self.beta) * self.weights / self.beta

    def _edges(self, f: Values) -> Values:
        above = _normal_cdf((self.phi * f - self.q) / self.beta)
        below = _normal_cdf((-self.q - self.phi * f) / self.beta)
        return np.asarray(2.0 * self.cost * (above - below))

    def at(self, f: Values) -> Values:
        return np.asarray(2.0 * f + self._edges(f) + self._kernel(f) @ self.inside)


def value_of_threshold(q: float, phi: float, s: float, cost: float) -> float:
    """Returns the exact mean reward per bar of changing sides at ±q: E[(Y(f) − 2c)·1{f > q}], f ~ N(0, s²).

    It follows from averaging the Bellman equation of the long position over the stationary law of f, in which
    the continuation values cancel.

    Args:
        q: threshold, at least 0; 0 is the myopic rule sign(f).
        phi, s: persistence and standard deviation of the signal.
        cost: c per unit traded; a change of sides trades 2.
    """
    advantage = _Advantage(q, phi, s, cost)
    nodes, weights = np.polynomial.legendre.leggauss(_OUTER)
    half = 0.5 * _TAIL * s
    f = q + half * (nodes + 1.0)
    gain = (advantage.at(f) - 2.0 * cost) * _density(f / s) / s
    return float(half * (weights @ gain))


@lru_cache(maxsize=256)
def best_threshold(phi: float, s: float, cost: float) -> Boundary:
    """Returns the optimal threshold q, the root of Y_q(q) = 2c (smooth fit), and its value J*.

    The root lies in [0, c], because Y(f) ≥ 2f above zero; it is bisected to 1e-13 of c.
    """
    if cost == 0.0:
        return Boundary(0.0, value_of_threshold(0.0, phi, s, 0.0))
    low, high = 0.0, cost
    while high - low > 1e-13 * cost:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _Advantage(middle, phi, s, cost).at(np.array([middle]))[0] < 2.0 * cost:
            low = middle
        else:
            high = middle
    q = 0.5 * (low + high)
    return Boundary(q, value_of_threshold(q, phi, s, cost))
