"""`Metered`: what a server does, under the names of `regimen.monitoring.METERS`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, final

import numpy as np

from regimen.bars import trading_day
from regimen.execution import COST_KINDS
from regimen.live import slippage_of
from regimen.monitoring import AdwinConfig, Meters
from regimen.reprs import short
from regimen.safeguards import missing_bars
from regimen.serving.refusal import Refusal

if TYPE_CHECKING:
    from regimen.live import Answer, Desk, LiveState, Setup
    from regimen.monitoring import Adwin, AdwinMemory, Watch, WatchMemory
    from regimen.serving.async_desk import Durable

_Add = Callable[[float], None]
_MODES = {"active": 0.0, "watching": 0.0, "reducing": 1.0, "halted": 2.0}
_OUTCOMES = {409: "late", 413: "refused", 422: "refused"}
_STREAM = "return"
_DEVIATIONS = 5.0
"""Of a bar's return, at which the range of its stream ends."""
_UNREAD = 100_000
"""Returns that are kept until somebody reads the page."""


@final
class Metered:
    """Counts as it happens, and looks at the account when the page is read.

    Attributes:
        meters: where whoever watches something else counts.
    """

    def __init__(self) -> None:
        self.meters = Meters()
        self._setup: Setup | None = None
        self._before: LiveState | None = None
        self._equity = 0.0
        self._units = np.empty(0)
        self._slippage: float | None = None
        self._returns: deque[float] = deque(maxlen=_UNREAD)
        self._requests: dict[tuple[str, int], tuple[_Add, _Add]] = {}
        self._decided: dict[str, tuple[_Add, _Add]] = {}
        self._rows = self.meters.counter("regimen_journal_rows_total")
        self._commits = self.meters.timer("regimen_journal_commit_seconds")
        self._decisions = self.meters.timer("regimen_decision_seconds")
        self._stream: tuple[Adwin, AdwinMemory] | None = None

    def __repr__(self) -> str:
        return short(self, repr(self.meters))

    def opened(self, desk: Desk, version: str) -> None:
        """Says what is served."""
        self._setup, self._before = desk.setup, desk.durable
        self._equity, self._units = desk.durable.equity, desk.durable.units
        self.meters.put("regimen_bundle_info", 1.0, bundle=desk.setup.digest[:12], version=version)
        watch = desk.setup.watch
        if watch is None:
            return
        if watch.drift is not None:
            self.meters.put("regimen_drift_threshold", watch.drift.threshold)
        if watch.collapse is not None:
            self.meters.put("regimen_action_share_threshold", watch.collapse.threshold)
        if watch.verdict is not None:
            most = _DEVIATIONS * watch.verdict.config.volatility / desk.setup.periods_per_year**0.5
            stream = AdwinConfig(low=-most, high=most).build()
            self._stream = stream, stream.initial()

    def request(self, path: str, status: int, seconds: float) -> None:
        """Counts a request."""
        adds = self._requests.get((path, status))
        if adds is None:
            meters = self.meters
            adds = self._requests[path, status] = (
                meters.counter("regimen_requests_total", path=path, status=str(status)),
                meters.timer("regimen_request_seconds", path=path),
            )
        adds[0](1.0)
        adds[1](seconds)

    def refused(self, refusal: Refusal, symbols: tuple[str, ...]) -> None:
        """Counts a bar that was not taken; a server that is busy or not ready is no fault of the bar."""
        outcome = _OUTCOMES.get(refusal.status)
        if outcome is not None:
            for symbol in symbols:
                self.meters.count("regimen_bars_total", symbol=symbol, outcome=outcome)

    def repeated(self, symbols: tuple[str, ...]) -> None:
        """Counts a bar that was answered before."""
        for symbol in symbols:
            self.meters.count("regimen_bars_total", symbol=symbol, outcome="repeated")

    def noticed(self, level: str) -> None:
        """Counts what a person should hear of."""
        self.meters.count("regimen_alerts_total", level=level)

    def decided(self, answer: Answer, event: Durable) -> None:
        """Counts a durable event.

        Args:
            answer: to it.
            event: the same, with its row and its times.
        """
        self._rows(1.0)
        self._commits(event.seconds - event.deciding)
        if event.stored.row.kind == "operator":
            return
        self._decisions(event.deciding)
        for each in answer.symbols:
            for add in self._of_symbol(each.symbol):
                add(1.0)
        for limit in answer.reasons:
            self.meters.count("regimen_limits_total", limit=limit)
        if event.state is not None:
            self._stepped(answer, event.state)

    def _of_symbol(self, symbol: str) -> tuple[_Add, _Add]:
        adds = self._decided.get(symbol)
        if adds is None:
            meters = self.meters
            adds = self._decided[symbol] = (
                meters.counter("regimen_bars_total", symbol=symbol, outcome="new"),
                meters.counter("regimen_decisions_total", symbol=symbol),
            )
        return adds

    def numbers(self, desk: Desk, now: int) -> dict[str, float]:
        """Returns what alerts have thresholds of, by name: see `regimen.monitoring.ThresholdConfig`.

        Args:
            desk: of the account.
            now: nanoseconds since 1970.
        """
        setup, state, standing = desk.setup, desk.durable, desk.standing
        values: dict[str, float] = {}
        if standing is not None and state.opened:
            values |= {"drawdown": standing.drawdown, "daily_loss": standing.day_loss}
        if self._slippage is not None:
            values["slippage_bps"] = self._slippage
        collapse = None if setup.watch is None else setup.watch.collapse
        actions = None if collapse is None or state.watch.collapse is None else collapse.reading(state.watch.collapse)
        if actions is not None:
            values["policy_entropy"] = actions.entropy
        if state.opened and setup.calendar.name == "24/7":
            values["feed_silence"] = max((now - state.time) / setup.bar_length - 2.0, 0.0)  # bars that are overdue
        return values

    def page(self, desk: Desk | None, answer: Answer | None, mode: str, waiting: Mapping[str, int]) -> bytes:
        """Returns what Prometheus reads.

        Args:
            desk: of the account; None until it has recovered.
            answer: the last one that is durable.
            mode: of the account.
            waiting: by channel, how many alerts it has not taken yet.
        """
        meters = self.meters
        for channel, rows in waiting.items():
            meters.put("regimen_alerts_waiting", float(rows), channel=channel)
        if desk is not None:
            meters.put("regimen_mode", _MODES[mode])
            for kind, cost in zip(COST_KINDS, desk.durable.flows[1:].tolist(), strict=True):
                meters.put("regimen_costs", cost, kind=kind)
            if desk.setup.watch is not None:
                self._watched(desk.setup.watch, desk.durable.watch)
        if self._slippage is not None:
            meters.put("regimen_slippage_bps", self._slippage)
        if desk is not None and answer is not None:
            meters.put("regimen_equity", answer.equity)
            standing = desk.standing
            if standing is not None:
                meters.put("regimen_drawdown", standing.drawdown)
                meters.put("regimen_daily_return", -standing.day_loss)
            closed = (answer.time + desk.setup.bar_length) / 1e9
            for each in answer.symbols:
                meters.put("regimen_last_bar_seconds", closed, symbol=each.symbol)
                meters.put("regimen_exposure", each.exposure, symbol=each.symbol)
                if each.confidence is not None:
                    meters.put("regimen_confidence", each.confidence, symbol=each.symbol)
        return meters.page()

    def _stepped(self, answer: Answer, state: LiveState) -> None:
        """Counts what lies between two bars: those that are missing, fills, and the return."""
        setup, before = self._setup, self._before
        assert setup is not None
        assert before is not None
        elapsed = state.time - before.time
        if before.opened and elapsed != setup.bar_length:
            end = setup.calendar.day_end
            same_day = trading_day(state.time, end) == trading_day(before.time, end)
            missing = missing_bars(elapsed, setup.bar_length, setup.calendar, same_day)
            for symbol in setup.symbols if missing else ():
                self.meters.count("regimen_feed_gaps_total", missing, symbol=symbol)
        units = state.units
        fills = (units != self._units).tolist()
        if before.opened and True in fills:
            self._slippage = slippage_of(before, state)
        for symbol, filled in zip(setup.symbols, fills, strict=True):
            if filled:
                self.meters.count("regimen_fills_total", symbol=symbol)
        if self._stream is not None and self._equity > 0.0:
            self._returns.append(answer.equity / self._equity - 1.0)
        self._before, self._equity, self._units = state, answer.equity, units

    def _watched(self, watch: Watch, memory: WatchMemory) -> None:
        """Shows what watches the account, as of its last durable event."""
        rows = watch.drifted(memory)
        if rows is not None:
            self.meters.drift(rows)
        shares = None if watch.collapse is None or memory.collapse is None else watch.collapse.reading(memory.collapse)
        if shares is not None:
            self.meters.actions(shares)
        if watch.verdict is not None and memory.verdict is not None:
            self.meters.verdict(watch.verdict.reading(memory.verdict))
        if self._stream is not None:
            stream, stood = self._stream
            while self._returns:
                stood = stream.observe(stood, self._returns.popleft())
            self._stream = stream, stood
            self.meters.stream(_STREAM, stream.reading(stood))
