"""What must hold of a journal's rows, whoever wrote them: a second fold, the latch, no new risk, the same money."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import RegimenError
from regimen.journal import Stored
from regimen.live.answer import encoded
from regimen.live.desk import BAR, OPERATOR, WATCH, event_of
from regimen.live.engine import Engine
from regimen.live.events import BarEvent
from regimen.live.setup import Setup
from regimen.live.state import LiveState
from regimen.policies import targets
from regimen.safeguards import guarded

Floats = NDArray[np.float64]
_MODES = ("active", "reducing", "halted")
_ROUNDING = 1e-9


class Broken(RegimenError):
    """An invariant of the operations is broken: which one, and how."""


class Books:
    """Reads the durable rows of one account in order and checks each against those before it.

    The fold here goes through an engine of its own; the latch, new risk and the equity are checked by other code than
    that of the safeguards and the account's step.

    Args:
        setup: of the account.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup, self._engine = setup, Engine(setup)
        self.state: LiveState = self._engine.initial()
        self.rows = 0
        self.mode = 0
        self.latched = 0
        """Bars in a row that were decided reducing or halted."""
        self._least, self._resumed = 0, False
        self._epoch = 0
        self._last: Stored | None = None
        self._bars: list[dict[str, dict[str, float]]] = []
        self._stamps: list[int] = []
        self._watched = 0
        self._aims: list[Floats] = []
        self._answers: list[dict[str, Any]] = []
        self._close = np.full(len(setup.symbols), np.nan)
        self._aimed = np.full(len(setup.symbols), np.nan)
        self._units = np.full(len(setup.symbols), np.nan)
        self._plain = True

    @property
    def bars(self) -> int:
        """Bars that were decided."""
        return len(self._answers)

    @property
    def time(self) -> int | None:
        """Start of the last bar; None before the first."""
        return self._stamps[-1] if self._stamps else None

    def take(self, stored: Stored) -> None:
        """Takes the next row.

        Raises:
            Broken: an invariant does not hold.
        """
        if stored.seq != self.rows + 1:
            raise Broken("order", "rows must be numbered without gaps", (self.rows, stored.seq))
        if stored.epoch < self._epoch:
            raise Broken("fencing", "a writer whose epoch is over must store nothing", (self._epoch, stored.epoch))
        self.rows, self._epoch = stored.seq, stored.epoch
        if stored.seq == 1:
            return
        event = event_of(stored.row, self.setup)
        try:
            stepped = self._engine.step(self.state, event)
        except RegimenError as error:
            raise Broken("rejected", f"an event that is refused must not be stored ({error})", stored.name) from None
        self.state = stepped.state
        if encoded(stepped.answer) != stored.row.decision:
            raise Broken("decision", "a second fold must decide the same bytes", stored.name)
        if isinstance(event, BarEvent):
            if self._stamps and event.time <= self._stamps[-1]:
                raise Broken("order", "bars must be stored in the order of their times", stored.name)
            self._bars.append(_prices(stored.row.request))
            self._stamps.append(event.time)
        answer = msgspec.json.decode(stored.row.decision)
        if stored.row.kind == WATCH:
            self._watched += 1
            self._close = _closes(self.setup, self._bars[-1], self._close)
        elif stored.row.kind == OPERATOR:
            self._word(msgspec.json.decode(stored.row.request)["word"])
        elif stored.row.kind == BAR:
            self._decided(stored, answer)

    def _word(self, word: str) -> None:
        self._plain = False
        if word == "resume":
            self._least, self._resumed = 0, True
            return
        self._least = max(self._least, _MODES.index("halted" if word == "halt" else "reducing"))
        if word == "halt":
            self._resumed = False
        # What was decided and has not fallen due is taken back, unless it brings a position nearer to 0.
        for s, row in enumerate(self._answers[-1]["symbols"] if self._answers else ()):
            most = float(row["exposure"])
            for aims in self._aims[-self.setup.market.latency_bars :]:
                if math.isnan(aims[s]):
                    continue
                opposite = aims[s] * most <= 0.0
                if most == 0.0 or (not opposite and abs(aims[s]) >= abs(most)):
                    aims[s] = math.nan
                else:
                    most = aims[s] = 0.0 if opposite else float(aims[s])
        self._aimed = np.array([self._aim(s) for s in range(len(self.setup.symbols))])

    def _decided(self, stored: Stored, answer: dict[str, Any]) -> None:
        mode, before = _MODES.index(answer["mode"]), self.mode
        if mode < self._least or (mode < before and not self._resumed):
            rule = "only an operator's resume may bring trading back, and a halt must halt"
            raise Broken("latch", rule, f"{stored.name}: {_MODES[before]} to {_MODES[mode]}")
        self.mode = self._least = mode
        self._resumed = False
        self.latched = self.latched + 1 if mode else 0
        rows = answer["symbols"]
        aims = _column(rows, "target")
        prices, last = self._bars[-1], self._close
        self._close = _closes(self.setup, prices, last)
        self._aims.append(aims.copy())
        self._no_new_risk(stored, rows, aims, prices, last, mode)
        self._way_out(stored, rows, mode)
        self._positions(stored, rows, float(answer["equity"]), mode)
        self._aimed = np.where(np.isnan(aims), self._aimed, aims)
        self._answers.append(answer)

    def _no_new_risk(
        self,
        stored: Stored,
        rows: list[dict[str, Any]],
        aims: Floats,
        prices: dict[str, dict[str, float]],
        last: Floats,
        mode: int,
    ) -> None:
        """No order raises an exposure where a limit forbids it; none is above the limit of a position."""
        limits, length = self.setup.safeguards, self.setup.bar_length
        assert limits is not None
        age = (stored.row.at - (self._stamps[-1] + length)) / length
        late = limits.staleness is not None and age > limits.staleness
        self._plain &= age <= 0.5
        missing = 0
        if self._answers:
            missing = (self._stamps[-1] - self._stamps[-2]) // length - 1
        gap = limits.feed_gap is not None and missing > limits.feed_gap
        for s, row in enumerate(rows):
            aim, exposure = float(aims[s]), float(row["exposure"])
            if math.isnan(aim):
                continue
            if limits.position is not None and abs(aim) > limits.position * (1.0 + _ROUNDING):
                raise Broken("position", "no target may be above the limit", f"{stored.name}: {aim}")
            jumped = False
            close = prices.get(self.setup.symbols[s], {}).get("close", math.nan)
            if limits.price_band is not None:
                jumped = abs(close / last[s] - 1.0) > limits.price_band
            sure = row["confidence"]
            unsure = limits.confidence is not None and sure is not None and sure < limits.confidence
            if not mode and (aim == self._aimed[s] or not (late or gap or jumped or unsure)):
                continue
            if aim * exposure < 0.0 or abs(aim) > abs(exposure) * (1.0 + _ROUNDING) + _ROUNDING:
                why = _MODES[mode] if mode else f"late {late}, gap {gap}, jumped {jumped}, unsure {unsure}"
                raise Broken(
                    "risk", f"no order may raise an exposure now ({why})", f"{stored.name}: {exposure} to {aim}"
                )

    def _way_out(self, stored: Stored, rows: list[dict[str, Any]], mode: int) -> None:
        """Where only reducing orders pass, a policy that wants out gets out; closed is closed."""
        assert self.setup.safeguards is not None
        closing = mode == _MODES.index("halted") and self.setup.safeguards.halted == "close"
        if not mode:
            return
        for s, row in enumerate(rows):
            exposure, wanted = float(row["exposure"]), row["wanted"]
            out = wanted is not None and wanted * exposure <= 0.0 and exposure != 0.0
            if not (closing or out):
                continue
            aim = self._aim(s)
            if not math.isnan(aim) and aim != 0.0:
                raise Broken("way out", "an order that reduces must pass", f"{stored.name}: {exposure}, aims at {aim}")

    def _aim(self, s: int) -> float:
        """Returns the last target of a symbol that was not taken back; NaN where there is none."""
        return next((float(each[s]) for each in reversed(self._aims) if not math.isnan(each[s])), math.nan)

    def _positions(self, stored: Stored, rows: list[dict[str, Any]], equity: float, mode: int) -> None:
        """Once nothing is under way, no position grows any more while trading is reducing or halted."""
        market = self.setup.market
        exposures = np.array([row["exposure"] for row in rows], np.float64)
        with np.errstate(all="ignore"):
            units = np.where(np.isnan(self._close), 0.0, exposures * equity / self._close)
        if mode and self.latched > market.latency_bars and market.rebalance == "on_change":
            aims = np.array(self._aims[-1 - market.latency_bars :])
            grown = (np.abs(units) > np.abs(self._units) * (1.0 + 1e-6) + 1e-6) & np.isnan(aims).all(axis=0)
            turned = units * self._units < -1e-6
            if bool((grown | turned).any()):
                raise Broken(
                    "risk", f"no position may grow while {_MODES[mode]}", f"{stored.name}: {self._units} to {units}"
                )
        self._units = units

    def finish(self) -> None:
        """Trades the bars that were taken once more, by the backtest.

        Raises:
            Broken: other wishes, other orders or another equity.
        """
        setup, first = self.setup, self._watched
        whole = [t for t, prices in enumerate(self._bars) if len(prices) == len(setup.symbols)]
        stop = whole[-1] + 1 if whole else 0
        if stop - first < 2:
            return
        bars = self._series(stop)
        answers = self._answers[: stop - first]
        equity = np.array([each["equity"] for each in answers])
        wanted, sure = (
            np.array([_column(each["symbols"], name) for each in answers]) for name in ("wanted", "confidence")
        )
        market = setup.market.build()
        again = targets(setup.policy, market.history(bars, setup.features.compute(bars)), first, stop)
        self._same("wishes", wanted, again)
        aims = np.full(bars.shape, np.nan)
        aims[first:] = self._aims[: stop - first]
        self._same("equity", equity, np.asarray(market.backtest(bars, aims, first, stop).equity))
        if self._plain and setup.safeguards is not None:
            filled, confidence = np.full(bars.shape, np.nan), np.full(bars.shape, np.nan)
            filled[first:], confidence[first:] = wanted, sure
            absent = setup.safeguards.model_copy(update={"operator": "absent"})
            ledger, record = guarded(market, bars, filled, absent, first, stop, confidence)
            self._same("guarded orders", np.asarray(aims[first:]), record.allowed)
            self._same("guarded equity", equity, np.asarray(ledger.equity))

    def _same(self, name: str, live: Floats, again: Floats) -> None:
        differs = ~((live == again) | (np.isnan(live) & np.isnan(again)))
        if differs.any():
            t = int(np.argwhere(differs)[0][0])
            when = np.datetime64(self._stamps[self._watched + t], "ns")
            raise Broken("backtest", f"{name} must be those of the backtest", f"{when}: {live[t]} and {again[t]}")

    def _series(self, stop: int) -> Bars:
        """Returns the bars that were taken, without the engine's reading of them."""
        names = ("open", "high", "low", "close", "volume")
        table = np.full((5, stop, len(self.setup.symbols)), np.nan)
        for t, prices in enumerate(self._bars[:stop]):
            for s, symbol in enumerate(self.setup.symbols):
                if symbol in prices:
                    table[:, t, s] = [prices[symbol][name] for name in names]
        return Bars.from_arrays(
            np.array(self._stamps[:stop], "datetime64[ns]"),
            open=table[0],
            high=table[1],
            low=table[2],
            close=table[3],
            volume=table[4],
            symbols=self.setup.symbols,
            bar_length=self.setup.bar_length,
            calendar=self.setup.calendar,
            periods_per_year=self.setup.periods_per_year,
            checked=False,
        )


