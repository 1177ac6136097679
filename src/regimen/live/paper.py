"""A paper account: a desk that is fed, every cost charged, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.execution import COST_KINDS
from regimen.live.answer import Answer, Effects
from regimen.live.desk import Desk, Taken
from regimen.live.engine import WATCHING
from regimen.live.setup import Setup
from regimen.live.wire import bar_messages
from regimen.metrics import annual_sharpe, drawdown
from regimen.reprs import many, short

Tell = Callable[[Answer, Effects], None]


class Posted(NamedTuple):
    """A bar as a feed posts it.

    Attributes:
        content: its JSON.
        at: when it arrived, nanoseconds since 1970.
        watched: it only warms up.
    """

    content: bytes
    at: int
    watched: bool


@dataclass(frozen=True)
class PaperRecord:
    """What a paper account did since it was opened.

    Attributes:
        account: its name.
        bars: decided, without those that were only watched.
        first, last: the first and the last of them, UTC.
        equity: at the last close, quote currency.
        start_equity: that it was opened with.
        sharpe: annual, of the bars of this session; None for too few.
        drawdown: deepest of this session, a fraction.
        turnover: traded notional in multiples of the equity that it was opened with.
        costs: by kind, quote currency; a positive number was paid.
        orders: targets that were new in this session.
        mode: of the safeguards at the end.
        acted: bars on which each limit acted in this session.
    """

    account: str
    bars: int
    first: str
    last: str
    equity: float
    start_equity: float
    sharpe: float | None
    drawdown: float
    turnover: float
    costs: dict[str, float]
    orders: int
    mode: str
    acted: dict[str, int]

    @property
    def net_return(self) -> float:
        """Total, after all costs, a fraction."""
        return self.equity / self.start_equity - 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**vars(self), "net_return": self.net_return}


def replayed(bars: Bars, setup: Setup, since: np.datetime64 | None = None) -> Iterator[Posted]:
    """Yields the bars of a file as a feed would have posted them, each at its own close.

    Args:
        bars: of the account's symbols and length.
        setup: of the account.
        since: the first bar that is traded on; those before are watched. None: the first bar.

    Raises:
        ConfigError: bars of other symbols or of another length; none to trade on.
    """
    require_same(bars, setup)
    stamps = bars.time.view(np.int64)
    begin = 0 if since is None else int(np.searchsorted(bars.time, since))
    if begin >= len(bars):
        raise ConfigError("since", f"must be before the last bar, {_day(stamps[-1])}", str(since)[:19])
    for t, content in enumerate(bar_messages(bars)):
        yield Posted(content, int(stamps[t]) + bars.bar_length, t < begin)


def require_same(bars: Bars, setup: Setup) -> None:
    """Raises `ConfigError` unless bars are of the account's symbols, length and columns."""
    if bars.symbols != setup.symbols:
        raise ConfigError("feed: symbols", f"must be {', '.join(setup.symbols[:8])}", ", ".join(bars.symbols[:8]))
    if bars.bar_length != setup.bar_length:
        rule = f"must be bars of {setup.bar_length // 10**9} seconds, as the policy was trained on"
        raise ConfigError("feed: bar length", rule, f"{bars.bar_length // 10**9} seconds")
    if missing := [name for name in setup.extras if name not in bars.extras]:
        raise ConfigError("feed: columns", "must have those of the run's bars", f"no {missing[0]}")


def paced(feed: Iterable[Posted], speed: float, sleep: Callable[[float], None] = time.sleep) -> Iterator[Posted]:
    """Yields the bars of a replay so many times faster than they came; those that are watched at once."""
    last: int | None = None
    for posted in feed:
        if last is not None and not posted.watched:
            sleep((posted.at - last) / 1e9 / speed)
        last = None if posted.watched else posted.at
        yield posted


def trade(desk: Desk, feed: Iterable[Posted], tell: Tell, *, most: int = 64) -> PaperRecord:
    """Posts every bar of a feed to a desk and returns what it came to.

    Args:
        desk: of the account.
        feed: bars in order.
        tell: called with each answer to a bar that was decided, and what follows from it.
        most: bars on their way to the disk at once.

    Raises:
        RegimenError: a bar that the desk refuses.
    """
    book = PaperBook(desk, tell, most)
    for posted in feed:
        book.post(posted)
    book.land()
    return book.record()


@final
class PaperBook:
    """Bars posted to a desk, each answer told once it is durable, and what they came to.

    Args:
        desk: of the account.
        tell: called with each answer to a bar that was decided, and what follows from it.
        most: bars on their way to the disk at once; with more, `post` waits for them.
    """

    def __init__(self, desk: Desk, tell: Tell, most: int = 1) -> None:
        self.desk, self._tell, self._most = desk, tell, most
        self._flying: list[Taken] = []
        self._equities, self._times = [desk.state.equity], list[int]()
        self._orders, self._acted = 0, dict[str, int]()

    def __repr__(self) -> str:
        return short(self, f"{self.desk!r}, {many(len(self._times), 'bar')}")

    def post(self, posted: Posted) -> None:
        """Takes a bar.

        Raises:
            RegimenError: the desk refuses it; what came before stays.
        """
        self._flying.append(self.desk.bar(posted.content, posted.at, watched=posted.watched))
        if len(self._flying) >= self._most:
            self.land()

    def land(self) -> None:
        """Waits until all is durable and tells the answers."""
        flying, self._flying = self._flying, []
        for taken in flying:
            if taken.stored is not None:
                taken.stored.result()
            answer = taken.answer
            if answer is None or answer.mode == WATCHING:
                continue
            self._orders += len(taken.effects.orders)
            self._equities.append(answer.equity)
            self._times.append(answer.time)
            for name in answer.reasons:
                self._acted[name] = self._acted.get(name, 0) + 1
            self._tell(answer, taken.effects)
        self.desk.settle()

    def record(self) -> PaperRecord:
        """Returns what the account came to; its costs and turnover are since it was opened."""
        desk, times, equities = self.desk, self._times, np.array(self._equities)
        cash, flows = desk.setup.market.initial_cash, desk.state.flows.tolist()
        sharpe = annual_sharpe(equities[1:] / equities[:-1] - 1.0, desk.setup.periods_per_year)
        return PaperRecord(
            account=desk.journal.account,
            bars=len(times),
            first=_day(times[0]) if times else "",
            last=_day(times[-1]) if times else "",
            equity=float(equities[-1]),
            start_equity=cash,
            sharpe=float(sharpe) if np.isfinite(sharpe) else None,
            drawdown=float(drawdown(equities).depth),
            turnover=flows[0] / cash,
            costs=dict(zip(COST_KINDS, flows[1:], strict=True)),
            orders=self._orders,
            mode=desk.mode,
            acted=dict(self._acted),
        )


def _day(stamp: int) -> str:
    return str(np.datetime64(int(stamp), "ns"))[:16].replace("T", " ")
