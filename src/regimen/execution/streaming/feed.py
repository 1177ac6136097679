"""`Feed`: bars that come one at a time, made ready for the account step as `Tape` makes those of a whole series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.execution.costs import Costs
from regimen.execution.tape import Tape, nothing, survey, variance_step
from regimen.jit import jit

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
        self._unknown, self._whole, self._all = np.full(symbols, np.nan), np.ones(symbols), np.ones(symbols, np.bool_)
        fresh = {name: np.full(symbols, np.nan) for name in ("variance", "close", "factor")}
        table, stamps = np.full((_ROWS, 2, symbols), np.nan), np.zeros(2, np.int64)
        self.adopt({"stamps": stamps, "table": table, **fresh, "count": np.zeros((), np.int64)})

    def adopt(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remembers in these arrays from now on, as they are: they have the names and the shapes of `state`."""
        self._stamps, self._table, self._variance, self._close, self._factor, self._count = (
            arrays[name] for name in _REMEMBERED
        )
        self._ends, self._counted = np.empty(self.symbols, np.int64), self._count.reshape(1)
        self._shown: dict[tuple[int, bool], Tape] = {}
        for count, complete in ((1, True), (1, False), (2, True), (2, False)):
            kept = slice(2 - count, 2)
            table, stamps = self._table[:, kept], self._stamps[kept]
            table.flags.writeable = stamps.flags.writeable = False
            self._shown[count, complete] = Tape(
                *(stamps, table[0], table[1], table[2], table[3], table[4]),
                table[_VARIANCE] if self._weight else nothing(),
                table[_RATIO] if self._splits else nothing(),
                table[_FUNDING] if self._funding else nothing(),
                self._ends,
                self._whole,
                complete,
            )

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
        tape = self.advance(stamp, bar, listed=listed, adjustment=adjustment, funding=funding, payouts=payouts)
        kept = slice(2 - len(tape.stamps), 2)
        table, stamps = self._table[:, kept].copy(), self._stamps[kept].copy()
        table.flags.writeable = stamps.flags.writeable = False
        return Tape(
            stamps,
            table[0],
            table[1],
            table[2],
            table[3],
            table[4],
            table[_VARIANCE] if self._weight else tape.variances,
            table[_RATIO] if self._splits else tape.ratios,
            table[_FUNDING] if self._funding else tape.fundings,
            tape.ends.copy(),
            np.array(tape.payouts),
            tape.complete,
        )

    def advance(
        self,
        stamp: int,
        bar: Floats,
        *,
        listed: Flags | None = None,
        adjustment: Floats | None = None,
        funding: Floats | None = None,
        payouts: Floats | None = None,
    ) -> Tape:
        """Does what `push` does, and returns views of what it remembers: the tape is gone with the next bar."""
        rows = np.ascontiguousarray(bar, np.float64)
        if rows.shape != (5, self.symbols):
            rows = rows.reshape(5, self.symbols)
        # copies, because rows of a series are read-only, which is another type to the compiler
        factor = self._unknown if adjustment is None else np.array(adjustment, np.float64)
        shown = self._all if listed is None else np.array(listed, np.bool_)
        rate = self._unknown if funding is None else np.array(funding, np.float64)
        gaps = _push(
            stamp,
            rows,
            shown,
            factor,
            rate,
            self._weight,
            self._splits,
            self._stamps,
            self._table,
            self._variance,
            self._close,
            self._factor,
            self._counted,
            self._ends,
        )
        if gaps < 0:
            raise self._refusal(stamp, rows, factor)
        tape = self._shown[self._counted.item(), not gaps]
        return tape if payouts is None else tape._replace(payouts=np.array(payouts, np.float64))

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
        for name in _REMEMBERED:
            getattr(self, f"_{name}")[...] = state[name]

    def _refusal(self, stamp: int, rows: Floats, factor: Floats) -> DataError:
        """Returns why a bar was refused."""
        if self._count and stamp <= self._stamps[1]:
            return DataError("time", "must be after the last bar", str(np.datetime64(stamp, "ns")))
        _, price, volume = survey(rows[0], rows[1], rows[2], rows[3], rows[4])
        if price >= 0:
            return DataError("bar", "must have prices that are positive and finite", rows[:4, price].tolist())
        if volume >= 0:
            return DataError("volume", "must be finite and not negative, or NaN", float(rows[4, volume]))
        bad = ~(np.isnan(factor) | ((factor > 0.0) & (factor < np.inf)))
        return DataError("adjustment", "must be positive and finite, or NaN", float(factor[bad][0]))


@jit
def _push(
    stamp: int,
    rows: Floats,
    shown: Flags,
    factors: Floats,
    rates: Floats,
    weight: float,
    splits: bool,
    stamps: NDArray[np.int64],
    table: Floats,
    variances: Floats,
    closes: Floats,
    known: Floats,
    count: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """Takes a bar: the last one moves up, this one takes its place; returns how many symbols have none.

    Args:
        variances, closes, known: (symbol,) running variance, last close and last factor of splits.
        ends: (symbol,) is filled with the row of the last bar of each symbol.

    Returns:
        -1, and nothing is changed, where the bar cannot be traded or does not follow the last one.
    """
    _, price, volume = survey(rows[0], rows[1], rows[2], rows[3], rows[4])
    if price >= 0 or volume >= 0 or (count[0] > 0 and stamp <= stamps[1]):
        return -1
    for factor in factors:
        if not (factor != factor or 0.0 < factor < np.inf):
            return -1
    gaps = 0
    stamps[0] = stamps[1]
    stamps[1] = stamp
    count[0] = min(count[0] + 1, 2)
    for s in range(rows.shape[1]):
        for k in range(table.shape[0]):
            table[k, 0, s] = table[k, 1, s]
        for k in range(5):
            table[k, 1, s] = rows[k, s]
        gap = not shown[s]
        for k in range(4):
            gap = gap or rows[k, s] != rows[k, s]
        if gap:
            gaps += 1
            table[:4, 1, s] = np.nan
        before = closes[s]
        ends[s] = count[0] - 2 if not shown[s] and before == before else count[0] - 1
        factor = factors[s]
        ratio = factor / known[s] if factor == factor and known[s] == known[s] else 1.0
        if factor == factor:
            known[s] = factor
        table[_RATIO, 1, s] = ratio
        table[_FUNDING, 1, s] = rates[s]
        variance = variances[s]
        table[_VARIANCE, 1, s] = variance if variance == variance else 0.0
        if splits:
            before /= ratio
        close = table[3, 1, s]
        if close == close:
            if before == before and weight != 0.0:
                variances[s] = variance_step(variance, before, close, weight)
            before = close
        closes[s] = before
    return gaps
