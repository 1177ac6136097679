"""`watch_run`: a finished run on newer bars, held against what it promised, as the bars come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regimen.metrics import annual_sharpe
from regimen.monitoring import CardReading, ChangesConfig, Ring, Streams
from regimen.records import RunDirectory, judgement_now, plain
from regimen.reprs import short
from regimen.runs.retraining.arena import WalkedBars
from regimen.runs.retraining.comparing import Comparing
from regimen.runs.retraining.settings import RetrainSettings

FRAMES = 120
"""How often what is seen is said, at most, however many bars come."""


@dataclass(frozen=True)
class CardSighting:
    """What a run shows after some bars that it had never seen.

    Attributes:
        time: close of the last of them, UTC.
        bars: how many, of how many.
        of: that come in all.
        readings: of the detectors that have seen enough.
        rings: all that rang so far, each detector once, in order, with the closes at which they did.
        sharpe: of the account since the first of them, and as the backtest promised it; NaN where it did not.
        growth: what the account grew by, a fraction.
        missing: why a detector is not there.
    """

    time: str
    bars: int
    of: int
    readings: tuple[CardReading, ...]
    rings: tuple[tuple[str, Ring], ...]
    sharpe: tuple[float, float]
    growth: float
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        rung = ", ".join(ring.detector for _, ring in self.rings) or "nothing rang"
        return short(self, f"{self.bars:,} of {self.of:,} bars: {rung}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        readings = [{**each._asdict(), "rings": each.rings} for each in self.readings]
        rings = [{"time": time, **ring._asdict()} for time, ring in self.rings]
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
    comparing = Comparing(arena, RetrainSettings(changes=changes))
    run, since = directory.id, arena.first - 1
    advance(1, 3, "decisions")
    comparing.take(run, arena.first)
    advance(2, 3, "the training card")
    card, streams = comparing.card(run), comparing.streams(run, since)
    ledger = comparing.account(run, since)
    rows: list[dict[str, Any]] = judgement_now(directory)["rows"]
    promised = next((row.get("sharpe") for row in rows if row["name"] == "policy"), None)
    closes = arena.bars.time[arena.first :] + np.timedelta64(arena.bars.bar_length, "ns")
    rings = card.rings(streams)
    advance(3, 3, "done")
    count = len(closes)
    for stop in np.unique(np.linspace(0, count, min(frames, count) + 1).astype(int))[1:].tolist():
        days = streams.ends < stop
        until = Streams(
            {name: values[:stop] for name, values in streams.means.items()},
            None if streams.rows is None else streams.rows[:stop],
            streams.days[days],
            streams.ends[days],
        )
        yield CardSighting(
            time=_stamp(closes[stop - 1]),
            bars=stop,
            of=count,
            readings=tuple(card.readings(until)),
            rings=tuple((_stamp(closes[ring.bar]), ring) for ring in rings if ring.bar < stop),
            sharpe=(
                float(annual_sharpe(ledger.returns[:stop], arena.bars.periods_per_year)),
                float("nan") if promised is None else float(promised),
            ),
            growth=float(ledger.equity[stop - 1] / ledger.start_equity - 1.0),
            missing=tuple(f"{name}: {why}" for name, why in card.missing.items()),
        )


def _stamp(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ")
