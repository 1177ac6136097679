"""A journal folded again from its first row, and its account beside a backtest of the same bars."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import RegimenError
from regimen.execution import reductions
from regimen.journal import Stored
from regimen.live.answer import Answer, decoded, encoded
from regimen.live.desk import OPEN, event_of
from regimen.live.engine import WATCHING, Engine
from regimen.live.events import BarEvent
from regimen.live.setup import Setup

Floats = NDArray[np.float64]


class Refolded(NamedTuple):
    """What a second look at a journal showed.

    Attributes:
        events: rows that were folded and decided the same, byte for byte.
        bars: of these, bars that were traded on.
        differs: the first row that this machine decides otherwise, on one line; None where none does.
        backtest: the first bar at which a backtest of the targets has another equity, on one line; None where none has;
            it is not made where a row differs.
    """

    events: int
    bars: int
    differs: str | None
    backtest: str | None


def refolded(rows: Iterable[Stored], setup: Setup) -> Refolded:
    """Folds every row of a journal through the engine, and trades its targets again in a backtest.

    Args:
        rows: of the journal, from the first on.
        setup: of its account.
    """
    engine = Engine(setup)
    state, events = engine.initial(), 0
    seen: list[BarEvent] = []
    answers: list[Answer] = []
    for stored in rows:
        if stored.row.kind == OPEN:
            continue
        try:
            event = event_of(stored.row, setup)
            stepped = engine.step(state, event)
        except RegimenError as error:
            return Refolded(events, len(answers), f"{stored.name}: {error}", None)
        if encoded(stepped.answer) != stored.row.decision:
            return Refolded(events, len(answers), f"{stored.name} is decided otherwise here", None)
        state, events = stepped.state, events + 1
        answer = decoded(stored.row.decision)
        if isinstance(event, BarEvent):
            seen.append(event)
            if answer.mode != WATCHING:
                answers.append(answer)
        elif event.word != "resume" and answers:
            _withdraw(answers, setup.market.latency_bars)
    return Refolded(events, len(answers), None, _against_backtest(seen, answers, setup) if answers else None)


def _withdraw(answers: list[Answer], latency: int) -> None:
    """Takes back what has not fallen due, but for what of it makes a position smaller."""
    waiting = answers[-latency:]
    exposures = np.array([each.exposure for each in answers[-1].symbols])
    left = reductions(np.array([_targets(answer) for answer in waiting]), exposures)
    for k, (answer, row) in enumerate(zip(waiting, left.tolist(), strict=True), len(answers) - len(waiting)):
        kept = [
            msgspec.structs.replace(each, target=None if target != target else target)
            for each, target in zip(answer.symbols, row, strict=True)
        ]
        answers[k] = msgspec.structs.replace(answer, symbols=tuple(kept))


def _targets(answer: Answer) -> list[float]:
    return [np.nan if each.target is None else each.target for each in answer.symbols]


def _against_backtest(seen: list[BarEvent], answers: list[Answer], setup: Setup) -> str | None:
    """Returns the first bar whose equity a backtest does not have."""
    begin = len(seen) - len(answers)
    rows = np.stack([event.rows for event in seen])
    targets = np.full((len(seen), len(setup.symbols)), np.nan)
    targets[begin:] = [_targets(answer) for answer in answers]
    extras = {name: np.stack([event.extras[name] for event in seen]) for name in setup.extras}
    bars = Bars(
        time=np.array([event.time for event in seen], "datetime64[ns]"),
        symbols=setup.symbols,
        open=rows[:, 0],
        high=rows[:, 1],
        low=rows[:, 2],
        close=rows[:, 3],
        volume=rows[:, 4],
        bar_length=setup.bar_length,
        calendar=setup.calendar,
        extras=extras,
        periods_per_year=setup.periods_per_year,
    )
    ledger = setup.market.build().backtest(bars, targets, begin, len(bars))
    equity = np.array([answer.equity for answer in answers])
    apart = np.flatnonzero(np.asarray(ledger.equity) != equity)
    if not len(apart):
        return None
    first = int(apart[0])
    time = str(np.datetime64(answers[first].time, "ns"))[:19]
    return f"at the bar of {time} a backtest has an equity of {ledger.equity[first]!r}, the account {equity[first]!r}"
