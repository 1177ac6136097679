"""`Engine`: one pure step ``(state, event) -> (state, answer, effects)``, the same live, on paper and in a replay."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.bars import trading_day
from regimen.errors import DataError
from regimen.execution import COST_KINDS, Feed, LiveAccount, Moment, share
from regimen.live.accounting import BEFORE, CLOSE, PREVIOUS, SEEN, BarSight, OwnArrays, arrive, book
from regimen.live.answer import Answer, Effects, Level, Notice, SymbolAnswer, TargetOrder
from regimen.live.events import BarEvent, Event, OperatorEvent
from regimen.live.following import is_even, require_next
from regimen.live.memory import LiveMemory
from regimen.live.setup import Setup
from regimen.live.state import NEVER, OWN, LiveState, utc
from regimen.monitoring import Alert, WatchedBar, watched_rows
from regimen.policies import RunningVolatility
from regimen.reprs import short
from regimen.safeguards import Guard, Operator, Sighting, Standing
from regimen.stateful import below, under

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
WATCHING = "watching"
"""The mode of a bar that was only watched."""
_DRIFT, _VERDICT = "drift", "verdict"
_NONE = Effects()
_MODES = {"halt": "halted", "reduce": "reducing", "resume": "active"}
_OPERATORS: dict[str, Operator] = {"halt": "halt", "reduce": "reduce", "resume": "resume"}


class Stepped(NamedTuple):
    """What an event leads to.

    Attributes:
        state: of the account from now on.
        answer: what is decided.
        effects: what follows for the world outside, once the answer is durable.
    """

    state: LiveState
    answer: Answer
    effects: Effects


class _Watched(NamedTuple):
    rings: bool
    day: int
    day_equity: float
    alerts: tuple[Alert, ...]


@final
class Engine:
    """Folds events into decisions, with the code of the backtest: features, policy, account and safeguards.

    *Timing:* a bar is decided at its close by bars up to it, and filled at the next open or later. So a replay of a
    span has the orders and the equity of `regimen.safeguards.guarded` on that span, bit for bit.

    No clock, no input or output, no randomness: `step` depends on its arguments alone, and the state that it is given
    stays as it was. The objects inside are working copies of the state that was stepped last.

    Args:
        setup: what the account is made of.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup, symbols = setup, len(setup.symbols)
        self._stream = setup.features.stream(setup.symbols)
        self._splits = "adjustment" in setup.extras
        self._feed = Feed(symbols, setup.market.costs, splits=self._splits, funding="funding_rate" in setup.extras)
        bars = setup.volatility_bars
        self._volatility = None if bars is None else RunningVolatility(symbols, bars, setup.periods_per_year)
        self._account = LiveAccount(setup.market, symbols)
        self._guard = None if setup.safeguards is None else _guard_of(setup)
        self._even = is_even(setup.calendar, setup.bar_length)
        self._last: LiveState | None = None
        self._unknown, self._rows = np.full(symbols, np.nan), np.empty((5, symbols))
        self._opening = LiveMemory.of(self._arrays())
        self._layout, self._block = self._opening.layout, self._opening.block.copy()
        self._settle_in(self._layout.views(self._block))

    def __repr__(self) -> str:
        return short(self, f"{self.setup.name}, {', '.join(self.setup.symbols)}")

    def initial(self) -> LiveState:
        """Returns the state before the first event: where the bundle's data ended, or with nothing seen."""
        setup, symbols = self.setup, len(self.setup.symbols)
        state = LiveState(
            seq=0,
            time=NEVER,
            at=NEVER,
            opened=False,
            rings=False,
            word="",
            day=NEVER,
            day_equity=math.nan,
            policy=setup.policy.initial_state(symbols),
            memory=self._opening,
        )
        start = setup.start
        if start is None:
            return state
        arrays = self._opening.arrays() | {
            "listed": ~np.isnan(start.feed["close"]),
            "closes": np.asarray(start.feed["close"], np.float64),
            "first": start.adjustment,
            "factor": np.asarray(start.feed["factor"], np.float64),
            **under("features/", start.features),
            **under("volatility/", start.volatility),
            **under("feed/", start.feed),
        }
        return state._replace(time=start.time, policy=start.policy, memory=LiveMemory.of(arrays))

    def warm(self, state: LiveState) -> None:
        """Compiles what a step needs, by a bar that nobody sees: the first real one need not wait for it.

        Args:
            state: of the account; it stays as it is.
        """
        closes, factors = (np.where(np.isnan(each), 1.0, each) for each in (state.closes, state.memory["factor"]))
        length = self.setup.bar_length
        time = length if state.time == NEVER else state.time + length
        rows = np.stack([closes, closes, closes, closes, np.full(len(closes), np.nan)])
        self.step(state, BarEvent(time, rows, {"adjustment": factors}, time + length))

    def step(self, state: LiveState, event: Event) -> Stepped:
        """Folds one event.

        Raises:
            DataError: a bar that does not follow the last one, or that no reader would accept. Nothing has changed.
        """
        if self._last is not state:
            self._restore(state)
        self._last = None  # until the step is whole
        stepped = self._bar(state, event) if isinstance(event, BarEvent) else self._word(state, event)
        self._last = stepped.state
        return stepped

    def mode(self, state: LiveState) -> str:
        """Returns whether an account is active, reducing or halted; an operator's word counts before the next bar."""
        if state.word:
            return _MODES[state.word]
        return "active" if self._guard is None else self._guard.mode(state.memory["guard"])

    def standing(self, state: LiveState) -> Standing | None:
        """Returns where an account stands by its safeguards; None without them."""
        return None if self._guard is None else self._guard.standing(state.memory["guard"])

    def _arrays(self) -> dict[str, Any]:
        """Returns all arrays of an account that has seen nothing."""
        setup, symbols = self.setup, len(self.setup.symbols)
        none, guard = np.full(symbols, np.nan), self._guard
        own = {
            "listed": np.zeros(symbols, np.bool_),
            **dict.fromkeys(("closes", "first", "factor", "targets"), none),
            "flows": np.zeros(1 + len(COST_KINDS)),
            "guard": np.empty(0) if guard is None else guard.initial(setup.market.initial_cash),
        }
        volatility = {} if self._volatility is None else self._volatility.state()
        watch = {} if setup.watch is None else setup.watch.arrays(setup.watch.initial())
        return {
            **own,
            **under("features/", self._stream.state_dict()),
            **under("volatility/", volatility),
            **under("feed/", self._feed.state()),
            **under("account/", self._account.state()),
            **under("watch/", watch),
        }

    def _settle_in(self, arrays: dict[str, Any]) -> None:
        """Lets all parts remember in the engine's own block, whose copy is then the memory of a state."""
        self._own = OwnArrays(*(arrays[name] for name in OWN))
        self._stream.adopt(below(arrays, "features/"))
        self._feed.adopt(below(arrays, "feed/"))
        self._account.adopt(below(arrays, "account/"))
        if self._volatility is not None:
            self._volatility.adopt(below(arrays, "volatility/"))
        watch = self.setup.watch
        self._watching = None if watch is None else watch.of_arrays(below(arrays, "watch/"))

    def _restore(self, state: LiveState) -> None:
        if state.memory.layout is self._layout:
            self._block[:] = state.memory.block
            return
        arrays = state.memory.arrays()
        self._stream.load_state_dict(below(arrays, "features/"))
        self._feed.restore(below(arrays, "feed/"))
        self._account.restore(below(arrays, "account/"))
        if self._volatility is not None:
            self._volatility.restore(below(arrays, "volatility/"))
        for name, own in zip(OWN, self._own, strict=True):
            if arrays[name].shape != own.shape:
                raise DataError(f"account state: {name}", f"must have the shape {own.shape}", arrays[name].shape)
            own[...] = arrays[name]
        if self.setup.watch is not None and self._watching is not None:
            kept = self.setup.watch.of_arrays(below(arrays, "watch/"))
            for name, array in self.setup.watch.arrays(self._watching).items():
                array[...] = self.setup.watch.arrays(kept)[name]

    def _kept(self) -> LiveMemory:
        """Returns what all parts remember now."""
        return LiveMemory(self._layout, self._block.copy())

    def _bar(self, state: LiveState, event: BarEvent) -> Stepped:
        require_next(event, state.time, self.setup.bar_length, self._even)
        if event.watched and state.opened:
            raise DataError("bar", "must not be watched only: the account trades already", utc(event.time))
        own, symbols = self._own, len(self.setup.symbols)
        factor = event.extras.get("adjustment") if self._splits else None
        sight = BarSight(np.empty((4, symbols)), np.empty(symbols, np.bool_))
        rows = event.rows if factor is None else self._rows
        arrive(event.rows, self._unknown if factor is None else factor, self._splits, own, rows, sight)
        self._stream.advance(event.time, rows, event.extras)
        tape = self._feed.advance(
            event.time,
            event.rows,
            listed=own.listed,
            adjustment=factor,
            funding=event.extras.get("funding_rate"),
        )
        volatility = None if self._volatility is None else self._volatility.push(sight.prices[SEEN])
        moment = Moment(tape, self._stream.rows, sight.present, own.listed.copy(), volatility)
        if not event.watched:
            return self._decided(state, moment, event, rows, sight)
        policy = self.setup.policy.watch(moment, state.policy)
        at = max(event.at, state.at)
        following = state._replace(seq=state.seq + 1, time=event.time, at=at, policy=policy, memory=self._kept())
        return Stepped(following, self._answer(following, WATCHING), Effects())

    def _decided(self, state: LiveState, moment: Moment, event: BarEvent, rows: Floats, sight: BarSight) -> Stepped:
        account, guard, own = self._account, self._guard, self._own
        latched = _MODES[state.word] if state.word else "active" if guard is None else guard.mode(own.guard)
        yesterday, aimed = account.equity, own.targets.tolist()
        account.step(moment.tape)
        decided = self.setup.policy.decided(moment, state.policy)
        allowed = wanted = share(decided.exposures, moment.present, moment.listed)
        exposures, waiting = account.standing()
        equity, mode = account.equity, "active"
        reasons: tuple[str, ...] = ()
        warnings: tuple[str, ...] = ()
        watched = self._watched(state, moment, event, rows, sight, wanted, yesterday)
        contradicts = bool(watched.alerts) and any(alert.key == _VERDICT for alert in watched.alerts)
        alarms = (*((_DRIFT,) if watched.rings else ()), *((_VERDICT,) if contradicts else ()))
        if guard is not None:
            ruling = guard.advance(
                own.guard,
                Sighting(
                    time=event.time + self.setup.bar_length,
                    equity=equity,
                    exposures=exposures,
                    wanted=wanted,
                    confidence=np.ascontiguousarray(decided.confidence, np.float64),
                    close=sight.prices[CLOSE],
                    previous=sight.prices[PREVIOUS],
                    present=moment.present,
                    waiting=waiting,
                    at=event.at,
                    alarms=(_DRIFT,) if watched.rings else (),
                    operator="halt" if contradicts else _OPERATORS.get(state.word),
                ),
            )
            allowed, mode, reasons, warnings = ruling.allowed, ruling.mode, ruling.reasons, ruling.warnings
        account.decide(allowed)
        book(allowed, own.targets, own.flows, account.account)
        following = LiveState(
            seq=state.seq + 1,
            time=event.time,
            at=max(event.at, state.at),  # a clock that is put back changes no order of events
            opened=True,
            rings=watched.rings,
            word="",
            day=watched.day,
            day_equity=watched.day_equity,
            policy=decided.state,
            memory=self._kept(),
        )
        symbols = self._symbols(allowed, wanted, exposures, decided.confidence, decided.details)
        answer = Answer(following.seq, event.time, mode, equity, account.cash, symbols, reasons, warnings, alarms)
        return Stepped(following, answer, _effects(aimed, answer, latched, watched.alerts))

    def _watched(
        self,
        state: LiveState,
        moment: Moment,
        event: BarEvent,
        rows: Floats,
        sight: BarSight,
        wanted: Floats,
        yesterday: float,
    ) -> _Watched:
        """Lets what watches the account see the bar, and returns what it has to say.

        A trading day's return is known at the first bar of the next one: what the account earned from close to close.

        Args:
            yesterday: equity before the bar.
        """
        watch, memory, setup = self.setup.watch, self._watching, self.setup
        if watch is None or memory is None:
            return _Watched(state.rings, state.day, state.day_equity, ())
        day = trading_day(event.time, setup.calendar.day_end)
        since, gained = state.day_equity, math.nan
        if day != state.day:
            opened = setup.market.initial_cash if state.day == NEVER else yesterday
            gained = opened / since - 1.0 if since == since and since > 0.0 else math.nan
            since = opened
        row = self._unknown
        if watch.drift is not None and memory.drift is not None:
            row = watched_rows(moment.features, sight.prices[BEFORE], rows[1], rows[2], rows[3])
            if not memory.drift.bars and not np.isfinite(moment.features).all(axis=1).any():
                row[:] = np.nan  # what is not warm yet is no drift
        sights = watch.advance(memory, WatchedBar(event.time + setup.bar_length, row, wanted, gained))
        rings = state.rings if sights.drift is None else sights.drift.rings
        return _Watched(rings, day, since, sights.alerts)

    def _word(self, state: LiveState, event: OperatorEvent) -> Stepped:
        """Takes back new risk that has not fallen due, unless trading goes on; the next bar's close rules."""
        if self._guard is None:
            raise DataError("operator", "needs safeguards, and this account has none", event.word)
        word = event.word
        if word == "reduce" and (state.word == "halt" or (not state.word and self.mode(state) == "halted")):
            word = "halt"  # to reduce after a halt brings nothing back
        if word != "resume":
            self._account.withdraw()
            awaited = self._account.awaited
            self._own.guard[:] = self._guard.withdrawn(self._own.guard, awaited)
            self._own.targets[:] = awaited[-1]
        following = state._replace(seq=state.seq + 1, at=event.at, word=word, memory=self._kept())
        answer = self._answer(following, _MODES[word], ("operator",))
        text = f"{event.by or 'An operator'} said {event.word}" + (f": {event.reason}" if event.reason else ".")
        level: Level = "critical" if event.word == "halt" else "warning"
        return Stepped(following, answer, Effects((), (Notice(level, "operator", text),)))

    def _answer(self, state: LiveState, mode: str, reasons: tuple[str, ...] = ()) -> Answer:
        """Returns the answer to an event at which no exposure is decided."""
        account, nothing = self._account, np.full(len(self.setup.symbols), np.nan)
        symbols = self._symbols(nothing, nothing, account.exposures, nothing, np.empty((len(nothing), 0)))
        return Answer(state.seq, state.time, mode, account.equity, account.cash, symbols, reasons, (), ())

    def _symbols(
        self, targets: Floats, wanted: Floats, exposures: Floats, confidence: Floats, details: Floats
    ) -> tuple[SymbolAnswer, ...]:
        rows = zip(
            self.setup.symbols,
            _known(targets),
            _known(wanted),
            exposures.tolist(),
            _known(confidence),
            [tuple([None if value != value else value for value in row]) for row in details.tolist()],
            strict=True,
        )
        return tuple([SymbolAnswer(*row) for row in rows])


