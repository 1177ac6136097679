"""The order of things: who is champion, who runs beside, what comes next; no training, no bars and no file in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

Kind = Literal["retrain", "promote", "drop", "retire", "rollback", "confirm"]


@dataclass(frozen=True)
class RetrainRules:
    """What does not change while a run is walked over bars.

    Attributes:
        first, stop: bars [first, stop) that are walked over; the champion's own data end before the first.
        shadows: challengers that run at once.
        rest: bars after a retraining in which no ring counts.
    """

    first: int
    stop: int
    shadows: int = 2
    rest: int = 0


@dataclass(frozen=True)
class RetrainEvent:
    """One thing that happened at the close of a bar.

    Attributes:
        bar: its position.
        kind: ``retrain``: a challenger was trained; ``promote``: it became champion; ``drop``: it was proved worse;
            ``retire``: newer ones took its place; ``rollback``: the champion before came back; ``confirm``: it was
            proved worse than the champion.
        run: whom it is about.
        champion: who trades from the next bar on.
        words: why.
    """

    bar: int
    kind: Kind
    run: str
    champion: str
    words: str = ""


class Duel(NamedTuple):
    """What two runs beside each other came to, on the bars behind their start.

    Attributes:
        better, worse: positions of the bars at whose close the second was proved better, or worse; None: not yet.
    """

    better: int | None
    worse: int | None


class Hands(Protocol):
    """What the machine has done for it."""

    def due(self, newest: str, since: int, start: int) -> tuple[int, str] | None:
        """Returns the bar from ``start`` on at which a retraining is due, and why.

        Args:
            newest: the run that was trained last.
            since: bar up to which it was trained.
            start: first bar that counts.
        """

    def train(self, number: int, bar: int) -> str:
        """Trains challenger ``number``, from 0, on bars up to ``bar``; returns its run."""

    def duel(self, champion: str, other: str, since: int) -> Duel:
        """Compares two runs on the bars behind ``since``."""


@dataclass(frozen=True)
class _Lists:
    champion: str
    since: int
    """Bar since which the champion is one."""
    former: str | None
    """Who was champion before, until the two are told apart."""
    shadows: tuple[tuple[str, int], ...]
    """Challengers and the bars since which they are compared, the oldest first."""
    newest: tuple[str, int]
    trained: int = 0


_ORDER: tuple[Kind, ...] = ("rollback", "promote", "drop", "confirm", "retrain")


def unfold(rules: RetrainRules, champion: str, hands: Hands) -> Iterator[RetrainEvent]:
    """Yields what happens, in order; at one bar a way back comes before a promotion, and both before a training.

    Timing: what happens at bar t depends on bars <= t; who trades changes with bar t + 1.

    Args:
        rules: what does not change.
        champion: the run that begins.
        hands: what is done for the machine.
    """
    start = rules.first - 1
    state = _Lists(champion, start, None, (), (champion, start))
    while True:
        coming = [event for event in _coming(rules, state, hands) if event.bar < rules.stop]
        if not coming:
            return
        event = min(coming, key=lambda each: (each.bar, _ORDER.index(each.kind)))
        if event.kind == "retrain":
            run = hands.train(state.trained, event.bar)
            event = replace(event, run=run)
            yield event
            state = replace(
                state,
                shadows=(*state.shadows, (run, event.bar)),
                newest=(run, event.bar),
                trained=state.trained + 1,
            )
            for oldest, _ in state.shadows[: -rules.shadows]:
                yield RetrainEvent(event.bar, "retire", oldest, state.champion, "newer challengers took its place")
            state = replace(state, shadows=state.shadows[-rules.shadows :])
        else:
            yield event
            state = _after(state, event)


def _coming(rules: RetrainRules, state: _Lists, hands: Hands) -> Iterator[RetrainEvent]:
    newest, since = state.newest
    rest = rules.rest if state.trained else 0
    due = hands.due(newest, since, since + 1 + rest)
    if due is not None:
        yield RetrainEvent(due[0], "retrain", "", state.champion, due[1])
    for run, began in state.shadows:
        duel = hands.duel(state.champion, run, began)
        if duel.better is not None:
            yield RetrainEvent(duel.better, "promote", run, run, f"proved better than {state.champion}")
        if duel.worse is not None:
            yield RetrainEvent(duel.worse, "drop", run, state.champion, "proved worse than the champion")
    if state.former is not None:
        duel = hands.duel(state.champion, state.former, state.since)
        if duel.better is not None:
            words = f"{state.champion} was proved worse"
            yield RetrainEvent(duel.better, "rollback", state.former, state.former, words)
        if duel.worse is not None:
            yield RetrainEvent(
                duel.worse, "confirm", state.champion, state.champion, f"proved better than {state.former}"
            )


def _after(state: _Lists, event: RetrainEvent) -> _Lists:
    """Returns what is so after an event that is no training; a new champion is compared with everybody anew."""
    if event.kind == "confirm":
        return replace(state, former=None)
    others = tuple((run, began) for run, began in state.shadows if run != event.run)
    if event.kind == "drop":
        return replace(state, shadows=others)
    anew = tuple((run, event.bar) for run, _ in others)
    former = state.champion if event.kind == "promote" else None
    return replace(state, champion=event.champion, since=event.bar, former=former, shadows=anew)
