"""Orders of the account step: which targets become orders, and how much of them this open lets through.

Scalar code like `regimen.execution.step`, and compiled into it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.execution.account import Floats, Integers, Rules
from regimen.execution.columns import CLIPS, DUE, GOAL, SCALE, UNITS, WISH
from regimen.jit import jit, jit_step_uncached

EXACT = 2.0**53
EXCESS = 1.0 + 1e-12
"""A gross up to so many times the leverage is at the limit: weights that are to sum to it miss it by rounding."""


@jit_step_uncached
def whole_lots(units: float, lot: float) -> float:
    """Rounds units towards zero to a multiple of the lot; a lot of 0 leaves them as they are."""
    if lot > 0.0:
        # A target of exactly k lots may come out of a division as k - 1e-16; it still is k lots.
        count = units * (1.0 / lot) * (1.0 + 1e-12)
        if abs(count) < EXACT:  # beyond it every float is whole, and an integer might not hold it
            count = float(int(count))
        return count * lot
    return units


@jit_step_uncached
def reachable(wanted: float, volume: float, cap: float, lot: float) -> float:
    """Returns how many of the wanted units (signed) the bar's volume lets through; NaN is no limit."""
    limit = cap * volume
    if abs(wanted) > limit:
        return math.copysign(whole_lots(limit, lot), wanted)
    return wanted


@jit_step_uncached
def impact_rate(units: float, volume: float, variance: float, coefficient: float) -> float:
    """Returns the square-root impact as a fraction of the notional, at most 1; NaN without volume."""
    rate = coefficient * math.sqrt(variance / volume * abs(units))
    if rate > 1.0:
        return 1.0
    return rate


@jit_step_uncached
def accept(
    n: int,
    t: int,
    row: int,
    ended: bool,
    targets: Floats,
    ends: Integers,
    rules: Rules,
    account: Floats,
    positions: Floats,
) -> int:
    """Takes the target row that falls due at this open: what changed becomes an order that waits for its size.

    When the gross of the latest targets exceeds the leverage limit, every target is scaled by the same
    factor; when that factor changes, every symbol is sized anew. A symbol that has ended takes no target.

    Args:
        row: row of ``targets``; -1 for none.
        ended: whether a target was given up at this open, because its symbol has ended.

    Returns:
        How many rows brought a change that was not scaled down: 1 or 0.
    """
    changed = False
    if row >= 0:
        for s in range(positions.shape[1]):
            want = targets[row, s]
            if want == want and want != positions[n, s, WISH] and t <= ends[s]:
                positions[n, s, WISH] = want
                positions[n, s, DUE] = 1.0
                positions[n, s, GOAL] = np.nan  # an old order that still waits is replaced
                changed = True
    if not (changed or ended):
        return 0
    gross = 0.0
    for s in range(positions.shape[1]):
        wish = positions[n, s, WISH]
        if wish == wish:
            gross += abs(wish)
    scale = 1.0
    # Weights that are meant to sum to the limit miss it by rounding; that is no excess.
    if gross > rules.leverage * EXCESS:
        scale = rules.leverage / gross
        if changed:
            account[n, CLIPS] += 1.0
            changed = False
    if scale != account[n, SCALE]:
        account[n, SCALE] = scale
        for s in range(positions.shape[1]):
            wish = positions[n, s, WISH]
            if wish == wish and wish != 0.0:
                positions[n, s, DUE] = 1.0
                positions[n, s, GOAL] = np.nan
    return 1 if changed else 0


@jit_step_uncached
def room(
    n: int,
    t: int,
    stuck: float,
    equity: float,
    opens: Floats,
    volumes: Floats,
    rules: Rules,
    account: Floats,
    positions: Floats,
) -> float:
    """Returns by what the orders sized at this open are scaled, so that they fit beside what cannot be traded.

    The gross is that of the targets, but a position that cannot be brought down to its target at this open, because
    its symbol does not trade or the participation cap lets too little through, counts with what stays of it.

    Args:
        stuck: gross of the positions in symbols that do not trade at this open, quote currency.
    """
    fixed = stuck
    asked = 0.0
    for s in range(positions.shape[1]):
        price = opens[t, s]
        wish = positions[n, s, WISH]
        if not (price == price and volumes[t, s] != 0.0 and wish == wish):
            continue
        size = abs(wish) * account[n, SCALE] * equity
        left = 0.0
        if rules.cap * volumes[t, s] < np.inf:
            left = (abs(positions[n, s, UNITS]) - whole_lots(rules.cap * volumes[t, s], rules.lot)) * price
        if left > size:
            fixed += left
        elif positions[n, s, DUE] != 0.0 or rules.every_bar != 0.0:
            asked += size
        else:
            fixed += size
    free = rules.leverage * equity - fixed
    if asked <= free + (EXCESS - 1.0) * rules.leverage * equity:
        return 1.0
    return max(free, 0.0) / asked if asked > 0.0 else 1.0


@jit
def share_one_bar(exposures: Floats, present: NDArray[np.bool_], listing: NDArray[np.bool_], out: Floats) -> None:
    """Does what `share` does for one bar."""
    count = max(listing.sum(), 1)
    for s in range(len(out)):
        out[s] = exposures[s] / count if present[s] else np.nan
