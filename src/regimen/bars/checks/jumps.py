"""`Jumps`: what the steps of a price between two bars are: bad ticks, splits, other assets, or no market's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.bars.calendar import DAY
from regimen.bars.checks.moves import Moves
from regimen.bars.checks.ordered import Ordered
from regimen.bars.checks.ticks import tick_rows
from regimen.bars.config import DataConfig

RATIOS = np.array((3 / 2, 2, 5 / 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 28, 30, 40, 50, 75, 100, 200, 1000))
"""Splits that happen: n new units for one (or for two), or one for n. Below 3:2 bad news makes as many falls."""
LARGE = 0.18
"""Log move below which nothing is looked at: 20 %."""
IMPOSSIBLE = 1.0
"""Log step between two bars (x2.7) that only a hole or heavy trading explains."""
CERTAIN = 0.6
"""Log ratio of a split above which stocks are refused: bad news makes smaller ones as well."""
SIGMAS = 8.0
"""A jump is over so many usual moves."""
IN_TURN = 1100 * DAY
"""Time in which a symbol does not split both ways by the same ratio."""


@dataclass(frozen=True, eq=False)
class Jumps:
    """The jumps of a file, each of one kind.

    Attributes:
        moves: the moves of all usable rows.
        ticks: (row of ``moves``,) bad ticks.
        steady: the moves without them, which the positions below count in.
        splits, ratios: jumps by the ratio of a split, and the new units for one old unit.
        unexplained: other jumps beyond `IMPOSSIBLE`, and those that go back and forth.
        in_turn: whether some go back and forth: then none of them is a split.
    """

    moves: Moves
    ticks: NDArray[np.bool_]
    steady: Moves
    splits: NDArray[np.intp]
    ratios: NDArray[np.float64]
    unexplained: NDArray[np.intp]
    in_turn: bool

    @classmethod
    def of(cls, rows: Ordered, config: DataConfig) -> Jumps:
        """Tells the jumps of a file apart.

        A split is a step between two bars near a usual ratio and over 8 usual moves. Below `IMPOSSIBLE` the bar itself
        must also move by less than 15 %, neither the next may take the step back nor it the one before, and no
        more money than 1.5 times the most of the 20 bars before may change hands, as it would with bad news.
        """
        moves = Moves.of(rows, config)
        ticks = tick_rows(moves)
        steady = moves.without(ticks)
        at = np.flatnonzero(np.abs(steady.between) > LARGE)
        if len(at):
            at = at[np.abs(steady.between[at]) > SIGMAS * steady.usual_beside(at)]
        other = _another_asset(steady, at)
        size = steady.between[at]
        impossible = (np.abs(size) > IMPOSSIBLE) & ~steady.explained(at)
        split, ratios = _as_split(size)
        split &= impossible | ((np.abs(size) <= IMPOSSIBLE) & _quiet(steady, at))
        if config.repairs.relisted != "keep":
            split &= ~other
        large = (np.abs(size) > CERTAIN) & ~steady.explained(at) & ~steady.over_hole(at)
        turns = _in_turn(steady, at, split | impossible | (large & (not steady.closes_only)))
        unexplained = ((impossible & ~split) | (turns & (np.abs(size) > CERTAIN))) & ~other
        split &= ~turns
        return cls(
            moves=moves,
            ticks=ticks,
            steady=steady,
            splits=at[split],
            ratios=ratios[split],
            unexplained=at[unexplained],
            in_turn=bool((turns & unexplained).any()),
        )


def _as_split(size: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Returns whether a log step is near the ratio of a split (6 %, half of it for 3:2 and beyond 12:1), and the ratio.

    Ratios are new units for one old unit; nobody merges three into two.
    """
    logs = np.log(RATIOS)
    distance = np.abs(np.abs(size)[:, None] - logs[None, :])
    nearest = distance.argmin(axis=1)
    near = np.where(RATIOS > 12, 0.03, np.minimum(0.06, logs / 12))
    split = (distance.min(axis=1) < near[nearest]) & ((size < 0) | (RATIOS[nearest] % 1 == 0))
    return split, np.where(size < 0, RATIOS[nearest], 1 / RATIOS[nearest])


def relisted_rows(moves: Moves) -> NDArray[np.intp]:
    """Returns the rows at which a symbol starts again as something else."""
    at = np.flatnonzero(np.abs(moves.whole) > LARGE)
    return at[_another_asset(moves, at)]


def _another_asset(moves: Moves, at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether a row follows a hole at a price level changed by more than `IMPOSSIBLE`."""
    return moves.over_hole(at) & (np.abs(moves.between[at]) > IMPOSSIBLE)


def _quiet(moves: Moves, at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the step is the whole move, stands, and little was traded on it."""
    whole = moves.whole
    within = np.abs(whole[at] - moves.between[at]) < 0.15
    following = np.minimum(at + 1, len(whole) - 1)
    back = (following > at) & (whole[following] * whole[at] < 0) & (np.abs(whole[following]) > 0.5 * np.abs(whole[at]))
    before = whole[at - 1]
    back |= (before * whole[at] < 0) & (np.abs(before) > 0.5 * np.abs(whole[at]))
    return np.asarray(within & ~back & ~(moves.money(at) > 1.5))


def _in_turn(moves: Moves, at: NDArray[np.intp], jump: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a jump and the next one, or the one before, go back and forth: by one ratio, or thrice in turn."""
    chosen = np.flatnonzero(jump)
    rows, size = at[chosen], moves.between[at[chosen]]
    result = np.zeros(len(at), dtype=np.bool_)
    if len(chosen) < 2:
        return result
    opposite = (size[1:] * size[:-1] < 0) & (moves.rows.symbol[rows[1:]] == moves.rows.symbol[rows[:-1]])
    opposite &= moves.rows.time[rows[1:]] - moves.rows.time[rows[:-1]] < IN_TURN
    alike = np.abs(size[1:] + size[:-1]) < 0.15 + 0.05 * np.abs(size[1:])
    thrice = np.zeros_like(opposite)
    thrice[1:] |= opposite[:-1]
    thrice[:-1] |= opposite[1:]
    pair = opposite & (alike | thrice)
    turns = np.zeros(len(chosen), dtype=np.bool_)
    turns[1:] |= pair
    turns[:-1] |= pair
    result[chosen] = turns
    return result
