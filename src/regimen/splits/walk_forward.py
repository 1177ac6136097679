"""Walk-forward: train on the past, test on the next span, move on; the test spans tile the series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.bars import Bars
from regimen.errors import ConfigError, SplitError
from regimen.labels import CLASSES, Labels
from regimen.reprs import short
from regimen.splits.durations import Span, boundaries, train_start
from regimen.splits.purge import usable_for_training
from regimen.splits.slices import Slice, make_slice

Validation = Annotated[
    float,
    Field(gt=0.0, le=0.5, description="Fraction of the training span kept as its purged tail, for early stopping."),
]
Embargo = Annotated[
    int | Literal["auto"],
    Field(
        description="Bars dropped between training (with validation) and test, beyond the purge; auto is the "
        "longest memory of the features."
    ),
]


class WalkForwardConfig(BaseModel):
    """How the series is cut into windows of training, validation and test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["walk_forward"] = "walk_forward"
    train: Span = Field(
        default="50%",
        description='Length of the (first) training span: bars, a duration such as "2y", or a share of the bars.',
    )
    test: Span = Field(
        default="10%",
        description='Length of each test span: bars, a duration such as "6mo", or a share; the last may be shorter.',
    )
    validation: Validation = 0.15
    embargo: Embargo = "auto"
    expanding: bool = Field(
        default=False,
        description="Training always begins at the start and grows, instead of rolling at a fixed length.",
    )
    start: str | None = Field(default=None, description="First bar of the first training span (ISO date, UTC).")
    retrain_every: int = Field(
        default=1,
        ge=1,
        exclude_if=lambda every: every == 1,  # a config without it is written, and hashed, as before there was any
        description="Test spans that one model trades, one after another, before the next is trained.",
    )
    warm_start: bool = Field(
        default=False,
        exclude_if=lambda warm: not warm,
        description="Each window's net begins from the weights of the window before, instead of anew.",
    )


@dataclass(frozen=True, eq=False)
class Window:
    """One step of the walk: fit on ``train``, stop early on ``validation``, judge on ``test``.

    Attributes:
        number: 0, 1, … in time.
        train, validation, test: the three slices; every label of train ends before validation starts, every
            label of train and validation ends before test starts.
        purged: labelled rows of the training span that were dropped because their label reaches the
            validation or test span.
        embargoed: labelled rows dropped by the embargo that the purge had left.
    """

    number: int
    train: Slice
    validation: Slice
    test: Slice
    purged: int
    embargoed: int

    def __repr__(self) -> str:
        parts = (self.train, self.validation, self.test)
        spans = ", ".join(f"{part.role} {part.start:,} to {part.stop:,}" for part in parts)
        return short(self, f"{self.number}: bars of {spans}")


def _first_bar(config: WalkForwardConfig, bars: Bars) -> int:
    if config.start is None:
        return 0
    try:
        stamp = np.datetime64(config.start, "ns")
    except ValueError:
        raise ConfigError("splits.start", "must be an ISO date such as 2020-01-31", config.start) from None
    first = int(np.searchsorted(bars.time, stamp))
    if first >= len(bars):
        raise SplitError("splits.start", f"must be before the last bar ({bars.time[-1]})", config.start)
    return first


