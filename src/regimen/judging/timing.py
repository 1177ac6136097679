"""The timing of a ledger: what it earned beyond holding its own average exposure to the same market."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regimen import metrics

if TYPE_CHECKING:
    from regimen.execution import Ledger, Tape

Matrix = NDArray[np.float64]

NOT_EARNED = "funding"
"""The cost that timing need not earn: it is part of what the market pays, a constant exposure has it too."""
_CELLS = 3_000_000_000
"""Bars × symbols that arrangements may go through before they are only as many as the number of trials asks for."""
_FEWEST, _MOST, _PER_TRIAL = 1_000, 20_000, 40


@dataclass(frozen=True)
class TimingMoments:
    """What is kept of a timing: enough for `regimen runs compare` to deflate it again when there are more trials.

    Attributes:
        average_exposure: mean exposure, summed over the symbols.
        sharpe: annual; ``sharpe_per_bar``, ``skew`` and ``kurtosis`` (raw) are those of the returns of one bar.
        bars: how many.
    """

    average_exposure: float
    sharpe: float
    sharpe_per_bar: float
    skew: float
    kurtosis: float
    bars: int


@dataclass(frozen=True, eq=False)
class Timing:
    """The exposures of a ledger beside the market that they met, both without their averages.

    Timing: the exposure of row t was filled at the open of bar t and meets the move from there to the next open (after
    the last bar: to its close).

    Attributes:
        exposures: (time, symbol) deviations from the ledger's own average, see `regimen.metrics.exposure_deviations`.
        moves: (time, symbol) returns from open to open after funding, less the mean of the later ones, per share of the
            equity, see `regimen.metrics.forward_deviations`.
        costs: (time,) paid for trading, borrowing and financing, as a fraction of the equity.
        average: mean exposure, summed over the symbols.
        periods_per_year: of the bars.
    """

    exposures: Matrix
    moves: Matrix
    costs: Matrix
    average: float
    periods_per_year: float

    @classmethod
    def of(cls, ledger: Ledger, tape: Tape | None = None) -> Timing:
        """Takes a ledger apart.

        Args:
            ledger: the books.
            tape: of the ledger's bars and market, where the caller has it.
        """
        bars = ledger.bars
        tape = ledger.market.build().tape(bars) if tape is None else tape
        marks = np.where(bars.present, bars.open, ledger.prices)
        following = np.concatenate([marks[1:], ledger.prices[-1:]])
        if len(tape.ratios):
            following[:-1] *= tape.ratios[1:]
        ended = np.flatnonzero((tape.ends >= 0) & (tape.ends < len(bars) - 1))
        following[tape.ends[ended], ended] *= tape.payouts[ended]
        moves = following / marks - 1.0
        if len(tape.fundings):
            moves[:-1] -= np.nan_to_num(tape.fundings[1:]) * (following / marks)[:-1]
        listed = bars.listed.copy()
        listed[: ledger.market.latency_bars] = False  # no decision reaches them
        before = np.concatenate([[ledger.start_equity], ledger.equity[:-1]])
        opened = ledger.equity - np.nansum(ledger.units * (ledger.prices - marks), axis=1)
        alive = (before > 0) & (opened > 0)
        weights = np.where(listed & alive[:, None], ledger.units * marks / np.where(alive, opened, 1.0)[:, None], 0.0)
        paid = np.sum([costs for kind, costs in ledger.costs.items() if kind != NOT_EARNED], axis=0)
        return cls(
            exposures=metrics.exposure_deviations(weights, listed),
            moves=metrics.forward_deviations(moves, listed) / metrics.shares(listed),
            costs=np.where(alive, paid / np.where(alive, before, 1.0), 0.0),
            average=float(weights.sum(axis=1)[listed.any(axis=1)].mean()) if listed.any() else 0.0,
            periods_per_year=bars.periods_per_year,
        )

    @cached_property
    def returns(self) -> Matrix:
        """(time,) what the timing earned in each bar after costs, as a fraction of the equity."""
        earned: Matrix = np.einsum("ts,ts->t", self.exposures, self.moves)
        return earned - self.costs

    @cached_property
    def moments(self) -> metrics.Moments:
        """Of `returns`."""
        return metrics.moments(self.returns)

    @property
    def sharpe(self) -> float:
        """The annual Sharpe ratio of `returns`; NaN where nothing was ever held."""
        return self.moments.sharpe * math.sqrt(self.periods_per_year)

    def dsr(self, trials: float, variance: float) -> float:
        """Returns the Deflated Sharpe Ratio of `returns`.

        Args:
            trials: N.
            variance: of the trials' per-bar timing Sharpe ratios.
        """
        moments = self.moments
        return metrics.dsr(moments.sharpe, len(self.returns), moments.skewness, moments.kurtosis, trials, variance)

    @property
    def kept(self) -> TimingMoments:
        """What a judgement keeps of it."""
        moments = self.moments
        return TimingMoments(
            average_exposure=self.average,
            sharpe=self.sharpe,
            sharpe_per_bar=moments.sharpe,
            skew=moments.skewness,
            kurtosis=moments.kurtosis,
            bars=len(self.returns),
        )

    def p_value(self, trials: int, seed: int) -> tuple[float, int]:
        """Returns the p-value against the same positions at other times, before costs, and the number of draws.

        All of them pay about the same costs. The best of N trials needs p <= .05 / N, hence at least 40 N draws.
        """
        affordable = _CELLS // self.exposures.size
        draws = max(min(max(affordable, _FEWEST), _MOST), _PER_TRIAL * trials)
        return metrics.arrangement_p_value(self.exposures, self.moves, draws, seed)


def timing_sharpe(ledger: Ledger) -> float | None:
    """Returns the annual Sharpe ratio of a ledger's timing for the trial ledger; None where it is not defined."""
    value = Timing.of(ledger).sharpe
    return value if math.isfinite(value) else None