def same(one: LiveState, other: LiveState) -> bool:
    """Returns whether two states are the same bit for bit; much faster than to compare `LiveState.content`."""
    return all(_equal(mine, yours) for mine, yours in zip(one, other, strict=True))


def _equal(mine: Any, yours: Any) -> bool:
    if isinstance(mine, np.ndarray):
        return bool(mine.dtype == yours.dtype and mine.shape == yours.shape and mine.tobytes() == yours.tobytes())
    if isinstance(mine, dict):
        return mine.keys() == yours.keys() and all(_equal(value, yours[name]) for name, value in mine.items())
    if isinstance(mine, float):
        return np.float64(mine).tobytes() == np.float64(yours).tobytes()
    return bool(mine == yours)


def _prices(request: bytes) -> dict[str, dict[str, float]]:
    content: dict[str, dict[str, dict[str, float]]] = msgspec.json.decode(request)
    return content["bars"]


def _closes(setup: Setup, prices: dict[str, dict[str, float]], last: Floats) -> Floats:
    return np.array([prices[n]["close"] if n in prices else last[s] for s, n in enumerate(setup.symbols)])


def _column(rows: list[dict[str, Any]], name: str) -> Floats:
    return np.array([math.nan if row[name] is None else row[name] for row in rows], np.float64)
