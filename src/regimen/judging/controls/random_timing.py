"""The turnover-matched random control: the policy's own positions, taken at the wrong times."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.judging.controls import targets as controls
from regimen.judging.document import read
from regimen.judging.measures import Row, measure, median_row
from regimen.judging.timing import Timing
from regimen.judging.verdicts.evidence import percent
from regimen.processors import beside, in_threads
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.execution import Ledger

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Quantiles:
    """The 5, 50 and 95 % quantiles of what the draws brought."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Draws:
    """What the circular shifts of the policy's own targets brought.

    Attributes:
        count: backtests made; 0 when the policy never trades or the sample is too short to shift.
        requested: what the caller asked for; None is automatic.
        capped: whether fewer were made than the 300 of a small sample, or than requested.
        p_value: share of arrangements of the same positions whose timing is at least as good; NaN without draws. See
            `regimen.judging.Timing.p_value`.
        p_trials: 1 − (1 − p)^N, the same for the best of all trials.
        arrangements: arrangements behind the p-value; None in a judgement of an earlier version.
        rank: share of the draws with a lower Sharpe ratio.
        sharpe, total_return: quantiles of the draws (annual Sharpe).
        sentence: what the control says, for people.
    """

    count: int
    requested: int | None
    capped: bool
    p_value: float
    p_trials: float
    arrangements: int | None
    rank: float
    sharpe: Quantiles
    total_return: Quantiles
    sentence: str

    def __repr__(self) -> str:
        return short(self, self.sentence)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], at: str) -> Draws:
        """Reads what `to_dict` wrote; raises `RunError` for another shape."""
        named = {"count": values.get("draws"), "requested": values.get("draws_requested")}
        return read(cls, {**values, **named}, at)

    def to_dict(self) -> dict[str, object]:
        """Returns plain values."""
        return {
            "draws": self.count,
            "draws_requested": self.requested,
            "capped": self.capped,
            "p_value": self.p_value,
            "p_trials": self.p_trials,
            "arrangements": self.arrangements,
            "rank": self.rank,
            "sharpe": vars(self.sharpe),
            "total_return": vars(self.total_return),
            "sentence": self.sentence,
            "note": "circular time shifts of the policy's own targets; low and high: 5 and 95 % quantiles",
        }


_UNKNOWN = Quantiles(math.nan, math.nan, math.nan)
_NOTHING = "There is no timing to compare: the policy never trades, or the sample is too short."


def _quantiles(values: Series) -> Quantiles:
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return _UNKNOWN
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return Quantiles(float(low), float(middle), float(high))


def _sentence(count: int, rank: float, p_value: float, arrangements: int, p_trials: float) -> str:
    return (
        f"The policy's Sharpe ratio beats {math.floor(100.0 * rank)} % of {count} random timings of its "
        f"own positions. Apart from what it holds on average, {percent(p_value)} of {arrangements:,} "
        f"arrangements of them do as well; the best of all trials does by chance in {percent(p_trials)}."
    )


def random_timing(
    ledger: Ledger,
    standing: Series,
    policy: Row,
    timing: Timing,
    trials: int,
    draws: int | None,
    at: NDArray[np.int64],
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    long: bool = False,
) -> tuple[Draws, Row | None, Series]:
    """Backtests circular shifts of the policy's targets and ranks the policy among them.

    Args:
        ledger: of the policy.
        standing: (time, symbol) its targets in force.
        policy: its row, whose Sharpe ratio is ranked.
        timing: of the ledger, for the p-value.
        trials: N.
        draws: how many shifts; None is automatic.
        at: positions of the thinned equity curves.
        seed: of the shifts.
        progress: called after each draw with how many are done and how many there are.
        long: whether the sample is long enough to share the draws out among processors.

    Returns:
        The control; its row of medians, none when there was nothing to draw; and (3, point) the 5, 50 and 95 %
        quantiles of the thinned equity curves.
    """
    bars, symbols = standing.shape
    count = controls.draws_for(bars, symbols, draws) if policy.turnover > 0 else 0
    wanted = controls.MOST_DRAWS if draws is None else draws
    if count == 0:
        none = Draws(0, draws, False, math.nan, math.nan, 0, math.nan, _UNKNOWN, _UNKNOWN, _NOTHING)
        return none, None, np.full((3, len(at)), math.nan)
    market, listed = ledger.market.build(), ledger.bars.listed
    tape = market.tape(ledger.bars)

    def drawn(shift: np.int64) -> tuple[Row, Series]:
        other = market.backtest(ledger.bars, controls.shifted(standing, int(shift), listed), tape=tape)
        curve = metrics.wealth(other.returns)
        return measure(other, "random", "Random timing (median)", curve), curve[1:][at]

    arranged = beside(lambda: timing.p_value(trials, seed), worth=long)
    rows, paths = [], np.empty((count, len(at)))
    for draw, (row, path) in enumerate(in_threads(drawn, controls.shifts(bars, count, seed), worth=long)):
        rows.append(row)
        paths[draw] = path
        if progress is not None:
            progress(draw + 1, count)
    # A timing that never moved the equity has no Sharpe ratio; it earned nothing per unit of nothing.
    sharpes = np.nan_to_num(np.array([row.sharpe for row in rows]), nan=0.0)
    mine = 0.0 if math.isnan(policy.sharpe) else policy.sharpe
    # Shifts of a constant repeat the policy's result but for the last digits: those are ties.
    slack = 1e-9 * max(1.0, abs(mine))
    p_value, arrangements = arranged()
    p_trials = metrics.best_of(p_value, trials)
    rank = float(np.count_nonzero(sharpes < mine - slack)) / count
    result = Draws(
        count=count,
        requested=draws,
        capped=count < wanted,
        p_value=p_value,
        p_trials=p_trials,
        arrangements=arrangements,
        rank=rank,
        sharpe=_quantiles(sharpes),
        total_return=_quantiles(np.array([row.total_return for row in rows])),
        sentence=_sentence(count, rank, p_value, arrangements, p_trials),
    )
    return result, median_row(rows, "random", "Random timing (median)"), np.quantile(paths, [0.05, 0.5, 0.95], axis=0)
