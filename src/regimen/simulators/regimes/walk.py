"""The recursion of the regime market: Markov regimes, GJR-GARCH with Student-t innovations, jumps, correlation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Values = NDArray[np.float64]
FLOOR = -0.9
"""No bar loses more than this: a Student-t draw has no lower end, a price has."""


class Dynamics(NamedTuple):
    """The numbers of a regime market, as the recursion reads them; sizes in base volatilities."""

    cumulative: Values  # (regime, regime) chances of the next regime, summed along the row
    drift: Values  # (regime,)
    size: Values  # (regime,) factor on the volatility
    reversion: Values  # (regime,)
    stay: Values  # (regime,)
    ahead: Values  # (regime,) mean of the next bar without reversion
    jump_chance: Values  # (regime,)
    jump_mean: Values  # (regime,) in base volatilities
    jump_deviation: Values  # (regime,)
    roots: Values  # (regime, symbol, symbol) lower Cholesky factors of the correlations
    volatility: float
    news: float
    leverage: float
    memory: float


@jit
def walk(
    dynamics: Dynamics,
    first: int,
    moves: Values,
    shocks: Values,
    mixing: Values,
    jumping: Values,
    jump_shocks: Values,
) -> tuple[NDArray[np.int8], Values, Values, Values, Values]:
    """Runs the market through all bars.

    Args:
        dynamics: its numbers.
        first: the regime of the first bar.
        moves, jumping: (time,) uniform draws for the next regime and for whether a bar jumps.
        shocks, jump_shocks: (time, symbol) standard normal draws.
        mixing: (time,) common factors that make the shocks Student-t of variance one.

    Returns:
        regime (time,), and (time, symbol): returns, conditional standard deviation without jumps, what of the
        return was a jump, mean of the next return.
    """
    count, width = shocks.shape
    regimes = np.empty(count, dtype=np.int8)
    returns = np.empty((count, width))
    sigmas = np.empty((count, width))
    jumps = np.zeros((count, width))
    expected = np.empty((count, width))
    variance = np.ones(width)
    distance = np.zeros(width)
    base = dynamics.volatility
    constant = 1.0 - dynamics.news - 0.5 * dynamics.leverage - dynamics.memory
    z = first
    for t in range(count):
        if t > 0:
            following = 0
            while moves[t] >= dynamics.cumulative[z, following]:
                following += 1
            if following != z:
                distance[:] = 0.0
            z = following
        regimes[t] = z
        jumped = jumping[t] < dynamics.jump_chance[z]
        for s in range(width):
            shock = 0.0
            for i in range(s + 1):
                shock += dynamics.roots[z, s, i] * shocks[t, i]
            innovation = np.sqrt(variance[s]) * shock * mixing[t]
            sigma = base * dynamics.size[z] * np.sqrt(variance[s])
            r = base * (dynamics.drift[z] + dynamics.size[z] * innovation) - dynamics.reversion[z] * distance[s]
            if jumped:
                size = 0.0
                for i in range(s + 1):
                    size += dynamics.roots[z, s, i] * jump_shocks[t, i]
                jumps[t, s] = base * (dynamics.jump_mean[z] + dynamics.jump_deviation[z] * size)
                r += jumps[t, s]
            r = max(r, FLOOR)
            returns[t, s] = r
            sigmas[t, s] = sigma
            distance[s] += r
            expected[t, s] = base * dynamics.ahead[z] - dynamics.stay[z] * dynamics.reversion[z] * distance[s]
            square = innovation * innovation
            pull = dynamics.news + (dynamics.leverage if innovation < 0.0 else 0.0)
            variance[s] = constant + pull * square + dynamics.memory * variance[s]
    return regimes, returns, sigmas, jumps, expected
