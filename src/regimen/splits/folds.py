"""Purged folds inside a training slice: each part of it is said by a model that learned from the others alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from regimen.errors import SplitError
from regimen.labels import CLASSES, Labels
from regimen.reprs import many, short
from regimen.splits.purge import usable_for_training
from regimen.splits.slices import Slice, make_slice
from regimen.splits.walk_forward import Window, embargo_bars


@dataclass(frozen=True, eq=False)
class Fold:
    """One part of a training slice, held out, and the rows of the others that know nothing of it.

    Attributes:
        number: 0, 1, … in time.
        train: slice of role ``train`` over the whole span, its usable rows those that purge and embargo leave.
        test: slice of role ``held_out``: the part's rows, all of them rows of the training slice.
        purged: rows of the other parts that were dropped because their label shares a bar with one held out.
        embargoed: rows dropped by the embargo that the purge had left.
    """

    number: int
    train: Slice
    test: Slice
    purged: int
    embargoed: int

    def __repr__(self) -> str:
        words = f"bars {self.test.start:,} to {self.test.stop:,} held out, {many(self.test.rows, 'row')}"
        return short(self, f"{self.number}: {words}; {self.train.rows:,} to train on")

    def window(self, outer: Window) -> Window:
        """Returns a window in which a family of models fits this fold as it fits any other.

        It stops early on the outer window's validation slice, and its test slice is what the fold holds out. It has
        the outer window's number, so that the folds of a window draw the same weights and batches.
        """
        return Window(outer.number, self.train, outer.validation, self.test, self.purged, self.embargoed)


def purged_folds(part: Slice, labels: Labels, k: int, embargo: int) -> tuple[Fold, ...]:
    """Cuts a training slice into k parts in time; each is held out once, the rest of it purged and embargoed.

    The parts hold equal numbers of bars, to within one, counted over the bars that have a row: a fold is a span of
    time, in which the rows of one bar stay together, and symbols that move together are no further evidence. So no
    part is empty, and for one symbol they hold equal numbers of rows.

    Timing: a fold learns from rows later than those that it says, so it measures a model and never trades. No label
    trained on shares a bar with a label held out; `usable_for_training` is the rule, with the labels of the slice's own
    rows.

    Args:
        part: a training slice; only its usable rows are in the folds.
        labels: their ``t_end`` is what is purged by.
        k: number of folds.
        embargo: bars before a fold, and after the last bar that its labels look at, that are not trained on; to keep
            out rows whose features look back into the fold, the features' memory.

    Returns:
        The folds in time. Their test slices are disjoint, and together they are the rows of ``part``.

    Raises:
        SplitError: no training slice; labels of another series; fewer than 2 folds, or more than there are bars; a fold
            beside which no row is left, or rows of one class.
        ConfigError: a negative embargo.

    Source: López de Prado, Advances in Financial Machine Learning (2018), section 7.4. Deviation: an embargo before the
    fold too, as in `usable_for_training`.
    """
    if part.role != "train":
        raise SplitError("folds", "must be cut from a training slice", part.role)
    shape = part.length, part.usable.shape[1]
    if labels.shape != shape:
        raise SplitError("labels", f"must have the shape of the series that was split, {shape}", labels.shape)
    if k < 2:
        raise SplitError("folds", "must be at least 2", k)
    bars = np.flatnonzero(part.usable.any(axis=1)) + part.start
    if k > len(bars):
        raise SplitError("folds", f"must be at most {len(bars)}, the bars of the training slice that have a row", k)
    t_end = np.where(part.mask, labels.t_end, -1)
    edges = [part.start, *(int(bars[len(bars) * number // k]) for number in range(1, k)), part.stop]
    return tuple(
        _fold(number, part, labels, t_end, span, embargo_bars(embargo, 0), k)
        for number, span in enumerate(pairwise(edges))
    )


def _fold(
    number: int, part: Slice, labels: Labels, t_end: NDArray[np.int64], span: tuple[int, int], embargo: int, k: int
) -> Fold:
    """Makes the fold that holds out a span; ``t_end`` (time, symbol) is -1 where the slice has no row."""
    start, stop = span
    test = make_slice("held_out", start, part.usable[start - part.start : stop - part.start].copy(), part.length)
    apart = usable_for_training(t_end, part.start, part.stop, start, stop, 0)
    kept = usable_for_training(t_end, part.start, part.stop, start, stop, embargo)
    train = make_slice("train", part.start, kept, part.length, part.spans)
    field = f"folds (fold {number + 1} of {k}, bars {start} to {stop})"
    if not train.rows:
        rule = (
            f"must leave rows beside it to train on, after labels of up to {labels.horizon} bars and an embargo of "
            f"{embargo}; take fewer folds, a longer splits.train, or a smaller splits.embargo or labels.horizon"
        )
        raise SplitError(field, rule, 0)
    classes = np.unique(train.take(labels.y))
    if len(classes) < 2:
        rule = f"must leave at least two of the classes {', '.join(CLASSES)} to train on; take fewer folds"
        raise SplitError(field, rule, [CLASSES[int(each)] for each in classes])
    return Fold(number, train, test, part.rows - test.rows - int(apart.sum()), int(apart.sum()) - train.rows)
