"""`Feed`: bars that come one at a time, made ready for the account step as `Tape` makes those of a whole series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.execution.costs import Costs
from regimen.execution.tape import Tape, nothing, survey, variance_step

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Rows of a feed's table: the five columns of a bar, then what it keeps of the bars before.
_VARIANCE, _RATIO, _FUNDING, _ROWS = 5, 6, 7, 8
_REMEMBERED = ("stamps", "table", "variance", "close", "factor", "count")


@final
class Feed:
    """The last two bars of some symbols, as the account step reads them, without the bars that are to come.

    *Timing:* the tape after a bar equals ``Tape.of(bars, costs).at(t)`` of the whole series bit for bit, the running
    variance that prices the impact included; so an account that steps along it has the bits of a backtest.

    Args:
        symbols: number of symbols.
        costs: which of the columns are needed.
        splits: whether bars come with an ``adjustment``.
        funding: whether they come with a ``funding_rate``; it is charged where the costs say so.
    """

    def __init__(self, symbols: int, costs: Costs, *, splits: bool = False, funding: bool = False) -> None:
        self.symbols, self.costs = symbols, costs
        self._weight = 2.0 / (costs.impact_span + 1.0) if costs.impact_coefficient > 0.0 else 0.0
        self._splits, self._funding = splits, funding and costs.funding
        self._variance, self._close, self._factor = (np.full(symbols, np.nan) for _ in range(3))
        self._stamps = np.zeros(2, np.int64)
        self._table = np.full((_ROWS, 2, symbols), np.nan)
        self._count = 0

    def push(
        self,
        stamp: int,
        bar: Floats,
        *,
        listed: Flags | None = None,
        adjustment: Floats | None = None,
        funding: Floats | None = None,
        payouts: Floats | None = None,
    ) -> Tape:
        """Takes the next bar of all symbols and returns the tape whose last row it is.

        Args:
            stamp: the bar's start, nanoseconds since 1970; after that of the last one.
            bar: (5, symbol) open, high, low, close, volume; NaN where a symbol has no bar.
            listed: (symbol,) False once a symbol has ended, and before its first bar; None: all are listed.
            adjustment: (symbol,) cumulative factor of splits, NaN where a symbol has no bar.
            funding: (symbol,) rate that falls in the bar, NaN for none.
            payouts: (symbol,) what a symbol that has ended is paid out at, as a fraction of the last price; None: 1.

        Raises:
            DataError: a bar that cannot be traded, or one that does not follow the last. The feed stays as it was.
        """
        rows = np.array(bar, np.float64).reshape(5, self.symbols)
        factor = None if adjustment is None else np.asarray(adjustment, np.float64)
        self._refuse(stamp, rows, factor)
        shown = np.ones(self.symbols, np.bool_) if listed is None else np.asarray(listed, np.bool_)
        gaps = np.isnan(rows[:4]).any(axis=0) | ~shown
        if gaps.any():
            rows[:4, gaps] = np.nan
        ended = ~shown & ~np.isnan(self._close)
        self._stamps[0], self._stamps[1] = self._stamps[1], stamp
        self._table[:, 0] = self._table[:, 1]
        self._table[:5, 1] = rows
        self._table[_RATIO, 1] = 1.0 if factor is None else self._ratios(factor)
        self._table[_FUNDING, 1] = np.nan if funding is None else funding
        self._advance(rows[3])
        self._count = min(int(self._count) + 1, 2)
        kept = slice(2 - self._count, 2)
        table, stamps = self._table[:, kept].copy(), self._stamps[kept].copy()
        table.flags.writeable = stamps.flags.writeable = False
        return Tape(
            stamps,
            table[0],
            table[1],
            table[2],
            table[3],
            table[4],
            table[_VARIANCE] if self._weight else nothing(),
            table[_RATIO] if self._splits else nothing(),
            table[_FUNDING] if self._funding else nothing(),
            np.where(ended, self._count - 2, self._count - 1).astype(np.int64),
            np.ones(self.symbols) if payouts is None else np.array(payouts, np.float64),
            not bool(gaps.any()),
        )

    def replay(self, bars: Bars) -> None:
        """Takes a stretch of history, so that the next `push` continues it.

        Raises:
            DataError: bars of another number of symbols, or such that `push` refuses.
        """
        if bars.shape[1] != self.symbols:
            raise DataError("bars.symbols", f"must be {self.symbols}", bars.shape[1])
        adjustment, funding = bars.extras.get("adjustment"), bars.extras.get("funding_rate")
        table = np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume], axis=1)
        for t, stamp in enumerate(bars.time.view(np.int64).tolist()):
            factor, rate = (None if column is None else column[t] for column in (adjustment, funding))
            self.push(stamp, table[t], listed=bars.listed[t], adjustment=factor, funding=rate)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns copies of all that it remembers, by name."""
        return {name: np.array(getattr(self, f"_{name}")) for name in _REMEMBERED}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from a `state`, bit for bit; raises `DataError` for one of another number of symbols."""
        if {name: part.shape for name, part in state.items()} != {n: p.shape for n, p in self.state().items()}:
            raise DataError("feed state", f"must be that of {self.symbols} symbols")
        vars(self).update({f"_{name}": part.copy() for name, part in state.items()})

    def _refuse(self, stamp: int, rows: Floats, factor: Floats | None) -> None:
        if self._count and stamp <= self._stamps[1]:
            raise DataError("time", "must be after the last bar", str(np.datetime64(stamp, "ns")))
        _, price, volume = survey(rows[0], rows[1], rows[2], rows[3], rows[4])
        if price >= 0:
            raise DataError("bar", "must have prices that are positive and finite", rows[:4, price].tolist())
        if volume >= 0:
            raise DataError("volume", "must be finite and not negative, or NaN", float(rows[4, volume]))
        if factor is None:
            return
        bad = ~(np.isnan(factor) | ((factor > 0.0) & (factor < np.inf)))
        if bad.any():
            raise DataError("adjustment", "must be positive and finite, or NaN", float(factor[bad][0]))

    def _ratios(self, factor: Floats) -> Floats:
        """Returns what units are multiplied by at this open."""
        there = ~np.isnan(factor)
        known = there & ~np.isnan(self._factor)
        ratios = np.where(known, factor / np.where(known, self._factor, 1.0), 1.0)
        self._factor = np.where(there, factor, self._factor)
        return ratios

    def _advance(self, closes: Floats) -> None:
        """Writes the variances known before this bar and takes its closes into the running ones."""
        for s in range(self.symbols):
            variance, before = float(self._variance[s]), float(self._close[s])
            self._table[_VARIANCE, 1, s] = variance if variance == variance else 0.0
            if self._splits:
                before /= float(self._table[_RATIO, 1, s])
            price = float(closes[s])
            if price == price:
                if before == before and self._weight:
                    variance = variance_step(variance, before, price, self._weight)
                before = price
            self._variance[s], self._close[s] = variance, before
