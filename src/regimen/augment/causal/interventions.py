"""What is set in a market that might have been: its regime, its volatility, and which stretches follow each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_LIKE = 0.1
"""Share of a slice's bars that count as being in a regime like the present one."""


def varied(random: np.random.Generator, regime: Floats, share: float, memory: int) -> Floats:
    """Returns another regime (time, symbol): it wanders around the one that was, slowly, all symbols alike.

    What is added is an AR(1) with the regime's memory.

    Args:
        random: draws.
        regime: (time, symbol).
        share: standard deviation of what is added, as a multiple of that of the regime.
        memory: bars.
    """
    keep = 1.0 - 1.0 / memory
    shocks = random.standard_normal(len(regime)) * np.sqrt(1.0 - keep**2)
    wander = np.empty(len(regime))
    level = float(random.standard_normal())
    for t, shock in enumerate(shocks):
        level = keep * level + shock
        wander[t] = level
    changed: Floats = regime + share * regime.std(axis=0) * wander[:, None]
    return changed


def scaled(random: np.random.Generator, volatility: Floats, between: tuple[float, float], memory: int) -> Floats:
    """Returns another volatility (time, symbol): in each stretch a multiple of the one that was, all symbols alike.

    Args:
        random: draws.
        volatility: (time, symbol), logarithms.
        between: the smallest and the largest multiple; their logarithm is uniform.
        memory: bars of a stretch.
    """
    stretches = -(-len(volatility) // memory)
    factors = random.uniform(np.log(between[0]), np.log(between[1]), stretches).repeat(memory)[: len(volatility)]
    changed: Floats = volatility + factors[:, None]
    return changed


def spliced_order(random: np.random.Generator, regime: Floats, chance: float, memory: int) -> NDArray[np.int64]:
    """Returns positions (time,) of bars in another order: stretches that follow one another in a like regime.

    After each ``memory`` bars, with the given chance, the series goes on from another bar: one of the tenth of all
    bars whose regime, averaged over symbols, is nearest. It runs around the end, from which it goes on at position 1.

    Args:
        random: draws.
        regime: (time, symbol).
        chance: of going elsewhere after a stretch.
        memory: bars of a stretch.
    """
    level = regime.mean(axis=1)
    rank = np.argsort(np.argsort(level[1:], kind="stable"), kind="stable")
    by_rank = np.argsort(rank, kind="stable") + 1
    steps, near = len(level) - 1, max(1, int(_LIKE * (len(level) - 1) / 2))
    order = np.zeros(len(level), dtype=np.int64)
    place = 1
    for start in range(1, len(level), memory):
        if start > 1 and random.random() < chance:
            here = int(rank[place - 1]) + int(random.integers(-near, near, endpoint=True))
            place = int(by_rank[np.clip(here, 0, steps - 1)])
        count = min(memory, len(level) - start)
        order[start : start + count] = 1 + (place - 1 + np.arange(count)) % steps
        place = 1 + (place - 1 + count) % steps
    return order
