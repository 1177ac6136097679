"""Retraining as a section of the champion's report: who traded when, what was tried, and what it was worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from regimen.numerals import number, percent
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.runs.retraining.comparing import Comparing
from regimen.runs.retraining.spans import account_of, in_force

if TYPE_CHECKING:
    from regimen.runs.retraining.machine import RetrainEvent
    from regimen.runs.retraining.result import Retrained

KINDS = {
    "retrain": "trained",
    "promote": "promoted",
    "drop": "dropped",
    "retire": "retired",
    "rollback": "rolled back to",
    "confirm": "confirmed",
}
"""What is said of each kind of event."""
_POINTS = 400


def timeline_exhibit(retrained: Retrained, comparing: Comparing, events: Sequence[RetrainEvent]) -> Exhibit:
    """Returns the section "Retraining"."""
    rows = tuple((each.time, KINDS[each.kind], each.run, each.champion, each.words) for each in retrained.happened)
    accounts = ", ".join(f"{kept.name} {percent(kept.growth)} a year" for kept in retrained.accounts)
    sentences = (
        retrained.sentence,
        f"Walked over the bars from {retrained.first} to {retrained.last} UTC. Log growth after costs: {accounts}.",
        f"Challengers are compared by {retrained.by}; the chance of promoting one that is no better is "
        f"{percent(comparing.settings.level)} each, however often one looks.",
        *(f"Not watched: {each}." for each in retrained.missing),
    )
    return Exhibit(
        "retraining",
        "Retraining",
        sentences,
        ("close of", "what", "run", "champion", "why"),
        rows,
        tuple(_drawings(comparing, events)),
    )


def _drawings(comparing: Comparing, events: Sequence[RetrainEvent]) -> list[Drawing]:
    arena, champion = comparing.arena, comparing.arena.directory.id
    spans = in_force(events, champion, arena.first, arena.stop)
    times = arena.bars.time[arena.first :]
    places = np.unique(np.linspace(0, len(times) - 1, min(_POINTS, len(times))).astype(np.int64))
    x = tuple(str(times[k].astype("datetime64[s]")) for k in places)

    def curve(name: str, way: Sequence[tuple[str, int, int]], style: str) -> Curve:
        ledger = account_of(comparing, way)
        return Curve(name, tuple((ledger.equity[places] / ledger.start_equity).tolist()), x, style=style)

    equity = [
        curve("as traded", spans, "policy"),
        curve("never retrained", [(champion, arena.first, arena.stop)], "hold"),
    ]
    drawings = [Drawing("lines", "Equity", "Multiples of what the account began with, after costs.", tuple(equity))]
    trained = [event for event in events if event.kind == "retrain"][-3:]
    wealth = []
    for event in trained:
        holder = next(run for run, first, stop in spans if first <= event.bar < stop or stop == arena.stop)
        if holder == event.run:
            continue
        bet, _ = comparing.wealth(holder, event.run, event.bar)
        if len(bet.known):
            at = arena.bars.time[bet.known + event.bar + 1].astype("datetime64[s]")
            wealth.append(Curve(event.run.rsplit("-", 1)[-1], tuple(np.exp(bet.logs).tolist()), tuple(map(str, at))))
    if wealth:
        note = f"Wealth of who bet on a challenger with 1; it is promoted at {number(1 / comparing.settings.level)}."
        drawings.append(Drawing("lines", "The bets on the last challengers", note, tuple(wealth)))
    return drawings
