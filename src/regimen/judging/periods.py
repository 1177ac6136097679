"""Results by period: whether an edge lasted or was one good year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.errors import SplitError

if TYPE_CHECKING:
    from regimen.execution import Ledger

_YEAR, _MONTH = "datetime64[Y]", "datetime64[M]"


def stamp(time: np.datetime64) -> str:
    """Returns an ISO-8601 UTC string to the second."""
    return str(time.astype("datetime64[s]")) + "Z"


@dataclass(frozen=True)
class PeriodRow:
    """What one stretch of bars brought. Sharpe ratio annual, turnover annual, drawdown inside the stretch.

    Attributes:
        start, end: start stamps of its first and last bar, ISO-8601 UTC.
        bars: how many.
        total_return, sharpe, max_drawdown, turnover, exposure: as in the table of the judgement.
        buy_and_hold_return: of the control over the same bars, where it is known.
    """

    start: str
    end: str
    bars: int
    total_return: float
    sharpe: float
    max_drawdown: float
    turnover: float
    exposure: float
    buy_and_hold_return: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Returns plain values; without ``buy_and_hold_return`` where that is unknown."""
        values = dict(vars(self))
        if self.buy_and_hold_return is None:
            del values["buy_and_hold_return"]
        return values


def by_period(ledger: Ledger, edges: Sequence[int], buy_and_hold: Ledger | None = None) -> list[PeriodRow]:
    """Cuts a ledger at bar positions and measures each part.

    A part's returns are those of its own bars; a position carried into it earns there.

    Args:
        ledger: of the policy.
        edges: increasing bar positions; part k is [edges[k], edges[k + 1]).
        buy_and_hold: ledger of the control over the same bars.

    Raises:
        SplitError: fewer than two edges, not increasing, or outside the ledger.
    """
    total = len(ledger.returns)
    inside = len(edges) >= 2 and edges[0] >= 0 and edges[-1] <= total
    if not inside or any(b <= a for a, b in pairwise(edges)):
        raise SplitError("edges", f"must be at least two increasing positions from 0 to {total}", list(edges))
    periods_per_year = ledger.bars.periods_per_year
    rows = []
    for start, stop in pairwise(edges):
        returns = ledger.returns[start:stop]
        row = PeriodRow(
            start=stamp(ledger.bars.time[start]),
            end=stamp(ledger.bars.time[stop - 1]),
            bars=stop - start,
            total_return=metrics.total_return(returns),
            sharpe=metrics.annual_sharpe(returns, periods_per_year),
            max_drawdown=metrics.drawdown(metrics.wealth(returns)).depth,
            turnover=metrics.annual_turnover(ledger.turnover[start:stop], periods_per_year),
            exposure=metrics.gross_exposure(ledger.exposure[start:stop]),
        )
        if buy_and_hold is not None:
            row = replace(row, buy_and_hold_return=metrics.total_return(buy_and_hold.returns[start:stop]))
        rows.append(row)
    return rows


def calendar_edges(time: NDArray[np.datetime64]) -> list[int]:
    """Returns the positions where a calendar year begins (a month under two years), with both ends."""
    days = (time[-1] - time[0]).astype("timedelta64[D]").astype(np.int64)
    unit = time.astype(_YEAR if days >= 730 else _MONTH)
    starts = np.flatnonzero(unit[1:] != unit[:-1]) + 1
    return [0, *(int(start) for start in starts), len(time)]
