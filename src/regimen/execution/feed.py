"""`Feed`: bars that come one at a time, made ready for the account step as `Tape` makes those of a whole series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.execution.costs import Costs
from regimen.execution.tape import Tape, nothing, survey, variance_step

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Feed:
    """The last two bars of some symbols, as the account step reads them, without the bars that are to come.

    *Timing:* the tape after a bar equals ``Tape.of(bars).at(t)`` of the whole series bit for bit, the running variance
    that prices the impact included; so an account that steps along it has the bits of a backtest.

    Args:
        symbols: number of symbols.
        costs: which of the columns are needed.
        splits: whether bars come with an ``adjustment``.
        funding: whether they come with a ``funding_rate``; it is charged where the costs say so.
    """

    def __init__(self, symbols: int, costs: Costs, *, splits: bool = False, funding: bool = False) -> None:
        self.symbols, self.costs = symbols, costs
        self._weight = 2.0 / (costs.impact_span + 1.0) if costs.impact_coefficient > 0.0 else 0.0
        self._variance = np.full(symbols, np.nan)
        self._before = np.full(symbols, np.nan)
        self._factor = np.full(symbols, np.nan)
        self._splits, self._funding = splits, funding and costs.funding
        self._last: tuple[int, Floats] | None = None

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
            listed: (symbol,) False once a symbol has ended (or before its first bar); None: all are listed.
            adjustment: (symbol,) cumulative factor of splits, NaN where a symbol has no bar.
            funding: (symbol,) rate that falls in the bar, NaN for none.
            payouts: (symbol,) what a symbol that has ended is paid out at, as a fraction of the last price; None: 1.

        Raises:
            DataError: a bar that cannot be traded, or one that does not follow the last.
        """
        bar = np.array(bar, np.float64).reshape(5, self.symbols)
        if self._last is not None and stamp <= self._last[0]:
            raise DataError("time", "must be after the last bar", str(np.datetime64(stamp, "ns")))
        shown = np.ones(self.symbols, np.bool_) if listed is None else np.asarray(listed, np.bool_)
        missing, price, volume = survey(bar[0], bar[1], bar[2], bar[3], bar[4])
        if price >= 0:
            raise DataError("bar", "must have prices that are positive and finite", bar[:4, price].tolist())
        if volume >= 0:
            raise DataError("volume", "must be finite and not negative, or NaN", float(bar[4, volume]))
        if missing or not shown.all():
            bar[:4, np.isnan(bar[:4]).any(axis=0) | ~shown] = np.nan
        row = np.empty((3, self.symbols))  # variances, ratios, fundings
        row[1] = self._ratio(np.full(self.symbols, np.nan) if adjustment is None else np.asarray(adjustment))
        row[2] = np.nan if funding is None else funding
        self._advance(bar[3], row)
        before = (stamp, np.full((8, self.symbols), np.nan)) if self._last is None else self._last
        self._last = (stamp, np.concatenate([bar, row]))
        first = self._last is before or before[0] == stamp
        rows = [self._last] if first else [before, self._last]
        columns = [np.stack([each[1][k] for each in rows]) for k in range(8)]
        stamps = np.array([each[0] for each in rows], np.int64)
        for array in (*columns, stamps):
            array.flags.writeable = False
        last = len(rows) - 1
        known = bar[0] == bar[0]
        return Tape(
            stamps,
            columns[0],
            columns[1],
            columns[2],
            columns[3],
            columns[4],
            columns[5] if self._weight else nothing(),
            columns[6] if self._splits else nothing(),
            columns[7] if self._funding else nothing(),
            np.where(shown | known | np.isnan(self._before), last, last - 1).astype(np.int64),
            np.ones(self.symbols) if payouts is None else np.array(payouts, np.float64),
            bool(known.all()),
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
            self.push(
                stamp,
                table[t],
                listed=bars.listed[t],
                adjustment=None if adjustment is None else adjustment[t],
                funding=None if funding is None else funding[t],
            )

    def _ratio(self, factor: Floats) -> Floats:
        """Returns what units are multiplied by at this open."""
        there = ~np.isnan(factor)
        bad = there & ~((factor > 0.0) & (factor < np.inf))
        if bad.any():
            raise DataError("adjustment", "must be positive and finite, or NaN", float(factor[bad][0]))
        known = there & ~np.isnan(self._factor)
        ratio = np.where(known, factor / np.where(known, self._factor, 1.0), 1.0)
        self._factor = np.where(there, factor, self._factor)
        return ratio

    def _advance(self, closes: Floats, row: Floats) -> None:
        """Writes the variances known before this bar into ``row`` and takes its closes into the running ones."""
        for s in range(self.symbols):
            variance, before = float(self._variance[s]), float(self._before[s])
            row[0, s] = variance if variance == variance else 0.0
            if self._splits:
                before /= row[1, s]
            price = float(closes[s])
            if price == price:
                if before == before and self._weight:
                    variance = variance_step(variance, before, price, self._weight)
                before = price
            self._variance[s], self._before[s] = variance, before
