"""What was earned in each state: a partition of the bars, whose profits add up to the total."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.judging.behaviour import direction
from regimen.judging.periods import stamp
from regimen.judging.regimes.states import MarketStates, market_moves
from regimen.reprs import many, short

if TYPE_CHECKING:
    from regimen.execution import Ledger

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class RegimeRow:
    """What one state brought, after costs; Sharpe ratio and volatility are annual.

    Attributes:
        name: of the state.
        start, end: start stamps of its first and its last bar, ISO-8601 UTC.
        bars, share: how many bars, and which share of all.
        pnl: profit and loss as a share of the equity at the start; over all states of a partition it adds up to the
            return of the account.
        total_return: return of these bars, compounded.
        sharpe, sharpe_interval: of these bars, and the ends of its 95 % interval, see
            `regimen.metrics.conditional_sharpe_interval`.
        directional_accuracy, chance_accuracy, directional_bars: as in `regimen.judging.Conduct`, of these bars.
        market_return, market_volatility: of the market in these bars, equal parts of all symbols.
    """

    name: str
    start: str
    end: str
    bars: int
    share: float
    pnl: float
    total_return: float
    sharpe: float
    sharpe_interval: tuple[float, float]
    directional_accuracy: float
    chance_accuracy: float
    directional_bars: int
    market_return: float
    market_volatility: float


@dataclass(frozen=True)
class Regimes:
    """What was earned in the states of one partition of the bars.

    Attributes:
        kind, title, sentence: of the `MarketStates`.
        rows: of the states that some bar has, in their order.
    """

    kind: str
    title: str
    sentence: str
    rows: tuple[RegimeRow, ...]

    def __repr__(self) -> str:
        return short(self, f"{self.title}: {many(len(self.rows), 'state')}")

    def to_dict(self) -> dict[str, object]:
        """Returns plain values."""
        return {**vars(self), "rows": [dict(vars(row)) for row in self.rows]}


def regimes_of(
    ledger: Ledger, states: Sequence[MarketStates], *, draws: int = 2000, seed: int = 0
) -> tuple[Regimes, ...]:
    """Returns what a ledger earned in the states of its bars.

    Args:
        ledger: the books.
        states: of its bars, see `regimen.judging.market_states`.
        draws, seed: of the intervals.
    """
    moves, length = market_moves(ledger.bars), metrics.block_length(ledger.returns)
    return tuple(
        Regimes(
            each.kind,
            each.title,
            each.sentence,
            tuple(
                _row(name, ledger, inside, moves, length, draws, seed)
                for number, name in enumerate(each.names)
                if (inside := each.at == number).any()
            ),
        )
        for each in states
    )


def profit(ledger: Ledger, inside: Bools) -> float:
    """Returns the profit and loss of some bars as a share of the equity at the start, to the last digit.

    Each stretch of neighbouring bars counts the equity at its end less that before it, and the sum is rounded once, so
    that the parts of a partition add up to the return of the account.
    """
    edges = np.flatnonzero(np.diff(inside.astype(np.int8), prepend=0, append=0))
    ends = np.concatenate(([ledger.start_equity], ledger.equity))[edges]
    return math.fsum([*ends[1::2], *-ends[::2]]) / ledger.start_equity


def _row(
    name: str, ledger: Ledger, inside: Bools, moves: NDArray[np.float64], length: float, draws: int, seed: int
) -> RegimeRow:
    bars, yearly = ledger.bars, ledger.bars.periods_per_year
    first, last = np.flatnonzero(inside)[[0, -1]]
    interval = metrics.conditional_sharpe_interval(
        ledger.returns, inside, yearly, draws=draws, length=length, seed=seed
    )
    accuracy, chance, counted = direction(ledger.exposure[inside], bars.open[inside], bars.close[inside])
    return RegimeRow(
        name=name,
        start=stamp(bars.time[first]),
        end=stamp(bars.time[last]),
        bars=int(inside.sum()),
        share=float(inside.mean()),
        pnl=profit(ledger, inside),
        total_return=metrics.total_return(ledger.returns[inside]),
        sharpe=interval.estimate,
        sharpe_interval=(interval.low, interval.high),
        directional_accuracy=accuracy,
        chance_accuracy=chance,
        directional_bars=counted,
        market_return=metrics.total_return(moves[inside]),
        market_volatility=metrics.volatility(moves[inside], yearly),
    )
