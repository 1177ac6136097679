"""`guarded`: the guard bar by bar inside a backtest, and what each of its limits did there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.bars import Bars, trading_days
from regimen.errors import ConfigError, DataError
from regimen.execution import Ledger, Market, Tape, open_account
from regimen.execution.columns import ACCOUNT_COLUMNS, POSITION_COLUMNS
from regimen.reprs import many, short
from regimen.safeguards.config import SafeguardsConfig
from regimen.safeguards.guard import Guard, missing_bars
from regimen.safeguards.layout import ACTS, DRAWDOWN, HALTED, MODES, REDUCING, numbers
from regimen.safeguards.loop import trade

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GuardRecord:
    """What a guard did over a backtest. Row t is bar t of it.

    Attributes:
        config: the limits.
        allowed: (time, symbol) targets that it let through; NaN keeps.
        modes: (time,) in which each bar was decided: 0 active, 1 reducing, 2 halted.
        counts: (time, act) targets that each of `regimen.safeguards.layout.ACTS` changed.
        acted: (time,) what acted, one bit each; bit 30: the drawdown warned.
        equity: (time,) at the close of each bar.
        start_equity: before the first bar.
    """

    config: SafeguardsConfig
    allowed: Floats
    modes: Integers
    counts: Integers
    acted: Integers
    equity: Floats
    start_equity: float

    def __repr__(self) -> str:
        return short(self, f"{many(len(self.modes), 'bar')}, {self.mode} at the end")

    def bars(self, act: str) -> int:
        """Returns on how many bars a limit, or the operator, acted."""
        return int((self.acted >> ACTS.index(act) & 1).sum())

    def changed(self, act: str) -> int:
        """Returns how many targets a limit, or the operator, changed."""
        return int(self.counts[:, ACTS.index(act)].sum())

    @property
    def warned(self) -> int:
        """Bars on which the drawdown warned."""
        return int((self.acted >> 30 & 1).sum())

    @property
    def mode(self) -> str:
        """The mode at the end."""
        return MODES[int(self.modes[-1])]

    @property
    def shares(self) -> tuple[float, float]:
        """Shares of the bars that were decided reducing, and halted."""
        return float(np.mean(self.modes == REDUCING)), float(np.mean(self.modes == HALTED))

    @cached_property
    def halted_by_drawdown(self) -> bool:
        """Whether the drawdown halted trading."""
        return bool((self.acted >> DRAWDOWN & 1).any())

    @cached_property
    def total_return(self) -> float:
        """Compounded return of the account, a fraction; -1 after ruin."""
        before = np.concatenate(([self.start_equity], self.equity[:-1]))
        ruined = np.flatnonzero(~(self.equity > 0.0))
        end = int(ruined[0]) + 1 if len(ruined) else len(self.equity)
        return metrics.total_return(np.maximum(self.equity[:end] / before[:end] - 1.0, -1.0))

    @cached_property
    def deepest(self) -> float:
        """The deepest drawdown of the account, a fraction of the peak."""
        return metrics.drawdown(np.concatenate(([self.start_equity], np.maximum(self.equity, 0.0)))).depth


def guarded(
    market: Market,
    bars: Bars,
    targets: Floats,
    config: SafeguardsConfig,
    start: int = 0,
    stop: int | None = None,
    confidence: Floats | None = None,
    *,
    tape: Tape | None = None,
) -> tuple[Ledger, GuardRecord]:
    """Trades targets behind a guard: the ledger, and what each limit did.

    The guard is that of `Guard.check`, bar by bar; the ledger is ``market.backtest`` of the targets that it allowed,
    bit for bit. No bar arrives late, nothing rings from outside, and the operator is that of the config.

    *Timing:* as in a backtest; the guard decides at the close of bar t, with what is known there.

    Args:
        market: where it is traded.
        bars: (time, symbol) market data.
        targets: (time, symbol) that are wanted; NaN keeps the last.
        config: the limits.
        start, stop: bars [start, stop), with an account opened at ``start``.
        confidence: (time, symbol), 0 to 1; NaN where it is not known; None: nowhere, and no limit answers to it.
        tape: `Market.tape` of the same bars.

    Raises:
        DataError: targets or confidences of another shape, an infinite target, or what a backtest refuses.
        ConfigError: not 0 <= start < stop <= len(bars), or what a backtest refuses.
    """
    record = replay_guarded(market, bars, targets, config, start, stop, confidence, tape=tape)
    rows = np.full(bars.shape, np.nan)
    rows[start : len(bars) if stop is None else stop] = record.allowed
    return market.backtest(bars, rows, start, stop, tape=tape), record


def replay_guarded(
    market: Market,
    bars: Bars,
    targets: Floats,
    config: SafeguardsConfig,
    start: int = 0,
    stop: int | None = None,
    confidence: Floats | None = None,
    *,
    tape: Tape | None = None,
) -> GuardRecord:
    """Returns what `guarded` records, without the books of a ledger."""
    stop = len(bars) if stop is None else stop
    if not 0 <= start < stop <= len(bars):
        raise ConfigError("start/stop", f"must satisfy 0 <= start < stop <= {len(bars)}", (start, stop))
    wanted = _rows("targets", targets, bars, start, stop)
    if np.isinf(wanted).any():
        raise DataError("targets", "must be finite, or NaN to keep", float(wanted[np.isinf(wanted)][0]))
    known = np.full(wanted.shape, np.nan) if confidence is None else _rows("confidence", confidence, bars, start, stop)
    tape = market.tape(bars) if tape is None else tape
    symbols, length = bars.shape[1], stop - start
    guard = Guard(config, market.config, symbols=symbols, bar_length=bars.bar_length, calendar=bars.calendar)
    account = np.empty((1, ACCOUNT_COLUMNS))
    positions = np.empty((1, symbols, POSITION_COLUMNS))
    open_account(0, market.config.initial_cash, account, positions)
    days = np.ascontiguousarray(trading_days(tape.stamps[start:stop], bars.calendar.day_end), np.int64)
    record = GuardRecord(
        config=config,
        allowed=np.empty((length, symbols)),
        modes=np.empty(length, np.int64),
        counts=np.zeros((length, len(ACTS)), np.int64),
        acted=np.zeros(length, np.int64),
        equity=np.empty(length),
        start_equity=market.config.initial_cash,
    )
    trade(
        start,
        stop,
        bars.bar_length,
        market.config.latency_bars,
        tape,
        market.config.at(bars).build().rules(),
        account,
        positions,
        numbers(config, market.config),
        guard.initial(market.config.initial_cash),
        days,
        _missing(tape.stamps[start:stop], days, bars),
        wanted,
        known,
        np.ascontiguousarray(bars.present[start:stop]),
        np.empty((10, symbols)),
        np.empty((2, symbols), np.bool_),
        record.allowed,
        record.acted,
        record.counts,
        record.modes,
        record.equity,
    )
    return record


def _rows(name: str, values: object, bars: Bars, start: int, stop: int) -> Floats:
    """Returns rows [start, stop) of an array that has the shape of the bars."""
    rows = np.asarray(values, np.float64)
    if rows.shape == bars.shape[:1] and bars.shape[1] == 1:
        rows = rows[:, None]
    if rows.shape != bars.shape:
        raise DataError(name, f"must have the shape of the bars, (time, symbol) = {bars.shape}", rows.shape)
    return np.ascontiguousarray(rows[start:stop])


def _missing(stamps: Integers, days: Integers, bars: Bars) -> Floats:
    """Returns (time,) how many bars are missing before each, as `Guard.check` counts them."""
    missing = np.zeros(len(stamps))
    elapsed = np.diff(stamps)
    for t in np.flatnonzero(elapsed >= 2 * bars.bar_length):
        missing[t + 1] = missing_bars(int(elapsed[t]), bars.bar_length, bars.calendar, bool(days[t] == days[t + 1]))
    return missing