def candidate_rows(bars: Bars, labels: Labels, usable: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Returns the rows (time, symbol) that may be used at all; for the splitters of this room.

    Raises:
        SplitError: labels of other bars.
    """
    if labels.shape != bars.shape:
        raise SplitError("labels", f"must have the shape of the bars, {bars.shape}", labels.shape)
    return bars.present if usable is None else bars.present & usable


def embargo_bars(embargo: int | Literal["auto"], memory: int) -> int:
    """Returns the bars that are dropped before a test span; for the splitters of this room.

    Raises:
        ConfigError: a negative number.
    """
    bars = memory if embargo == "auto" else embargo
    if bars < 0:
        raise ConfigError("splits.embargo", "must not be negative", bars)
    return bars


def make_window(
    number: int,
    span: tuple[int, int, int, int],
    validation: float,
    embargo: int,
    labels: Labels,
    candidates: NDArray[np.bool_],
) -> Window:
    """Makes a window of a training span [start, stop) and a test span behind it; for the splitters of this room.

    Args:
        number: 0, 1, … in time.
        span: start and stop of training, start and stop of the test.
        validation: fraction of the training span kept as its tail.
        embargo: bars dropped before the test span.
        labels: what is purged by.
        candidates: (time, symbol) rows that may be used.

    Raises:
        SplitError: a slice has no rows left; a training slice holds fewer than two classes.
    """
    start, stop, test_start, test_stop = span
    end = min(stop, test_start - embargo)
    tail = end - math.ceil(validation * (end - start))
    length = labels.shape[0]
    if tail <= start:
        raise SplitError(
            f"splits.train (window {number + 1})",
            f"must be longer than the embargo of {embargo} bars and leave rows to train on",
            stop - start,
        )
    t_end = labels.t_end
    fit = usable_for_training(t_end, start, tail, tail, test_stop, 0) & candidates[start:tail]
    stop_early = usable_for_training(t_end, tail, end, test_start, test_stop, 0) & candidates[tail:end]
    labelled = (t_end[start:stop] >= 0) & candidates[start:stop]
    gap = usable_for_training(t_end, end, stop, test_start, test_stop, 0) & candidates[end:stop]
    embargoed = int(gap.sum())
    window = Window(
        number=number,
        train=make_slice("train", start, fit, length),
        validation=make_slice("validation", tail, stop_early, length),
        test=make_slice("test", test_start, candidates[test_start:test_stop].copy(), length),
        purged=int(labelled.sum()) - int(fit.sum()) - int(stop_early.sum()) - embargoed,
        embargoed=embargoed,
    )
    for part in (window.train, window.validation):
        if part.rows == 0:
            raise SplitError(
                f"splits.{part.role} (window {number + 1}, bars {part.start} to {part.stop})",
                "must keep rows after the purge, the embargo and the missing values; lengthen splits.train "
                "or shorten labels.horizon",
                0,
            )
    classes = np.unique(window.train.take(labels.y))
    if len(classes) < 2:
        raise SplitError(
            f"splits.train (window {number + 1})",
            f"must hold at least two of the classes {', '.join(CLASSES)}; see labels.dead_band",
            [CLASSES[int(each)] for each in classes],
        )
    return window


def walk_forward(
    config: WalkForwardConfig,
    bars: Bars,
    labels: Labels,
    memory: int = 0,
    *,
    usable: NDArray[np.bool_] | None = None,
    until: int | None = None,
) -> tuple[Window, ...]:
    """Cuts the series into windows whose test spans tile everything after the first training span.

    Timing: a row is one decision at the close of bar t. Training and validation rows have labels that are
    complete before the test span starts, so a live trader could have fitted the same model at that moment.

    Args:
        config: lengths, in bars, by the clock or as shares of the bars from ``start`` on.
        bars: the series.
        labels: their ``t_end`` is what is purged by.
        memory: bars that the features look back; the embargo under ``auto``.
        usable: (time, symbol) bool: rows that may be used at all, e.g. whose features are warm; all by
            default. Rows of symbols without a bar are never usable.
        until: only windows whose test span starts before this position are built; all by default.

    Returns:
        The windows in time. Training and validation slices hold labelled rows only; test slices hold every
        usable row, labelled or not, because each is decided and traded.

    Raises:
        SplitError: the training span leaves nothing to test on; a slice has no rows left; a training slice
            holds fewer than two classes.
        ConfigError: ``start`` is not a date, or ``embargo`` is negative.
    """
    candidates = candidate_rows(bars, labels, usable)
    embargo = embargo_bars(config.embargo, memory)
    first = _first_bar(config, bars)
    edges = boundaries(bars.time, first, config.train, config.test)
    edges = [*edges[: -1 : config.retrain_every], *edges[-1:]]  # what one model trades is one window
    if not edges:
        raise SplitError(
            "splits.train",
            f"must be shorter than the data of {len(bars) - first} bars and leave bars to test on",
            config.train,
        )
    windows = []
    for number, (test_start, test_stop) in enumerate(pairwise(edges)):
        if until is not None and test_start >= until:
            break
        start = first if config.expanding else train_start(bars.time, first, test_start, config.train)
        span = (start, test_start, test_start, test_stop)
        windows.append(make_window(number, span, config.validation, embargo, labels, candidates))
    return tuple(windows)
