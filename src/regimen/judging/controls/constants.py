"""The best constant action: what a policy that never decides anything would have earned, with hindsight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.judging.controls import targets as controls
from regimen.judging.controls.holding import holding_market
from regimen.judging.document import read
from regimen.judging.growth import Difference, annual_growth, difference
from regimen.processors import in_threads

if TYPE_CHECKING:
    from regimen.execution import Ledger, Tape

Series = NDArray[np.float64]

_HALF = 10  # bins on each side of the flat one, as in the action histogram
_MOST_LEVELS = 9
_LONG = 50_000  # bars × symbols from which the work is shared out among processors


@dataclass(frozen=True)
class ConstantExposure:
    """One exposure held from the first bar to the last, through the same market; NaN = undefined.

    Attributes:
        exposure: signed share of the equity, the sum over symbols.
        spread: "equal": the same share in every symbol that is listed; "own": each symbol its own most
            frequent exposure.
        total_return, sharpe: after costs, the Sharpe ratio annual.
        growth: annual log growth.
        advantage: the policy's annual log growth above it.
        tried: how many constants were backtested.
    """

    exposure: float
    spread: Literal["equal", "own"]
    total_return: float
    sharpe: float
    growth: float
    advantage: Difference
    tried: int

    @classmethod
    def from_dict(cls, values: Mapping[str, object], at: str) -> ConstantExposure:
        """Reads what `to_dict` wrote; raises `RunError` for another shape."""
        advantage = {"annual": values.get("advantage"), "error": values.get("advantage_error")}
        return read(cls, {**values, "advantage": advantage}, at)

    def to_dict(self) -> dict[str, object]:
        """Returns plain values."""
        return {
            "exposure": self.exposure,
            "spread": self.spread,
            "total_return": self.total_return,
            "sharpe": self.sharpe,
            "growth": self.growth,
            "advantage": self.advantage.annual,
            "advantage_error": self.advantage.error,
            "tried": self.tried,
        }


def levels(net: Series) -> tuple[float, ...]:
    """Returns the constants to try for a policy whose targets sum to ``net``, (time,), over the symbols.

    The mean of each occupied bin of their histogram (21 bins, to the largest absolute value), at most nine of
    them, evenly spread with the lowest and the highest; and 0 always, −1 and +1 where the policy goes that far.
    """
    largest = float(np.max(np.abs(net))) if len(net) else 0.0
    if not largest > 0.0:
        return (0.0,)
    bins = np.rint(net / largest * _HALF).astype(np.int64) + _HALF
    counts = np.bincount(bins, minlength=2 * _HALF + 1)
    sums = np.bincount(bins, weights=net, minlength=2 * _HALF + 1)
    means = np.round(sums[counts > 0] / counts[counts > 0], 9)
    spread = np.linspace(0, len(means) - 1, min(len(means), _MOST_LEVELS)).round().astype(np.int64)
    values = {float(means[position]) + 0.0 for position in spread} | {0.0}
    # A level a rounding away from ±1 counts as going that far.
    low, high = float(np.min(net)) - 1e-9, float(np.max(net)) + 1e-9
    return tuple(sorted(values | {x for x in (-1.0, 1.0) if low <= x <= high}))


def best_constant(
    ledger: Ledger,
    standing: Series,
    own: Series,
    tape: Tape,
    known: Mapping[float, Ledger],
) -> tuple[ConstantExposure, ConstantExposure]:
    """Backtests constant exposures and picks the one with the largest total log growth, with hindsight.

    Args:
        ledger: of the policy.
        standing: (time, symbol) its targets in force.
        own: (symbol,) each symbol's most frequent target.
        tape: of the ledger's bars.
        known: ledgers of equal constants that were traded already, by exposure.

    Returns:
        The best of `levels` and ``own``, and ``own`` itself. Of equals the smaller exposure is the best.
    """
    market, bars = holding_market(ledger.market).build(), ledger.bars
    unit = controls.buy_and_hold(bars.listed)
    alone = bars.shape[1] == 1
    usual = round(float(own[0]), 9) + 0.0
    choices = (
        sorted({*levels(standing[:, 0]), usual}) if alone else levels(np.where(bars.listed, standing, 0.0).sum(axis=1))
    )

    def books_of(level: float) -> Ledger:
        return known.get(level) or market.backtest(bars, level * unit, tape=tape)

    # Only the growth is kept: the books of a long series take a hundred megabytes for each constant.
    growths = in_threads(lambda level: annual_growth(books_of(level)), choices, worth=standing.size >= _LONG)
    equal = dict(zip(choices, growths, strict=True))

    def described(books: Ledger, exposure: float, spread: Literal["equal", "own"]) -> ConstantExposure:
        return ConstantExposure(
            exposure=exposure,
            spread=spread,
            total_return=metrics.total_return(books.returns),
            sharpe=metrics.annual_sharpe(books.returns, bars.periods_per_year),
            growth=annual_growth(books),
            advantage=difference(ledger.returns, books.returns, bars.periods_per_year),
            tried=len(equal) + (not alone),
        )

    best = max(equal, key=lambda level: (equal[level], -abs(level)))
    winner = described(books_of(best), best, "equal")
    if alone:
        return winner, winner if usual == best else described(books_of(usual), usual, "equal")
    rows = np.full(bars.shape, np.nan)
    rows[0] = own
    most_frequent = described(market.backtest(bars, rows, tape=tape), float(own.sum()), "own")
    return (most_frequent if most_frequent.growth > winner.growth else winner), most_frequent
