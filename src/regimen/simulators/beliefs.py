"""Bayes' filter for a hidden sign, and what its beliefs are worth on average."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Values = NDArray[np.float64]


@jit
def _after(belief: float, evidence: float, stay: float) -> float:
    # the smaller of the two odds is exponentiated, so that no return overflows
    if evidence > 0.0:
        other = (1.0 - belief) * math.exp(-evidence)
        up = belief / (belief + other)
    else:
        own = belief * math.exp(evidence)
        up = own / (own + 1.0 - belief)
    return stay * up + (1.0 - stay) * (1.0 - up)


@jit
def filtered(returns: Values, mean: float, deviation: float, stay: float) -> Values:
    """π_{t+1|t}, the chance that the next bar is up, given returns up to t; it starts from ½.

    In log odds ℓ: seeing r adds 2mr/σ²; one step of the chain turns the odds o into (po + 1 − p)/(p + (1 − p)o).

    Args:
        returns: (time,); bar t's return is ±mean plus N(0, deviation²).
        mean, deviation: m and σ.
        stay: p, the chance that a regime lasts another bar.
    """
    out = np.empty(returns.shape[0])
    belief = 0.5
    slope = 2.0 * mean / (deviation * deviation)
    for t in range(returns.shape[0]):
        belief = _after(belief, slope * returns[t], stay)
        out[t] = belief
    return out


@jit
def updated(beliefs: Values, returns: Values, mean: float, deviation: float, stay: float) -> Values:
    """One step of `filtered` for many lanes side by side: π_{t|t−1} (lane,) and r_t (lane,) give π_{t+1|t} (lane,)."""
    out = np.empty(returns.shape[0])
    slope = 2.0 * mean / (deviation * deviation)
    for lane in range(returns.shape[0]):
        out[lane] = _after(beliefs[lane], slope * returns[lane], stay)
    return out


@lru_cache(maxsize=64)
def belief_value(mean: float, deviation: float, stay: float) -> float:
    """Returns J* = m·E|2π_{t+1|t} − 1| under the stationary law of the belief, by quadrature.

    The filtered log odds y make a Markov chain of their own: with h(y) the predicted log odds, y' = h(y) + 2mr/σ² and
    r is ±m + σu with the chances that h(y) names. Its kernel is analytic, so the trapezoid rule is exact to rounding
    once its step is below the kernel's width and below the width of h's bend; the mean of the kinked |2π − 1| is
    taken over y > 0 by Gauss–Legendre.
    """
    width = 2.0 * mean / deviation
    shift = width * width / 2.0
    limit = math.log(stay / (1.0 - stay))
    reach = limit + shift + 9.0 * width
    count = 2 * math.ceil(reach / min(0.7 * width, 0.4)) + 1
    grid = np.linspace(-reach, reach, count)
    matrix = _kernel(grid, grid, width, shift, stay) * (grid[1] - grid[0]) - np.eye(count)
    matrix[count // 2] = grid[1] - grid[0]  # one equation of the singular system gives way to "integrates to one"
    right = np.zeros(count)
    right[count // 2] = 1.0
    density = np.linalg.solve(matrix, right) * (grid[1] - grid[0])
    nodes, weights = np.polynomial.legendre.leggauss(400)
    y = 0.5 * reach * (nodes + 1.0)
    fine = _kernel(y, grid, width, shift, stay) @ density  # the law's density at any point, by its own equation
    return float(reach * mean * (weights * fine) @ np.abs(np.tanh(0.5 * _predicted(y, stay))))


def _predicted(y: Values, stay: float) -> Values:
    """Log odds one step of the chain later."""
    up = stay * np.exp(np.minimum(y, 0.0)) + (1.0 - stay) * np.exp(-np.maximum(y, 0.0))
    down = stay * np.exp(-np.maximum(y, 0.0)) + (1.0 - stay) * np.exp(np.minimum(y, 0.0))
    return np.asarray(np.log(up / down))


def _kernel(to: Values, origin: Values, width: float, shift: float, stay: float) -> Values:
    h = _predicted(origin, stay)
    up = 1.0 / (1.0 + np.exp(-h))
    distance = to[:, None] - h[None, :]
    scale = width * math.sqrt(2.0 * math.pi)
    rising = np.exp(-0.5 * ((distance - shift) / width) ** 2) * up
    falling = np.exp(-0.5 * ((distance + shift) / width) ** 2) * (1.0 - up)
    return np.asarray((rising + falling) / scale)
