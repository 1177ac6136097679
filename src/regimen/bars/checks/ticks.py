"""Bad ticks: rows whose price leaves the rows beside them and comes back, as no market does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars.checks.moves import TRADABLE, Moves

LONGEST = 5
"""Rows after which a price that has not come back is another price."""
STEP = 0.5
"""Log step between two bars below which it may be the market (65 %)."""
SIGMAS = 12.0
"""The same in units of the usual move beside it."""
SHARE = 0.05
"""Share of a symbol's rows above which they are no ticks: its prices flip between two scales."""
_TEN = float(np.log(10.0))


def tick_rows(moves: Moves) -> NDArray[np.bool_]:
    """Returns (row,): the rows whose price leaves the rows beside it and is back within `LONGEST` rows.

    Either the way out or the way back must be a step between two bars, over `STEP` and `SIGMAS`, that trading
    does not explain. At a symbol's ends nobody sees the other step: there a power of ten of at least 100 counts.
    """
    ticks = np.zeros(len(moves.whole), dtype=np.bool_)
    left = np.arange(len(ticks))
    symbol = moves.rows.symbol
    while (more := _excursions(moves)).any():
        ticks[left[more]] = True
        left, moves = left[~more], moves.without(more)
    if ticks.any():
        rows = np.bincount(symbol)
        flips = np.bincount(symbol, weights=ticks) > np.maximum(SHARE * rows, 1)
        ticks &= ~flips[symbol]
    return ticks


def _excursions(moves: Moves) -> NDArray[np.bool_]:
    away = np.zeros(len(moves.whole), dtype=np.bool_)
    at = np.flatnonzero(np.abs(moves.between) > STEP)
    if len(at) == 0 or len(at) > 2 * SHARE * len(away):  # so many steps are no ticks
        return away
    at = at[~moves.over_hole(at) & ~moves.explained(at)]
    usual = moves.usual_beside(at)
    keep = np.abs(moves.between[at]) > SIGMAS * usual
    judged = 0
    for step, sigma in zip(at[keep].tolist(), usual[keep].tolist(), strict=True):
        if step < judged:
            continue
        first, stop = np.searchsorted(moves.rows.symbol, [moves.rows.symbol[step], moves.rows.symbol[step] + 1])
        near = min(0.25 * abs(moves.between[step]), max(0.1, 4.0 * sigma))
        run = _back(moves, step, int(stop), near) or _out(moves, step, int(first), near)
        run = run or _edge(moves, step, int(first), int(stop))
        if run is not None and not _traded(moves, step, run.start):
            away[run.start : run.stop] = True
            judged = max(step, run.stop) + 1
    return away


def _traded(moves: Moves, step: int, start: int) -> bool:
    """Whether the way out was news: then the way back is the market's as well."""
    return abs(moves.between[step]) <= TRADABLE and bool(moves.explained(np.array([start]))[0])


def _back(moves: Moves, step: int, stop: int, near: float) -> range | None:
    """The rows from a step on until the price is where it was before it."""
    level = moves.closed[step - 1]
    for row in range(step, min(step + LONGEST + 1, stop)):
        if row > step and abs(moves.opened[row] - level) <= near:
            return range(step, row)
        if row < step + LONGEST and abs(moves.closed[row] - level) <= near:
            return range(step, row + 1)
    return None


def _out(moves: Moves, step: int, first: int, near: float) -> range | None:
    """The rows before a step, since the price was last where the step leads."""
    level = moves.opened[step]
    for row in range(step - 1, max(step - LONGEST, first) - 1, -1):
        if abs(moves.opened[row] - level) <= near or (row > first and abs(moves.closed[row - 1] - level) <= near):
            return range(row, step)
    return None


def _edge(moves: Moves, step: int, first: int, stop: int) -> range | None:
    """The few rows on one side of a step by a power of ten, when the symbol begins or ends with them."""
    power = abs(moves.between[step]) / _TEN
    if round(power) < 2 or abs(power - round(power)) * _TEN > 0.1:
        return None
    before, after = step - first, stop - step
    if min(before, after) > LONGEST or max(before, after) < 4 * LONGEST:
        return None
    return range(first, step) if before < after else range(step, stop)