def _known(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def _guard_of(setup: Setup) -> Guard:
    assert setup.safeguards is not None
    return Guard(
        setup.safeguards,
        setup.market,
        symbols=len(setup.symbols),
        bar_length=setup.bar_length,
        calendar=setup.calendar,
    )


def _effects(aimed: list[float], answer: Answer, latched: str, alerts: tuple[Alert, ...]) -> Effects:
    """Returns the orders of targets that are new, and what people should hear of.

    Args:
        aimed: what each symbol's target was before the bar; NaN before any.
        answer: to it.
        latched: the mode before the bar.
        alerts: of what watches the account.
    """
    orders = [
        TargetOrder(each.symbol, each.target, each.exposure)
        for each, last in zip(answer.symbols, aimed, strict=True)
        if each.target is not None and each.target != last
    ]
    notices = [Notice(alert.level, alert.key, f"{alert.title}. {alert.body}".strip()) for alert in alerts]
    if answer.mode != latched:
        level: Level = "info" if answer.mode == "active" else "critical"
        why = f" ({', '.join(answer.reasons)})" if answer.reasons else ""
        notices.append(Notice(level, "mode", f"Trading is {answer.mode}{why}; it was {latched}."))
    if not (orders or notices or answer.warnings):
        return _NONE
    notices += [Notice("warning", name, f"{name.replace('_', ' ')} is near its limit.") for name in answer.warnings]
    return Effects(tuple(orders), tuple(notices))
