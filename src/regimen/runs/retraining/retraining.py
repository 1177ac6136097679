"""`retrain_run` and `retrain_feed`: a finished run is walked over newer bars, trained again when due, and replaced when
it loses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.execution import Ledger
from regimen.journal import JournalRow, SqliteJournal
from regimen.live import Posted
from regimen.metrics import annual_sharpe
from regimen.records import RunDirectory, Trial, evaluated, model_title, sealed, write_json, write_report
from regimen.runs.finished import finished_run
from regimen.runs.retraining.arena import WalkedBars
from regimen.runs.retraining.challenger import challenger_config
from regimen.runs.retraining.comparing import Comparing
from regimen.runs.retraining.exhibit import timeline_exhibit
from regimen.runs.retraining.following import Refused, followed
from regimen.runs.retraining.machine import Duel, RetrainEvent, RetrainRules, unfold
from regimen.runs.retraining.result import Happened, Kept, Retrained
from regimen.runs.retraining.settings import RetrainSettings
from regimen.runs.retraining.spans import account_of, in_force, newest_of
from regimen.work import HERE, Mapper

Floats = NDArray[np.float64]
Advance = Callable[[int, int, str], None]
FOLDER, FILE, _JOURNAL = "retraining", "retraining.json", "journal.sqlite"


def retrain_run(
    directory: RunDirectory,
    bars: str,
    settings: RetrainSettings,
    advance: Advance,
    *,
    overrides: Sequence[str] = (),
    mapper: Mapper = HERE,
) -> Retrained:
    """Walks a finished run over newer bars, trains challengers when that is due, and lets a judge promote them.

    Timing: a challenger is trained at the close of a bar on that bar and those before; it runs beside the champion from
    the next bar on, each in an account of its own that begins with cash. What the judge and the detectors say at bar t
    depends on bars <= t, and who trades changes with bar t + 1. The account of what was traded is one, from the first
    bar to the last.

    Every challenger is an ordinary run beside the champion's and a trial, and so is the account.

    Called again with the same settings it goes on: what happened is in a journal, challengers that are there are not
    trained again, and what follows from the bars must follow again, or the bars are others.

    Args:
        directory: of the champion.
        bars: data file of the newer bars; what it has in common with the champion's must be the same.
        settings: when, and by what it is judged.
        advance: progress.
        overrides: of the file, ``data.*``.
        mapper: where challengers are fitted.

    Raises:
        ConfigError: the model says no probabilities and the loss was asked for; windows that are no walk forward.
        DataError: bars that do not go on where the champion's own end, or of another length.
        RunError: the champion is not finished, was adapted, has other features than it had, or its data file has
            changed; the journal tells of other bars.
    """
    advance(0, 1, "bars, features, labels")
    arena = WalkedBars.of(directory, bars, overrides)
    return _over([arena], arena, settings, _Saying(advance, lambda _: "watching"), mapper)


def retrain_feed(
    directory: RunDirectory,
    arrivals: Iterable[Sequence[Posted]],
    settings: RetrainSettings,
    advance: Advance,
    refused: Refused,
    tell: Callable[[Happened], None],
    *,
    bars: str | None = None,
    overrides: Sequence[str] = (),
    mapper: Mapper = HERE,
) -> Retrained:
    """Does what `retrain_run` does whenever a live feed has brought more bars, until it ends.

    What happens at a bar happens as soon as it has come; a challenger is trained there and then, and bars that come
    meanwhile wait. The record is the one of a file with the same bars. The journal has what happened and not the bars:
    who goes on later gives those that have come since as a file.

    Args:
        directory: of the champion.
        arrivals: bars as they come, those that came since the last time together.
        settings: when, and by what it is judged.
        advance: progress.
        refused: called with the error of a bar that cannot be taken; the feed goes on without it.
        tell: called with what happens, when it does.
        bars: data file of what came before the feed, if the run's own bars do not reach so far.
        overrides: of the file, ``data.*``.
        mapper: where challengers are fitted.

    Raises:
        ConfigError, DataError, RunError: as `retrain_run`; the first bar of the feed leaves a gap.
    """
    advance(0, 1, "bars, features, labels")
    arena = WalkedBars.of(directory, bars, overrides, fed=True)
    advance(0, 1, "listening")
    saying = _Saying(advance, lambda now: f"listening · {_stamp(now.bars.time[-1])}", tell)
    return _over(followed(arena, arrivals, refused), arena, settings, saying, mapper)


class _Saying(NamedTuple):
    """What is said on the way: progress, in which words while nothing is trained, and what happens."""

    advance: Advance
    words: Callable[[WalkedBars], str]
    tell: Callable[[Happened], None] = lambda _: None


def _over(
    arenas: Iterable[WalkedBars], before: WalkedBars, settings: RetrainSettings, saying: _Saying, mapper: Mapper
) -> Retrained:
    """Walks over the bars of each arena in turn, each with more than the one before, and sums up the last walk."""
    directory = before.directory
    path = directory.path / FOLDER / settings.name
    path.mkdir(parents=True, exist_ok=True)
    journal = SqliteJournal(path / _JOURNAL, f"{directory.id}/{settings.name}")
    comparing, events = Comparing(before, settings), list[RetrainEvent]()
    try:
        for arena in arenas:
            comparing = comparing.on(arena)
            events = _walked(comparing, journal, path, saying, mapper)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(str(directory.path), f"regimen retrain {directory.id} with the same options") from None
    finally:
        journal.close()
    saying.advance(1, 1, "accounts")
    retrained = _concluded(comparing, events, path)
    write_json(path / FILE, sealed(retrained.to_dict()))
    exhibit = timeline_exhibit(retrained, comparing, events)
    write_json(directory.path / FILE, sealed({"exhibits": [exhibit.to_dict()]}))
    write_report(directory)
    return retrained


def _walked(
    comparing: Comparing, journal: SqliteJournal, path: Path, saying: _Saying, mapper: Mapper
) -> list[RetrainEvent]:
    """Returns what happens on the bars that there are; what has not happened before is written to the journal."""
    arena, settings = comparing.arena, comparing.settings
    comparing.take(arena.directory.id, arena.first)
    comparing.by  # noqa: B018 — refuses what cannot be compared before anything is trained
    challenger_config(arena, arena.stop - 1)
    hands = _Hands(comparing, saying, mapper)
    rest = settings.changes.bars(arena.bars.periods_per_year) if settings.every is None else 0
    rules = RetrainRules(arena.first, arena.stop, settings.shadows, rest)
    earlier = [stored.row for stored in journal.read()]
    events: list[RetrainEvent] = []
    for event in unfold(rules, arena.directory.id, hands):
        row = _row(arena, settings, event)
        if len(events) < len(earlier):
            _require_same(earlier[len(events)], row, path)
        else:
            journal.append([row])
            saying.tell(_happened(arena, event))
        events.append(event)
    if len(events) < len(earlier):
        _require_same(earlier[len(events)], None, path)
    return events


@final
class _Hands:
    """Does for the machine what it asks for, on real bars."""

    def __init__(self, comparing: Comparing, saying: _Saying, mapper: Mapper) -> None:
        self.comparing, self.saying, self.mapper = comparing, saying, mapper

    def due(self, newest: str, since: int, start: int) -> tuple[int, str] | None:
        """See `Hands`."""
        arena, every = self.comparing.arena, self.comparing.settings.every
        if every is None:
            self._advance(start, self.saying.words(arena))
            rings = self.comparing.rings(newest, since, start)
            if not rings:
                return None
            bar = rings[0].bar
            words = "; ".join(f"{ring.detector}: {ring.words}" for ring in rings if ring.bar == bar)
            return bar, words
        closes = arena.bars.time + np.timedelta64(arena.bars.bar_length, "ns")
        began = closes[arena.first - 1]
        number = int((closes[start - 1] - began) // np.timedelta64(every, "ns")) + 1
        bar = int(np.searchsorted(closes, began + number * np.timedelta64(every, "ns")))
        return (bar, "the calendar") if bar < arena.stop else None

    def train(self, number: int, bar: int) -> str:
        """See `Hands`."""
        comparing, directory = self.comparing, self.comparing.arena.directory
        name = f"{directory.id}-{comparing.settings.name}-{number + 1}"
        words = f"challenger {number + 1}"

        def telling(done: int, total: int, message: str) -> None:
            self._advance(bar + done / max(total, 1), f"{words} · {message}")

        challenger = finished_run(challenger_config(comparing.arena, bar), directory.home / name, telling, self.mapper)
        comparing.take(challenger.id, bar + 1)
        return challenger.id

    def duel(self, champion: str, other: str, since: int) -> Duel:
        """See `Hands`."""
        return self.comparing.duel(champion, other, since)

    def _advance(self, bar: float, words: str) -> None:
        arena = self.comparing.arena
        self.saying.advance(int(1000 * (bar - arena.first) / (arena.stop - arena.first)), 1000, words)


def _happened(arena: WalkedBars, event: RetrainEvent) -> Happened:
    close = arena.bars.time[event.bar] + np.timedelta64(arena.bars.bar_length, "ns")
    return Happened(_stamp(close), event.kind, event.run, event.champion, event.words)


def _row(arena: WalkedBars, settings: RetrainSettings, event: RetrainEvent) -> JournalRow:
    """Returns an event as a row of the journal, with the close that it happened at."""
    close = int((arena.bars.time[event.bar] + np.timedelta64(arena.bars.bar_length, "ns")).astype(np.int64))
    request = json.dumps({"close": arena.bars.close[event.bar].tolist(), "words": event.words}, sort_keys=True).encode()
    decision = json.dumps({"run": event.run, "champion": event.champion}, sort_keys=True).encode()
    account = f"{arena.directory.id}/{settings.name}"
    return JournalRow(account, event.run, close, event.kind, request, decision, close)


def _require_same(earlier: JournalRow, now: JournalRow | None, path: Path) -> None:
    """Raises `RunError` unless what happened before follows from the bars once more."""
    if now is None or (earlier.bar, earlier.kind, earlier.decision) != (now.bar, now.kind, now.decision):
        at = str(np.datetime64(earlier.bar, "ns"))[:16]
        rule = f"must be those that its journal tells of: {earlier.kind} of {earlier.symbol} at {at} does not follow"
        raise RunError("bars", rule, str(path))


def _concluded(comparing: Comparing, events: Sequence[RetrainEvent], path: Path) -> Retrained:
    arena, champion = comparing.arena, comparing.arena.directory.id
    at = (champion, arena.first, arena.stop)
    ways = {
        "retrained": in_force(events, *at),
        "never retrained": [at],
        "retrained, no judge": newest_of(events, *at),
    }
    ledgers = {name: account_of(comparing, spans) for name, spans in ways.items()}
    accounts = tuple(_kept(comparing, name, ledgers[name], spans) for name, spans in ways.items())
    trial = _trial(comparing, path, ledgers["retrained"])
    arena.directory.trials.append(trial, arena.series.sketch)
    card = None if comparing.settings.every is not None else comparing.card(champion)
    return Retrained(
        path=path,
        champion=events[-1].champion if events else champion,
        first=_stamp(arena.bars.time[arena.first]),
        last=_stamp(arena.bars.time[-1]),
        bars=arena.stop - arena.first,
        by="log loss of rows" if comparing.by == "loss" else "log growth of bars",
        detectors=() if card is None else card.detectors,
        missing=() if card is None else tuple(f"{name}: {why}" for name, why in card.missing.items()),
        happened=tuple(_happened(arena, event) for event in events),
        accounts=accounts,
    )


def _kept(comparing: Comparing, name: str, ledger: Ledger, spans: Sequence[tuple[str, int, int]]) -> Kept:
    yearly = comparing.arena.bars.periods_per_year
    curve = np.maximum.accumulate(np.concatenate([[ledger.start_equity], ledger.equity]))[1:]
    return Kept(
        name=name,
        growth=_growth(ledger, yearly),
        sharpe=float(annual_sharpe(ledger.returns, yearly)),
        drawdown=float((1.0 - ledger.equity / curve).max()),
        turnover=float(ledger.turnover.mean() * yearly),
        loss=_loss(comparing, spans),
    )


def _growth(ledger: Ledger, yearly: float) -> float:
    last = float(ledger.equity[-1])
    return -math.inf if last <= 0.0 else math.log(last / ledger.start_equity) * yearly / len(ledger)


def _loss(comparing: Comparing, spans: Sequence[tuple[str, int, int]]) -> float | None:
    """Returns the mean log loss of what was decided on each span; None where there are no probabilities."""
    y, total, rows = comparing.arena.prepared.labels.y, 0.0, 0
    for run, first, stop in spans:
        sayings = comparing.sayings[run]
        if sayings.classes is None:
            return None
        classes = sayings.classes[first - sayings.first : stop - sayings.first]
        known = (y[first:stop] >= 0) & np.isfinite(classes).all(axis=2)
        came = classes[known][np.arange(int(known.sum())), y[first:stop][known].astype(np.int64)]
        total, rows = total - float(np.log(np.maximum(came, 1e-12)).sum()), rows + int(known.sum())
    return total / rows if rows else math.nan


def _trial(comparing: Comparing, path: Path, ledger: Ledger) -> Trial:
    """Describes the account of what was traded, for the trial ledger; more bars are no other trial."""
    arena = comparing.arena
    line = Trial(
        kind="evaluation",
        run=f"{arena.directory.id}/{path.parent.name}/{path.name}",
        part=0,
        data=arena.bars.fingerprint,
        source=arena.series.fingerprint,
        config=arena.prepared.config.hash,
        model=model_title(arena.prepared.config.model),
        seed=arena.prepared.config.seed,
        bars=len(ledger),
        features=arena.prepared.features.hash,
        trained=f"{arena.manifest['fingerprint']}, retrained {path.name}",
    )
    return evaluated(line, ledger)


def _stamp(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ")
