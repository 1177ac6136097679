"""`Guard`: what stands between a policy's targets and the account, as one pure step."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, cast, final

import numpy as np
from numpy.typing import NDArray

from regimen.bars import DAY, Calendar, trading_day
from regimen.errors import ConfigError, DataError
from regimen.execution import MarketConfig
from regimen.reprs import many, short
from regimen.safeguards import layout
from regimen.safeguards.config import SafeguardsConfig
from regimen.safeguards.layout import ACTS, MODES, OPERATORS
from regimen.safeguards.rule import UNUSABLE_TARGET, rule

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Mode = Literal["active", "reducing", "halted"]
Operator = Literal["halt", "reduce", "resume"]

ALARMS = ("drift", "collapse")
"""Alarms that may come from outside, by the names of the limits that answer to them."""
WEEK = 7 * DAY
"""The longest that a market which closes may be closed without a gap in its feed."""
_WARNING = 1 << 30
_WARNINGS = ("drawdown",)
_MODES = cast(tuple[Mode, ...], MODES)
_ACTS = len(ACTS)


class Sighting(NamedTuple):
    """What a guard sees of an account at the close of a bar.

    Attributes:
        time: the close of the bar, nanoseconds since 1970.
        equity: at the close mark, quote currency.
        exposures: (symbol,) in force at the close mark, signed fractions of equity.
        wanted: (symbol,) targets of the policy after `share`; NaN keeps the last.
        confidence: (symbol,) 0 to 1; NaN where it is not known, which no limit answers to.
        close: (symbol,) NaN without a bar.
        previous: (symbol,) the close before, as if split like this one; NaN where there was none.
        present: (symbol,) whether the symbol has a bar.
        waiting: (symbol,) whether an order still waits to be filled (`LiveAccount.waiting`).
        at: when the bar arrived, nanoseconds since 1970; None: at its close.
        alarms: of `ALARMS`, those that ring.
        operator: what an operator says at this bar.
    """

    time: int
    equity: float
    exposures: Floats
    wanted: Floats
    confidence: Floats
    close: Floats
    previous: Floats
    present: Flags
    waiting: Flags
    at: int | None = None
    alarms: tuple[str, ...] = ()
    operator: Operator | None = None


class Ruling(NamedTuple):
    """What a guard lets through.

    Attributes:
        state: of the guard from now on.
        allowed: (symbol,) targets for the account; NaN keeps the last.
        mode: in which it was decided.
        reasons: what acted now: changed a target or the mode; limits by their names, or ``operator``.
        warnings: limits that are near.
        changed: how many targets each of the reasons changed, in their order.
    """

    state: Floats
    allowed: Floats
    mode: Mode
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    changed: tuple[int, ...]


class Standing(NamedTuple):
    """Where an account stands by its guard.

    Attributes:
        mode: now.
        cause: what latched the mode; None while it is active.
        trades: orders of the trading day that count.
        day_loss: since the end of the trading day before, a fraction; below 0 a profit.
        drawdown: from the highest equity, a fraction.
    """

    mode: Mode
    cause: str | None
    trades: int
    day_loss: float
    drawdown: float


@final
class Guard:
    """The limits of one account: ``check(state, sighting) -> ruling``, without a clock, without memory of its own.

    *Timing:* at the close of a bar, by what is known there; what is allowed fills at the open ``latency_bars`` later.

    The mode goes from active to reducing to halted and stays there; only an operator's ``resume`` brings it back. It
    begins anew what the limit that had stopped trading measures (the day's loss, the drawdown, the actions), and
    nothing of the others. In every mode an order that reduces a position
    passes, as far as zero and no farther where new risk is not let through.

    Args:
        config: the limits.
        market: how targets become orders; its latency and whether it rebalances matter here.
        symbols: of the account.
        bar_length: nanoseconds.
        calendar: where trading days end; whether the market closes.

    Raises:
        ConfigError: no symbol, or a bar length that is not positive.
    """

    def __init__(
        self, config: SafeguardsConfig, market: MarketConfig, *, symbols: int, bar_length: int, calendar: Calendar
    ) -> None:
        for name, value in (("symbols", symbols), ("bar_length", bar_length)):
            if value < 1:
                raise ConfigError(name, "must be at least 1", value)
        self.config, self.market, self.symbols = config, market, symbols
        self.bar_length, self.calendar = bar_length, calendar
        self.width = layout.width(symbols, market.latency_bars)
        self._limits = layout.numbers(config, market)

    def __repr__(self) -> str:
        return short(self, f"{many(self.symbols, 'symbol')}, {self.config!r}")

    def initial(self, equity: float) -> Floats:
        """Returns the state (width,) of an account that opens with this equity: active, nothing seen yet.

        Raises:
            DataError: an equity that is not positive and finite.
        """
        if not 0.0 < equity < math.inf:
            raise DataError("equity", "must be positive and finite", equity)
        state = np.zeros(self.width)
        state[layout.DAY] = state[layout.DAYS] = state[layout.NANOSECONDS] = math.nan
        state[layout.DAY_EQUITY] = state[layout.PEAK] = state[layout.EQUITY] = equity
        state[layout.HEAD : layout.HEAD + self.market.latency_bars * self.symbols] = math.nan
        return state

    def check(self, state: Floats, seen: Sighting) -> Ruling:
        """Decides one bar; ``state`` and what is seen stay as they are.

        Raises:
            DataError: arrays of another length, an equity or a target that is no number, a time that is not after
                the last bar's, an alarm or an operator's word that is not known.
        """
        if state.shape != (self.width,):
            raise DataError("state", f"must have the shape ({self.width},)", state.shape)
        seen = seen._replace(
            exposures=self._row("exposures", seen.exposures, np.float64),
            wanted=self._row("wanted", seen.wanted, np.float64),
            confidence=self._row("confidence", seen.confidence, np.float64),
            close=self._row("close", seen.close, np.float64),
            previous=self._row("previous", seen.previous, np.float64),
            present=self._row("present", seen.present, np.bool_),
            waiting=self._row("waiting", seen.waiting, np.bool_),
        )
        return self.advance(state.copy(), seen)

    def advance(self, state: Floats, seen: Sighting) -> Ruling:
        """Does what `check` does in ``state`` itself, which is the ruling's.

        Args:
            state: is changed in place; what becomes of it where an error is raised is not promised.
            seen: arrays that need no second look: (symbol,) each, contiguous, float64 or bool.
        """
        time = int(seen.time)
        day = trading_day(time - self.bar_length, self.calendar.day_end)
        missing, allowed, counts = self._missing(state, time, day), np.empty(self.symbols), np.empty(_ACTS, np.int64)
        acted = rule(
            state,
            self._limits,
            float(seen.equity),
            day,
            time // DAY,
            time % DAY,
            missing,
            0.0 if seen.at is None else max(seen.at - time, 0) / self.bar_length,
            _bits(seen.alarms) if seen.alarms else 0,
            _word(seen.operator) if seen.operator else layout.NOBODY,
            seen.exposures,
            seen.wanted,
            seen.confidence,
            seen.close,
            seen.previous,
            seen.present,
            seen.waiting,
            np.empty((5, self.symbols)),
            allowed,
            counts,
        )
        if acted < 0:
            raise self._unusable(acted, seen)
        reasons, changed = self._names(acted, counts)
        warnings = _WARNINGS if acted & _WARNING else ()
        return Ruling(state, allowed, _MODES[int(state[layout.MODE])], reasons, warnings, changed)

    def withdrawn(self, state: Floats, awaited: Floats) -> Floats:
        """Returns the state after targets that had not fallen due were taken back (`LiveAccount.withdraw`).

        Without it the guard would take them for what the account trades towards, and let none like them pass.

        Args:
            state: before.
            awaited: (order, symbol) what the account will aim at now, the next one first (`LiveAccount.awaited`).

        Raises:
            DataError: an array of another shape.
        """
        shape = (self.market.latency_bars, self.symbols)
        if awaited.shape != shape:
            raise DataError("awaited", f"must have the shape {shape}", awaited.shape)
        following = state.copy()
        following[layout.HEAD : layout.HEAD + awaited.size] = awaited[::-1].reshape(-1)  # the last decided one first
        return following

    def mode(self, state: Floats) -> Mode:
        """Returns the mode of a state."""
        return _MODES[int(state[layout.MODE])]

    def standing(self, state: Floats) -> Standing:
        """Returns what a state means."""
        mode, equity = int(state[layout.MODE]), float(state[layout.EQUITY])
        return Standing(
            self.mode(state),
            ACTS[int(state[layout.CAUSE])] if mode else None,
            int(state[layout.ORDERS]),
            1.0 - equity / float(state[layout.DAY_EQUITY]),
            1.0 - equity / float(state[layout.PEAK]),
        )

    def _missing(self, state: Floats, time: int, day: int) -> float:
        """Returns how many bars are missing before this one; a market that closes has none over its nights."""
        days, nanoseconds = state.item(layout.DAYS), state.item(layout.NANOSECONDS)
        if days != days:
            return 0.0
        last = int(days) * DAY + int(nanoseconds)
        if time <= last:
            raise DataError("time", f"must be after the last bar, {np.datetime64(last, 'ns')}", _shown(time))
        return missing_bars(time - last, self.bar_length, self.calendar, day == state[layout.DAY])

    def _row(self, name: str, row: NDArray[Any], kind: type) -> NDArray[Any]:
        if row.shape != (self.symbols,):
            raise DataError(name, f"must have the shape ({self.symbols},)", row.shape)
        return row if row.dtype == kind and row.flags.c_contiguous else np.ascontiguousarray(row, kind)

    def _names(self, acted: int, counts: NDArray[np.int64]) -> tuple[tuple[str, ...], tuple[int, ...]]:
        acted &= _WARNING - 1
        if not acted:
            return (), ()
        acts = [k for k in range(len(ACTS)) if acted >> k & 1]
        return tuple([ACTS[k] for k in acts]), tuple([int(counts[k]) for k in acts])

    def _unusable(self, code: int, seen: Sighting) -> DataError:
        if code == UNUSABLE_TARGET:
            return DataError("wanted", "must be finite, or NaN to keep", seen.wanted.tolist())
        if not math.isfinite(seen.equity):
            return DataError("equity", "must be finite", float(seen.equity))
        return DataError("exposures", "must be finite", seen.exposures.tolist())


def missing_bars(elapsed: int, bar_length: int, calendar: Calendar, same_day: bool) -> float:
    """Returns how many bars are missing between two that close ``elapsed`` nanoseconds one after the other.

    A market that closes has its nights, weekends and holidays: from one trading day to the next up to a week is
    no gap.
    """
    if calendar.name != "24/7" and not same_day and elapsed - bar_length <= WEEK:
        return 0.0
    return float(max(elapsed // bar_length - 1, 0))


def _bits(alarms: tuple[str, ...]) -> int:
    bits = 0
    for alarm in alarms:
        if alarm not in ALARMS:
            raise DataError("alarms", f"must be of {', '.join(ALARMS)}", alarm)
        bits |= 1 << ALARMS.index(alarm)
    return bits


def _word(operator: str | None) -> int:
    if operator is None:
        return layout.NOBODY
    if operator not in OPERATORS[1:]:
        raise DataError("operator", f"must be one of {', '.join(OPERATORS[1:])}", operator)
    return OPERATORS.index(operator)


def _shown(time: int) -> str:
    return str(np.datetime64(time, "ns"))
