"""The bars of a live feed behind those that a run knows, each checked as a live account checks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.features import checked
from regimen.live import BarEvent, Posted, bar_event, is_even, require_next, utc
from regimen.runs.adapting.continued import CLOSE, continued
from regimen.runs.retraining.arena import WalkedBars
from regimen.spans import in_words

_FEW = 8
"""Bars of a feed, of which two at least should follow each other without a gap."""
Refused = Callable[[DataError], None]


@final
class FedBars:
    """Bars that are known, and behind them those that a feed posts.

    Args:
        known: of a run, with those of a file behind them.

    Raises:
        DataError: they are adjusted by a factor.
    """

    def __init__(self, known: Bars) -> None:
        if "adjustment" in known.extras:
            rule = "cannot bring bars to a run whose own are adjusted by a factor: give --bars FILE, or replay:FILE"
            raise DataError("--feed", rule, "adjustment")
        self._known, self._fed = known, list[BarEvent]()
        self._even = is_even(known.calendar, known.bar_length)

    def take(self, posted: Posted) -> bool:
        """Takes a bar; returns whether it is new. One that is known, and the same, is not.

        Raises:
            DataError: it is no bar of the run's symbols, or one that no account would take: of another length, older
                than the last one, not over yet, or known already and another one.
        """
        known = self._known
        bar = bar_event(posted.content, known.symbols, tuple(known.extras), posted.at, False)
        for prices in bar.rows.T.tolist():
            checked(*prices)
        last = self._fed[-1].time if self._fed else int(known.time[-1].astype(np.int64))
        if bar.time <= last and self._has(bar):
            return False
        require_next(bar, last, known.bar_length, self._even)
        self._fed.append(bar)
        return True

    def bars(self) -> Bars:
        """Returns all of them as one series.

        Raises:
            DataError: the first one leaves a gap behind those that are known; none follows another at the run's length.
        """
        fed, known = self._fed, self._known
        stamps = np.array([bar.time for bar in fed], np.int64)
        if len(fed) >= _FEW and not (np.diff(stamps) == known.bar_length).any():
            rule = f"must be bars of {in_words(known.bar_length)}, as the run's are; of {len(fed)} none follows another"
            raise DataError("feed: bar length", rule, in_words(int(np.diff(stamps).min())))
        prices = np.stack([bar.rows for bar in fed], axis=1)
        new = Bars.from_arrays(
            stamps.view("datetime64[ns]"),
            **dict(zip(("open", "high", "low", "close", "volume"), prices, strict=True)),
            symbols=known.symbols,
            bar_length=known.bar_length,
            calendar=known.calendar,
            extras={name: np.stack([bar.extras[name] for bar in fed]) for name in known.extras},
            checked=False,
        )
        try:
            joined = continued(known, new)
        except DataError as error:
            raise error.adding(" (--bars FILE gives what came before the feed)") from None
        return replace(joined, listing=_going_on(known, new, joined))

    def _has(self, bar: BarEvent) -> bool:
        """Whether a bar is among those that are there; raises `DataError` where that is another one."""
        row = int(np.searchsorted(self._known.time.view(np.int64), bar.time))
        if row < len(self._known) and int(self._known.time[row].astype(np.int64)) == bar.time:
            close = self._known.close[row]
        else:
            same = next((each for each in self._fed if each.time == bar.time), None)
            if same is None:
                return False
            close = same.rows[3]
        if not np.allclose(close, bar.rows[3], rtol=CLOSE, atol=0.0, equal_nan=True):
            raise DataError("bar", f"was seen already, and closed at {close.tolist()}", bar.rows[3].tolist())
        return True


def followed(arena: WalkedBars, arrivals: Iterable[Sequence[Posted]], refused: Refused) -> Iterator[WalkedBars]:
    """Yields the bars of a run and what a feed has brought behind them, whenever it has brought more.

    Args:
        arena: of the run, with the bars of a file behind its own or without; with them it is yielded first.
        arrivals: bars as they come, those that came since the last time together.
        refused: called with the error of a bar that cannot be taken; the feed goes on without it.

    Raises:
        DataError: its first bar leaves a gap, its bars are of another length, or none comes at all.
    """
    fed, some = FedBars(arena.bars), arena.stop > arena.first
    if some:
        yield arena
    for come in arrivals:
        if sum([_taken(fed, posted, refused) for posted in come]):
            some = True
            yield arena.grown(fed.bars())
    if not some:
        ended = utc(int(arena.bars.time[-1].astype(np.int64)))
        raise DataError("feed", "must bring a bar behind the run's own, the last of which begins at " + ended)


def _taken(fed: FedBars, posted: Posted, refused: Refused) -> bool:
    try:
        return fed.take(posted)
    except DataError as error:
        refused(error)
        return False


def _going_on(known: Bars, new: Bars, joined: Bars) -> NDArray[np.datetime64]:
    """Returns the listing of bars that go on: who lacks the last bar of a feed has not ended by that."""
    ends = np.where(new.present.any(axis=0), np.datetime64("NaT", "ns"), known.listing[:, 1])
    return np.stack([joined.listing[:, 0], ends], axis=1)
