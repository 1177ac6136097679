"""Stationary AR(1) paths: the signals that the markets with a known optimum pay for."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit
from regimen.seeding import generator

Values = NDArray[np.float64]


@jit
def _follow(start: float, phi: float, shocks: Values) -> Values:
    path = np.empty(shocks.shape[0])
    last = start
    for t in range(shocks.shape[0]):
        last = phi * last + shocks[t]
        path[t] = last
    return path


def stationary_path(phi: float, deviation: float, bars: int, seed: int, *name: str | int) -> tuple[float, Values]:
    """f_t = φ f_{t−1} + √(1 − φ²)·s·ε_t, started from its stationary law N(0, s²).

    Args:
        phi: persistence, |φ| < 1.
        deviation: s, the stationary standard deviation.
        bars: how many steps.
        seed, name: of the shocks; the same for every φ and s, so that paths of two markets share their noise.

    Returns:
        The value before the first bar, and the path (time,).
    """
    before = deviation * float(generator(seed, "simulators", *name, "start").standard_normal())
    shocks = generator(seed, "simulators", *name).standard_normal(bars)
    shocks *= deviation * math.sqrt(1.0 - phi * phi)
    return before, _follow(before, phi, shocks)


def noise(deviation: float, bars: int, seed: int, *name: str | int) -> Values:
    """Returns independent N(0, deviation²) (time,); zeros without drawing when the deviation is zero."""
    if deviation == 0.0:
        return np.zeros(bars)
    drawn = generator(seed, "simulators", *name).standard_normal(bars)
    drawn *= deviation
    return drawn


def shifted(before: float, path: Values) -> Values:
    """Returns what was known one bar earlier: ``before``, path_0, …, path_{n−2}."""
    earlier = np.empty_like(path)
    earlier[0] = before
    earlier[1:] = path[:-1]
    return earlier
