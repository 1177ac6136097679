"""`Metered`: what a server does, under the names of `regimen.monitoring.METERS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from regimen.monitoring import Meters
from regimen.reprs import short
from regimen.serving.refusal import Refusal

if TYPE_CHECKING:
    from regimen.live import Answer, Desk

_MODES = {"active": 0.0, "watching": 0.0, "reducing": 1.0, "halted": 2.0}
_OUTCOMES = {409: "late", 413: "refused", 422: "refused"}


@final
class Metered:
    """Counts as it happens, and looks at the account when the page is read.

    Attributes:
        meters: where whoever watches something else counts.
    """

    def __init__(self) -> None:
        self.meters = Meters()

    def __repr__(self) -> str:
        return short(self, repr(self.meters))

    def opened(self, desk: Desk, version: str) -> None:
        """Says what is served."""
        self.meters.put("regimen_bundle_info", 1.0, bundle=desk.setup.digest[:12], version=version)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Counts a request."""
        self.meters.count("regimen_requests_total", path=path, status=str(status))
        self.meters.took("regimen_request_seconds", seconds, path=path)

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

    def decided(self, answer: Answer, kind: str, seconds: float) -> None:
        """Counts a durable event.

        Args:
            answer: to it.
            kind: of the journal's row.
            seconds: from its coming until it was durable.
        """
        meters = self.meters
        meters.count("regimen_journal_rows_total")
        meters.took("regimen_journal_commit_seconds", seconds)
        if kind == "operator":
            return
        for each in answer.symbols:
            meters.count("regimen_bars_total", symbol=each.symbol, outcome="new")
            meters.count("regimen_decisions_total", symbol=each.symbol)
        for limit in answer.reasons:
            meters.count("regimen_limits_total", limit=limit)

    def page(self, desk: Desk | None, answer: Answer | None, mode: str) -> bytes:
        """Returns what Prometheus reads."""
        meters = self.meters
        if desk is not None:
            meters.put("regimen_mode", _MODES[mode])
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
