"""How often the same positions at other times do as well: a Monte Carlo test over arrangements of a series."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit
from regimen.seeding import generator

Matrix = NDArray[np.float64]
Series = NDArray[np.float64]
Integers = NDArray[np.int64]

ARCS = 8
"""Pieces that an arrangement cuts the series into. Shifts alone would give T p-values; this gives about T⁸."""
ENOUGH = 400
"""Arrangements at least as good after which the p-value is known to 5 % of itself."""
_BATCH = 256
_ROUNDING = 1e-6
"""More than two orders of summation differ by, of ten million bars: n · eps · √n."""
_SLACK = 1e-9
"""Share of itself within which a result is a tie: the sums are added in another order."""


@jit
def _ratio(exposures: Matrix, moves: Matrix, cuts: Integers, order: Integers, place: int) -> float:
    """Returns Σ x / √Σ x² of the arrangement: arcs in their order, laid round the circle from ``place`` on."""
    bars, symbols = exposures.shape
    total = 0.0
    squares = 0.0
    for arc in order:
        row = cuts[arc]
        stop = cuts[arc + 1] if arc + 1 < len(cuts) else cuts[0] + bars
        for _ in range(stop - row):
            earned = 0.0
            for s in range(symbols):
                earned += exposures[row, s] * moves[place, s]
            total += earned
            squares += earned * earned
            row += 1
            if row == bars:
                row = 0
            place += 1
            if place == bars:
                place = 0
    return total / math.sqrt(squares) if squares > 0.0 else 0.0


@jit
def _nearly(exposures: Series, moves: Series, cuts: Integers, order: Integers, place: int) -> float:
    """Returns `_ratio` of one symbol in a third of the time, but for its last digits: four sums instead of one."""
    bars = len(exposures)
    t0, t1, t2, t3, s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for arc in order:
        row = cuts[arc]
        left = (cuts[arc + 1] if arc + 1 < len(cuts) else cuts[0] + bars) - row
        while left > 0:
            size = min(left, min(bars - row, bars - place))
            x, y = exposures[row : row + size], moves[place : place + size]
            whole = size - size % 4
            for k in range(0, whole, 4):
                a, b, c, d = x[k] * y[k], x[k + 1] * y[k + 1], x[k + 2] * y[k + 2], x[k + 3] * y[k + 3]
                t0, t1, t2, t3 = t0 + a, t1 + b, t2 + c, t3 + d
                s0, s1, s2, s3 = s0 + a * a, s1 + b * b, s2 + c * c, s3 + d * d
            for k in range(whole, size):
                a = x[k] * y[k]
                t0, s0 = t0 + a, s0 + a * a
            left -= size
            row = row + size if row + size < bars else 0
            place = place + size if place + size < bars else 0
    squares = (s0 + s1) + (s2 + s3)
    return ((t0 + t1) + (t2 + t3)) / math.sqrt(squares) if squares > 0.0 else 0.0


@jit
def _as_good(
    exposures: Matrix, moves: Matrix, own: float, cuts: Integers, orders: Integers, places: Integers, enough: int
) -> tuple[int, int]:
    good = 0
    alone, x, y = exposures.shape[1] == 1, exposures.reshape(exposures.size), moves.reshape(moves.size)
    for draw in range(len(places)):
        value = own
        if alone:
            value = _nearly(x, y, cuts[draw], orders[draw], places[draw])
        if abs(value - own) <= _ROUNDING * max(1.0, abs(own)):  # too near to say without the last digits
            value = _ratio(exposures, moves, cuts[draw], orders[draw], places[draw])
        good += value >= own
        if good == enough:
            return good, draw + 1
    return good, len(places)


def arrangement_p_value(exposures: Matrix, moves: Matrix, draws: int, seed: int) -> tuple[float, int]:
    """Returns the share of arrangements whose Sharpe ratio is at least that of the given order, and their number.

    An arrangement cuts the series, taken as a circle, at eight random places, puts the arcs in random order and lays
    them from a random bar on. Inside an arc everything keeps its order: turnover, the length of positions and the
    symbols of a row stay what they are, but for the seams. None is left out for being near the original, so that under
    the null each is as likely as any other and the p-value is exact: P(p <= a) <= a for a policy that moves
    independently of the market.

    The draws end early once 400 did as well (Besag & Clifford 1991, sequential Monte Carlo p-values, which stay exact):
    p = 400 / draws made; otherwise p = (1 + as good) / (1 + draws).

    Args:
        exposures: (time, symbol) deviations from the policy's own average; see `exposure_deviations`.
        moves: (time, symbol) the market's returns that they meet.
        draws: the most that are made.
        seed: the same one gives the same p-value.
    """
    bars = len(exposures)
    exposures, moves = np.ascontiguousarray(exposures), np.ascontiguousarray(moves)
    whole, straight = np.zeros(1, np.int64), np.zeros(1, np.int64)
    own = _ratio(exposures, moves, whole, straight, 0)
    own -= _SLACK * max(1.0, abs(own))
    random = generator(seed, "judge", "arrangements")
    good = total = 0
    while total < draws and good < ENOUGH:
        count = min(_BATCH, draws - total)
        cuts = np.sort(random.integers(0, bars, (count, ARCS)), axis=1)
        orders = random.permuted(np.tile(np.arange(ARCS), (count, 1)), axis=1)
        places = random.integers(0, bars, count)
        more, tried = _as_good(exposures, moves, own, cuts, orders, places, ENOUGH - good)
        good, total = good + more, total + tried
    if good >= ENOUGH:
        return good / total, total
    return (1.0 + good) / (1.0 + total), total
