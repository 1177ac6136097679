"""A scale and a bias for each class, moved by every label that falls due: vector scaling, learned on the stream.

``p' = softmax(s ln p + b)``, with p at least `FLOOR`. After an opinion p whose class y is known::

    g = gradient of −ln p'_y,   H = its curvature, both in θ = (s, b)
    A ← P + γ (A − P) + H,   θ ← θ − A⁻¹ (g + (1 − γ) P (θ − θ₀))

from θ₀ = (1, …, 0, …) and A = P, the precision of the prior: Newton's method one row at a time, in which a row counts
``γ^age``. With γ = 1 it is the online Newton step whose loss exceeds that of the best (s, b) by the logarithm of the
rows only; its forecasts are no worse than the classes' frequencies by more than that either, which are s = 0 and
b = ln(frequency).

Source: Hazan, Agarwal and Kale, "Logarithmic regret algorithms for online convex optimization" (Machine Learning 69,
2007), section 3.2, with the curvature of the loss in the place of the square of its gradient, and forgetting.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Floats = NDArray[np.float64]
CLASSES = 3
WIDTH = 2 * CLASSES
NUMBERS = WIDTH + WIDTH * WIDTH
"""Numbers that are remembered: θ, and A."""
FLOOR = 1e-3
"""A probability counts as at least this, so that one forest that has never seen a class does not decide the scale."""
_STEP = 1.0
"""How far one row moves a scale or a bias at most."""


@jit
def apply(numbers: Floats, opinions: Floats, out: Floats) -> None:
    """Writes what the numbers make of opinions (n, 3)."""
    for i in range(len(opinions)):
        top = -np.inf
        for k in range(CLASSES):
            eta = numbers[k] * _log(opinions[i, k]) + numbers[CLASSES + k]
            out[i, k] = eta
            top = max(top, eta)
        total = 0.0
        for k in range(CLASSES):
            out[i, k] = math.exp(out[i, k] - top)
            total += out[i, k]
        for k in range(CLASSES):
            out[i, k] /= total


@jit
def learn(numbers: Floats, opinions: Floats, y: NDArray[np.int64], keep: float, scale: float, bias: float) -> None:
    """Moves the numbers by opinions (n, 3) and what came of them (n,), one after the other.

    Args:
        numbers: (NUMBERS,), changed in place.
        opinions: as they were said.
        y: the class of each.
        keep: γ.
        scale, bias: precisions of the prior, in rows.
    """
    curve = numbers[WIDTH:].reshape(WIDTH, WIDTH)
    z, q = np.empty(CLASSES), np.empty((1, CLASSES))
    slope = np.empty(WIDTH)
    for i in range(len(opinions)):
        apply(numbers, opinions[i : i + 1], q)
        for k in range(CLASSES):
            z[k] = _log(opinions[i, k])
            missed = q[0, k] - (1.0 if y[i] == k else 0.0)
            slope[k] = missed * z[k] + (1.0 - keep) * scale * (numbers[k] - 1.0)
            slope[CLASSES + k] = missed + (1.0 - keep) * bias * numbers[CLASSES + k]
        for a in range(WIDTH):
            for b in range(WIDTH):
                j, k = a % CLASSES, b % CLASSES
                moved = (z[j] if a < CLASSES else 1.0) * (z[k] if b < CLASSES else 1.0)
                bent = q[0, j] * ((1.0 if j == k else 0.0) - q[0, k]) * moved
                prior = (scale if a < CLASSES else bias) if a == b else 0.0
                curve[a, b] = prior + keep * (curve[a, b] - prior) + bent
        step = np.linalg.solve(curve, slope)
        for a in range(WIDTH):
            numbers[a] -= min(max(step[a], -_STEP), _STEP)


@jit
def _log(p: float) -> float:
    """Returns ln p, p at least `FLOOR`; NaN stays."""
    return math.log(FLOOR) if p < FLOOR else math.log(p)


def first(scale: float, bias: float) -> Floats:
    """Returns the numbers before any label: p' = p."""
    numbers = np.zeros(NUMBERS)
    numbers[:CLASSES] = 1.0
    curve = numbers[WIDTH:].reshape(WIDTH, WIDTH)
    curve[np.diag_indices(WIDTH)] = [scale] * CLASSES + [bias] * CLASSES
    return numbers
