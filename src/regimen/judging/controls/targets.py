"""The controls that every policy stands beside: what the same market paid for no skill or no timing.

All are arrays of target exposure, (time, symbol), that the market backtests exactly like the policy's own.
Row ``t`` uses bars <= t at most, except the shifted and reversed ones, which are nobody's strategy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from regimen.bars import listed
from regimen.seeding import generator

Targets = NDArray[np.float64]

MOST_DRAWS = 300
FEWEST_DRAWS = 50
CELLS = 60_000_000
"""Bars × symbols that the random control may backtest in all its draws unless told otherwise."""


def standing(targets: Targets) -> Targets:
    """Returns the targets in force: NaN ("keep") becomes the target before it, 0 before the first."""
    rows = np.where(np.isnan(targets), 0, np.arange(len(targets))[:, None])
    np.maximum.accumulate(rows, axis=0, out=rows)
    filled = np.take_along_axis(targets, rows, axis=0)
    return np.nan_to_num(filled, nan=0.0)


def flat(shape: tuple[int, int]) -> Targets:
    """Returns targets of nothing, ever."""
    return np.zeros(shape)


def buy_and_hold(present: NDArray[np.bool_]) -> Targets:
    """Returns targets that buy every symbol with equal weight when it first has a bar, and then hold.

    With one symbol: long 1 from the first bar. When symbols appear later, all that are listed then get the
    same weight again at that bar; nothing else is rebalanced (NaN keeps what is held), and what is paid out for a
    symbol that ends stays cash until then.

    Args:
        present: (time, symbol) whether the symbol has a bar, or is listed (`Bars.listed`).
    """
    targets = np.full(present.shape, np.nan)
    active = listed(present)
    count = active.sum(axis=1)
    fresh = active.copy()
    fresh[1:] &= ~active[:-1]
    for row in np.flatnonzero(fresh.any(axis=1)):
        targets[row, active[row]] = 1.0 / count[row]
    return targets


def late(targets: Targets, bars: int = 1) -> Targets:
    """Returns the same decisions, each ``bars`` later; flat before the first.

    A real edge decays with a late bar, a leak collapses.
    """
    moved = np.zeros_like(targets)
    moved[bars:] = targets[: len(targets) - bars]
    return moved


def time_reversed(targets: Targets, present: NDArray[np.bool_] | None = None) -> Targets:
    """Returns the targets in reverse order: the same turnover and exposures at unrelated times.

    Args:
        targets: (time, symbol), without NaN.
        present: (time, symbol) whether the symbol has a bar; see `shifted`.
    """
    if present is None or _all_listed(present):
        return targets[::-1].copy()
    return _moved(targets, present, np.arange(len(targets))[::-1], lambda age, length: length - 1 - age)


def shortest_shift(bars: int) -> int:
    """Returns the smallest circular shift of the random control: a twentieth of the sample."""
    return max(1, bars // 20)


def draws_for(bars: int, symbols: int, requested: int | None) -> int:
    """Returns how many random draws are made: 300, fewer in large samples, or as many as requested.

    A large sample has at least 50. There are never more than the distinct shifts, T − 2·`shortest_shift` + 1.
    """
    distinct = max(0, bars - 2 * shortest_shift(bars) + 1)
    wanted = min(MOST_DRAWS, max(FEWEST_DRAWS, CELLS // (bars * symbols))) if requested is None else requested
    return min(wanted, distinct)


def shifts(bars: int, draws: int, seed: int) -> NDArray[np.int64]:
    """Draws distinct circular shifts, (draw,) in [s, T − s] with s = `shortest_shift`, sorted."""
    shortest = shortest_shift(bars)
    choices = np.arange(shortest, bars - shortest + 1)
    picked = generator(seed, "judge", "shifts").choice(choices, size=draws, replace=False)
    return np.sort(picked).astype(np.int64)


def shifted(targets: Targets, shift: int, present: NDArray[np.bool_] | None = None) -> Targets:
    """Returns the targets moved ``shift`` bars later, the end wrapped to the beginning.

    The symbols of a row stay together. Turnover and the distribution of exposures are those of the policy,
    but for the seam; what is destroyed is their timing against the market.

    In a panel whose symbols come and go that would give a symbol targets for bars that it does not have, and
    none for bars that it has: a row of five symbols met by thirty would hold a sixth of what the policy held.
    So a symbol listed in both rows keeps the row's target, one that is listed only where the row lands takes
    its own target from a circular shift inside its listing, and every target is scaled by the number of
    symbols listed where it comes from over the number where it lands.

    Args:
        targets: (time, symbol), without NaN.
        shift: bars.
        present: (time, symbol) whether the symbol has a bar, or is listed; None: it always has. Before a symbol is
            listed its target is 0; after its end NaN, since it has been paid out.
    """
    if present is None or _all_listed(present):
        return np.roll(targets, shift, axis=0)
    bars = len(targets)
    rows = (np.arange(bars) - shift) % bars

    def own(age: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
        return (age - np.rint(shift * length / bars).astype(np.int64)) % length

    return _moved(targets, present, rows, own)


def _all_listed(present: NDArray[np.bool_]) -> bool:
    return bool(present[[0, -1]].all() or listed(present)[[0, -1]].all())


def _moved(
    targets: Targets,
    present: NDArray[np.bool_],
    rows: NDArray[np.int64],
    own: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]],
) -> Targets:
    """Returns each row's targets from ``rows``, seated on the symbols that are listed where they land.

    Args:
        rows: (time,) the row that each row comes from.
        own: (bars since the symbol's first one, length of its listing) -> where in its own listing a target
            comes from that the row lacks.
    """
    bars = len(targets)
    here = listed(present)
    first, length = here.argmax(axis=0), here.sum(axis=0)
    age = np.arange(bars)[:, None] - first
    count = np.maximum(here.sum(axis=1, keepdims=True), 1)
    places = np.where(here[rows], rows[:, None], first + own(age, np.maximum(length, 1)))
    moved = np.take_along_axis(targets * count, np.where(here, places, 0), axis=0) / count
    return np.where(here, moved, np.where(age < 0, 0.0, np.nan))
