"""`Engine`: one pure step ``(state, event) -> (state, answer, effects)``, the same live, on paper and in a replay."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.bars import DAY, trading_day
from regimen.errors import DataError
from regimen.execution import COST_KINDS, Feed, LiveAccount, Moment, share
from regimen.execution.columns import EQUITY
from regimen.live.answer import Answer, Effects, Level, Notice, SymbolAnswer, TargetOrder
from regimen.live.events import BarEvent, Event, OperatorEvent
from regimen.live.setup import Setup
from regimen.live.state import NEVER, LiveState, utc
from regimen.monitoring import Alert, WatchedBar, WatchMemory, market_columns
from regimen.policies import RunningVolatility
from regimen.reprs import short
from regimen.safeguards import Guard, Operator, Sighting, Standing

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
CLOCK = 2 * 3_600_000_000_000
"""Nanoseconds that a bar may close after its arrival: the clocks of two machines differ."""
WATCHING = "watching"
"""The mode of a bar that was only watched."""
_DRIFT, _VERDICT = "drift", "verdict"
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
        self._needs = tuple(name for name in setup.features.program.inputs)
        self._splits = "adjustment" in setup.extras
        self._feed = Feed(symbols, setup.market.costs, splits=self._splits, funding="funding_rate" in setup.extras)
        bars = setup.volatility_bars
        self._volatility = None if bars is None else RunningVolatility(symbols, bars, setup.periods_per_year)
        self._account = LiveAccount(setup.market, symbols)
        self._guard = None if setup.safeguards is None else _guard_of(setup)
        self._even = setup.calendar.name == "24/7" and setup.bar_length <= DAY
        self._last: LiveState | None = None
        self._unknown = np.full(len(setup.features.names), np.nan)

    def __repr__(self) -> str:
        return short(self, f"{self.setup.name}, {', '.join(self.setup.symbols)}")

    def initial(self) -> LiveState:
        """Returns the state before the first event: where the bundle's data ended, or with nothing seen."""
        setup, symbols = self.setup, len(self.setup.symbols)
        fresh = Engine(setup) if self._last is not None else self
        none = np.full(symbols, np.nan)
        cash = setup.market.initial_cash
        state = LiveState(
            seq=0,
            time=NEVER,
            at=NEVER,
            opened=False,
            listed=np.zeros(symbols, np.bool_),
            closes=none,
            first=none,
            factor=none,
            targets=none,
            flows=np.zeros(1 + len(COST_KINDS)),
            rings=False,
            word="",
            features=fresh._stream.state_dict(),
            volatility={} if fresh._volatility is None else fresh._volatility.state(),
            feed=fresh._feed.state(),
            account=fresh._account.state(),
            policy=setup.policy.initial_state(symbols),
            guard=np.empty(0) if fresh._guard is None else fresh._guard.initial(cash),
            watch=WatchMemory(None, None, None) if setup.watch is None else setup.watch.initial(),
            day=NEVER,
            day_equity=math.nan,
        )
        start = setup.start
        if start is None:
            return state
        return state._replace(
            time=start.time,
            listed=~np.isnan(start.feed["close"]),
            closes=np.asarray(start.feed["close"], np.float64),
            first=start.adjustment,
            factor=np.asarray(start.feed["factor"], np.float64),
            features=start.features,
            volatility=start.volatility,
            feed=start.feed,
            policy=start.policy,
        )

    def warm(self, state: LiveState) -> None:
        """Compiles what a step needs, by a bar that nobody sees: the first real one need not wait for it.

        Args:
            state: of the account; it stays as it is.
        """
        closes = np.where(np.isnan(state.closes), 1.0, state.closes)
        factors = np.where(np.isnan(state.factor), 1.0, state.factor)
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

    def equity(self, state: LiveState) -> float:
        """Returns the equity at the last close mark, quote currency."""
        return float(state.account["account"][0, EQUITY])

    def mode(self, state: LiveState) -> str:
        """Returns whether an account is active, reducing or halted; an operator's word counts before the next bar."""
        if state.word:
            return _MODES[state.word]
        standing = self.standing(state)
        return "active" if standing is None else standing.mode

    def standing(self, state: LiveState) -> Standing | None:
        """Returns where an account stands by its safeguards; None without them."""
        return None if self._guard is None else self._guard.standing(state.guard)

    def _restore(self, state: LiveState) -> None:
        self._stream.load_state_dict(state.features)
        self._feed.restore(state.feed)
        self._account.restore(state.account)
        if self._volatility is not None:
            self._volatility.restore(state.volatility)

    def _bar(self, state: LiveState, event: BarEvent) -> Stepped:
        if event.time <= state.time:
            rule = f"must be after the last bar, {utc(state.time)}"
            raise DataError("time", rule, utc(event.time))
        length = self.setup.bar_length
        if event.time + length > event.at + CLOCK:
            raise DataError("time", "must be of a bar that has closed by now", utc(event.time))
        if self._even and state.time != NEVER and (event.time - state.time) % length:
            rule = f"must be whole bars of {length // 10**9} seconds after the last one, {utc(state.time)}"
            raise DataError("time", rule, utc(event.time))
        if event.watched and state.opened:
            raise DataError("bar", "must not be watched only: the account trades already", utc(event.time))
        present = np.asarray(~np.isnan(event.rows[:4]).any(axis=0))
        listed = state.listed | present
        factor = event.extras.get("adjustment") if self._splits else None
        features, rows, first, last = self._seen(state, event, present, factor)
        tape = self._feed.push(
            event.time,
            event.rows,
            listed=listed,
            adjustment=factor,
            funding=event.extras.get("funding_rate"),
        )
        volatility = None if self._volatility is None else self._volatility.push(np.where(present, rows[3], np.nan))
        moment = Moment(tape, features, present, listed, volatility)
        following = state._replace(
            seq=state.seq + 1,
            time=event.time,
            at=max(event.at, state.at),  # a clock that is put back changes no order of events
            listed=listed,
            closes=np.where(present, event.rows[3], state.closes),
            first=first,
            factor=last,
            features=self._stream.state_dict(),
            volatility={} if self._volatility is None else self._volatility.state(),
            feed=self._feed.state(),
        )
        if event.watched:
            following = following._replace(policy=self.setup.policy.watch(moment, state.policy))
            return Stepped(following, self._answer(following, WATCHING), Effects())
        return self._decided(state, following, moment, event, rows)

    def _seen(
        self, state: LiveState, event: BarEvent, present: Flags, factor: Floats | None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Returns the features (symbol, feature) of a bar, the bar as if split, and the factors of splits."""
        rows, first, last = event.rows, state.first, state.factor
        if factor is not None:
            known = ~np.isnan(factor)
            first = np.where(np.isnan(first) & known, factor, first)
            last = np.where(known, factor, last)
            ratio = np.where(present, factor / first, 1.0)
            rows = rows * ratio
            rows[4] = event.rows[4] / ratio
        features = np.empty((len(present), len(self._unknown)))
        for s, symbol in enumerate(self.setup.symbols):
            if not present[s]:
                features[s] = self._unknown
                continue
            o, h, low, c, v = rows[:, s].tolist()
            extras = None
            if self._needs:
                extras = {name: float(event.extras[name][s]) for name in self._needs if name in event.extras}
            features[s] = self._stream.push(event.time, o, h, low, c, v, symbol, extras)
        return features, rows, first, last

    def _decided(self, before: LiveState, state: LiveState, moment: Moment, event: BarEvent, rows: Floats) -> Stepped:
        account, guard, setup = self._account, self._guard, self.setup
        account.step(moment.tape)
        decided = setup.policy.decided(moment, before.policy)
        wanted = share(decided.exposures, moment.present, moment.listed)
        latched, mode = self.mode(before), "active"
        reasons: tuple[str, ...] = ()
        warnings: tuple[str, ...] = ()
        state, alerts = self._watched(before, state, moment, event, rows, wanted)
        contradicts = any(alert.key == _VERDICT for alert in alerts)
        alarms = (*((_DRIFT,) if state.rings else ()), *((_VERDICT,) if contradicts else ()))
        if guard is None:
            following, allowed = state.guard, wanted
        else:
            previous = before.closes if not self._splits else before.closes * before.factor / state.factor
            ruling = guard.check(
                before.guard,
                Sighting(
                    time=event.time + setup.bar_length,
                    equity=account.equity,
                    exposures=account.exposures,
                    wanted=wanted,
                    confidence=decided.confidence,
                    close=np.where(moment.present, event.rows[3], np.nan),
                    previous=previous,
                    present=moment.present,
                    waiting=account.waiting,
                    at=event.at,
                    alarms=(_DRIFT,) if state.rings else (),
                    operator="halt" if contradicts else _OPERATORS.get(before.word),
                ),
            )
            following, allowed, mode = ruling.state, ruling.allowed, ruling.mode
            reasons, warnings = ruling.reasons, ruling.warnings
        account.decide(allowed)
        state = state._replace(
            opened=True,
            word="",
            policy=decided.state,
            guard=following,
            targets=np.where(np.isnan(allowed), before.targets, allowed),
            flows=before.flows + account.flows,
            account=account.state(),
        )
        symbols = self._symbols(allowed, wanted, account.exposures, decided.confidence, decided.details)
        answer = Answer(state.seq, state.time, mode, account.equity, account.cash, symbols, reasons, warnings, alarms)
        return Stepped(state, answer, _effects(before, answer, latched, alerts))

    def _watched(
        self, before: LiveState, state: LiveState, moment: Moment, event: BarEvent, rows: Floats, wanted: Floats
    ) -> tuple[LiveState, tuple[Alert, ...]]:
        """Returns the state after what watches the account has seen the bar, and what it has to say.

        A trading day's return is known at the first bar of the next one: what the account earned from close to close.
        """
        watch, setup = self.setup.watch, self.setup
        if watch is None:
            return state, ()
        day = trading_day(event.time, setup.calendar.day_end)
        since, gained = before.day_equity, math.nan
        if day != before.day:
            yesterday = setup.market.initial_cash if before.day == NEVER else self.equity(before)
            gained = yesterday / since - 1.0 if since == since and since > 0.0 else math.nan
            since = yesterday
        previous = before.closes * np.where(np.isnan(before.first), 1.0, before.factor / before.first)
        seen = np.concatenate([moment.features, market_columns(previous, rows[1], rows[2], rows[3])], axis=1)
        if before.watch.drift is not None and not int(before.watch.drift.bars):
            warm = np.isfinite(moment.features).all(axis=1).any()
            seen = seen if warm else np.full(seen.shape, np.nan)  # what is not warm yet is no drift
        close = event.time + setup.bar_length
        memory, sights = watch.observe(before.watch, WatchedBar(close, seen, wanted, gained))
        rings = before.rings if sights.drift is None else sights.drift.rings
        return state._replace(watch=memory, rings=rings, day=day, day_equity=since), sights.alerts

    def _word(self, state: LiveState, event: OperatorEvent) -> Stepped:
        """Takes back new risk that has not fallen due, unless trading goes on; the next bar's close rules."""
        if self._guard is None:
            raise DataError("operator", "needs safeguards, and this account has none", event.word)
        word, guard, aimed = event.word, state.guard, state.targets
        if word == "reduce" and (state.word == "halt" or (not state.word and self.mode(state) == "halted")):
            word = "halt"  # to reduce after a halt brings nothing back
        if word != "resume":
            self._account.withdraw()
            awaited = self._account.awaited
            guard, aimed = self._guard.withdrawn(guard, awaited), awaited[-1]
        account = self._account.state()
        following = state._replace(
            seq=state.seq + 1, at=event.at, word=word, guard=guard, targets=aimed, account=account
        )
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
            [tuple(_known(row)) for row in details],
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


def _effects(before: LiveState, answer: Answer, latched: str, alerts: tuple[Alert, ...]) -> Effects:
    """Returns the orders of targets that are new, and what people should hear of.

    Args:
        before: the bar.
        answer: to it.
        latched: the mode before the bar.
        alerts: of what watches the account.
    """
    orders = [
        TargetOrder(each.symbol, each.target, each.exposure)
        for each, aimed in zip(answer.symbols, before.targets.tolist(), strict=True)
        if each.target is not None and each.target != aimed
    ]
    notices = [Notice(alert.level, alert.key, f"{alert.title}. {alert.body}".strip()) for alert in alerts]
    if answer.mode != latched:
        level: Level = "info" if answer.mode == "active" else "critical"
        why = f" ({', '.join(answer.reasons)})" if answer.reasons else ""
        notices.append(Notice(level, "mode", f"Trading is {answer.mode}{why}; it was {latched}."))
    notices += [Notice("warning", name, f"{name.replace('_', ' ')} is near its limit.") for name in answer.warnings]
    return Effects(tuple(orders), tuple(notices))
