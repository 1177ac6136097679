"""What a policy earns by when it holds what, apart from what it holds on average.

A policy that is long at random in a rising market has a Sharpe ratio and no skill. So its exposures are taken less
their own average, and the market's returns less their own mean; what is left of the product is timing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]

TRIFLE = 1e-3
"""Deviations up to this share of the largest exposure are what costs and lots leave of a constant: no decision."""


def forward_deviations(returns: Matrix, listed: Mask) -> Matrix:
    """Returns each return less the mean of those that follow it: √(k / (k + 1))·(r_t − mean of the k later ones).

    A constant mean drops out exactly, and independent returns of equal variance stay independent, of equal variance.
    The mean over the whole sample would do the first as well, but not the second thing: a policy that buys after falls
    holds less, on average, in samples that rise, and would be credited with that (a z of √(L / T) for a rule that looks
    L bars back). What comes after bar t is not known to it.

    Args:
        returns: (time, symbol) simple returns of the bar that follows a decision.
        listed: (time, symbol) which of them exist; the others are 0 in the result, as is each symbol's last one.

    Source: Arellano & Bover (1995), forward orthogonal deviations.
    """
    known = np.where(listed, returns, 0.0)
    later = listed[::-1].cumsum(axis=0)[::-1] - listed
    total = known[::-1].cumsum(axis=0)[::-1] - known
    k = np.maximum(later, 1)
    return np.where(listed & (later > 0), np.sqrt(k / (k + 1.0)) * (known - total / k), 0.0)


def exposure_deviations(exposures: Matrix, listed: Mask) -> Matrix:
    """Returns (time, symbol) exposures less their own average, as multiples of an equal share of the listed symbols.

    The share is 1 / n where n symbols are listed, so that a panel that grows does not look like a policy that
    withdraws. Where a symbol is not listed stands what the policy did at the same place of the symbol's own listing:
    no bar of the market meets it there, unless the rows are moved.

    Args:
        exposures: (time, symbol) held, fractions of the equity.
        listed: (time, symbol) from each symbol's first bar to its last.
    """
    bars = len(exposures)
    relative = np.where(listed, exposures * shares(listed), 0.0)
    length = listed.sum(axis=0)
    centred = np.where(listed, relative - relative.sum(axis=0) / np.maximum(length, 1), 0.0)
    centred[:, np.abs(centred).max(axis=0) <= TRIFLE * np.abs(relative).max()] = 0.0
    if listed.all():
        return centred
    first = np.where(length > 0, listed.argmax(axis=0), 0)
    places = np.minimum(first + np.arange(bars)[:, None] * length // bars, bars - 1)
    return np.where(listed, centred, np.take_along_axis(centred, places, axis=0))


def shares(listed: Mask) -> Matrix:
    """Returns (time, 1) how many symbols are listed, at least 1."""
    count: Matrix = listed.sum(axis=1, keepdims=True, dtype=np.float64)
    return np.maximum(count, 1.0)
