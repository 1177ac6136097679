"""What fills cost beyond the price that was decided at."""

from __future__ import annotations

import numpy as np

from regimen.execution.columns import COST_KINDS
from regimen.live.state import LiveState

_OPEN, _RATIO = 0, 6
"""Rows of the table that a `regimen.execution.Feed` remembers."""
_BESIDE = [1 + COST_KINDS.index(kind) for kind in ("spread", "impact")]


def slippage_of(before: LiveState, after: LiveState) -> float | None:
    """Returns by how much the fills of a bar were worse than the close before it, in basis points of their notional.

    Counted are the way from that close to the open, half the spread and the impact; commissions and taxes are not.
    Below 0 the market came to meet the orders.

    Args:
        before: the account after the bar before.
        after: the same after the bar.

    Returns:
        None where nothing was filled at an open whose close before is known.
    """
    table = after.memory["feed/table"][:, 1]
    ratios, decided = table[_RATIO], before.closes / table[_RATIO]
    bought = after.units - before.units * ratios
    way = bought * (table[_OPEN] - decided)  # NaN without a bar, and without one before
    notional = float((np.abs(bought) * decided)[~np.isnan(way)].sum())
    if not notional > 0.0:
        return None
    beside = float((after.flows - before.flows)[_BESIDE].sum())
    return 1e4 * (float(np.nansum(way)) + beside) / notional
