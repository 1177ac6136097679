"""`watch_run` and `watch_feed`: a finished run on newer bars, held against what it promised, as the bars come."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from regimen.execution import Ledger
from regimen.live import Posted
from regimen.metrics import annual_sharpe
from regimen.monitoring import CardReading, ChangesConfig, Ring, Streams
from regimen.records import RunDirectory, judgement_now, plain
from regimen.reprs import short
from regimen.runs.retraining.arena import WalkedBars
from regimen.runs.retraining.comparing import Comparing
from regimen.runs.retraining.following import Refused, followed
from regimen.runs.retraining.settings import RetrainSettings

FRAMES = 120
"""How often what is seen is said, at most, however many bars come."""


@dataclass(frozen=True)
class CardSighting:
    """What a run shows after some bars that it had never seen.

    Attributes:
        time: close of the last of them, UTC.
        bars: how many.
        of: that come in all; None of a live feed.
        readings: of the detectors that have seen enough.
        rings: all that rang so far, each detector once, in order, with the closes at which they did.
        sharpe: of the account since the first of them, and as the backtest promised it; NaN where it did not.
        growth: what the account grew by, a fraction.
        missing: why a detector is not there.
    """

    time: str
    bars: int
    of: int | None
    readings: tuple[CardReading, ...]
    rings: tuple[tuple[str, Ring], ...]
    sharpe: tuple[float, float]
    growth: float
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        rung = ", ".join(ring.detector for _, ring in self.rings) or "nothing rang"
        return short(self, f"{self.bars:,} bars: {rung}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        readings = [each.to_dict() for each in self.readings]
        rings = [{"time": time, **ring.to_dict()} for time, ring in self.rings]
        values: dict[str, Any] = plain({**vars(self), "readings": readings, "rings": rings})
        return values


def watch_run(
    directory: RunDirectory,
    bars: str,
    changes: ChangesConfig,
    advance: Callable[[int, int, str], None],
    *,
    overrides: Sequence[str] = (),
    frames: int = FRAMES,
) -> Iterator[CardSighting]:
    """Yields what a finished run shows as newer bars come, the last time with all of them.

    Timing: each uses bars up to its own. Nothing is judged, so no trial is recorded.

    Args:
        directory: of the run.
        bars: data file of the newer bars; what it has in common with the run's own must be the same.
        changes: the detectors.
        advance: progress, until the first is yielded.
        overrides: of the file, ``data.*``.
        frames: how many are yielded.

    Raises:
        DataError, RunError: as `retrain_run`.
    """
    advance(0, 3, "bars, features, labels")
    arena = WalkedBars.of(directory, bars, overrides)
    advance(1, 3, "the training card")
    comparing = Comparing(arena, RetrainSettings(changes=changes))
    comparing.card(directory.id)
    advance(2, 3, "decisions")
    look = _Look.at(comparing)
    advance(3, 3, "done")
    count = arena.stop - arena.first
    for stop in np.unique(np.linspace(0, count, min(frames, count) + 1).astype(int))[1:].tolist():
        yield look.sighting(stop, count)


def watch_feed(
    directory: RunDirectory,
    arrivals: Iterable[Sequence[Posted]],
    changes: ChangesConfig,
    advance: Callable[[int, int, str], None],
    refused: Refused,
    *,
    bars: str | None = None,
    overrides: Sequence[str] = (),
) -> Iterator[CardSighting]:
    """Yields what a finished run shows whenever a live feed has brought more bars; the same as of a file of them.

    Timing: as `watch_run`. All is computed anew from the bars that there are, with the run's own before them.

    Args:
        directory: of the run.
        arrivals: bars as they come, those that came since the last time together.
        changes: the detectors.
        advance: progress, until the feed is listened to.
        refused: called with the error of a bar that is none of the run's, older than the last one, or another one than
            was seen; the feed goes on without it.
        bars: data file of what came before the feed, if the run's own bars do not reach so far.
        overrides: of the file, ``data.*``.

    Raises:
        DataError, RunError: as `retrain_run`; the first bar of the feed leaves a gap.
    """
    advance(0, 2, "bars, features, labels")
    arena = WalkedBars.of(directory, bars, overrides, fed=True)
    advance(1, 2, "the training card")
    comparing = Comparing(arena, RetrainSettings(changes=changes))
    comparing.card(directory.id)
    advance(2, 2, "listening")
    for now in followed(arena, arrivals, refused):
        comparing = comparing.on(now)
        yield _Look.at(comparing).sighting(now.stop - now.first)


class _Look(NamedTuple):
    """What a run shows on all newer bars that there are."""

    comparing: Comparing
    streams: Streams
    rings: list[Ring]
    ledger: Ledger
    promised: float

    @classmethod
    def at(cls, comparing: Comparing) -> _Look:
        arena, run = comparing.arena, comparing.arena.directory.id
        comparing.take(run, arena.first)
        since = arena.first - 1
        streams = comparing.streams(run, since)
        rows: list[dict[str, Any]] = judgement_now(arena.directory)["rows"]
        promised = next((row.get("sharpe") for row in rows if row["name"] == "policy"), None)
        rings = comparing.card(run).rings(streams)
        ledger = comparing.account(run, since)
        return cls(comparing, streams, rings, ledger, math.nan if promised is None else float(promised))

    def sighting(self, stop: int, of: int | None = None) -> CardSighting:
        """Returns it after so many bars."""
        arena, card = self.comparing.arena, self.comparing.card(self.comparing.arena.directory.id)
        closes = arena.bars.time[arena.first :] + np.timedelta64(arena.bars.bar_length, "ns")
        until, ledger = self.streams.until(stop), self.ledger
        return CardSighting(
            time=_stamp(closes[stop - 1]),
            bars=stop,
            of=of,
            readings=tuple(card.readings(until)),
            rings=tuple((_stamp(closes[ring.bar]), ring) for ring in self.rings if ring.bar < stop),
            sharpe=(float(annual_sharpe(ledger.returns[:stop], arena.bars.periods_per_year)), self.promised),
            growth=float(ledger.equity[stop - 1] / ledger.start_equity - 1.0),
            missing=tuple(f"{name}: {why}" for name, why in card.missing.items()),
        )


def _stamp(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ")
