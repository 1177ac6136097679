"""Combinatorial purged cross-validation: every choice of some folds is held out once, and they make whole paths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from regimen.errors import SplitError
from regimen.labels import CLASSES, Labels
from regimen.reprs import short
from regimen.splits.purge import usable_for_training
from regimen.splits.slices import Slice, make_slice
from regimen.splits.walk_forward import Window, embargo_bars

MOST = 10_000
"""Splits above which a choice of folds is refused: each is a model to fit."""

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Combinatorial:
    """All splits of a series into folds of which some are held out; see `combinatorial`.

    Attributes:
        spans: the folds, [start, stop) in bars, one after another.
        tested: how many of them each split holds out.
        choices: the folds that each split holds out, in the order of `itertools.combinations`.
        embargo: bars dropped around what is held out, beyond the purge.
        candidates: (time, symbol) rows that may be used at all.
        labels: what is purged by.
    """

    spans: Spans
    tested: int
    choices: tuple[tuple[int, ...], ...]
    embargo: int
    candidates: NDArray[np.bool_]
    labels: Labels

    def __repr__(self) -> str:
        words = f"{len(self.spans)} folds, {self.tested} held out: {len(self.choices)} splits, {len(self.paths)} paths"
        return short(self, words)

    @property
    def paths(self) -> NDArray[np.intp]:
        """(path, fold): the split whose model decides that fold on that path.

        Each fold is held out by C(N − 1, k − 1) splits; the first of them decides it on the first path, the second on
        the second, and so on. So every path covers the whole series once, and every decision of every split is in
        exactly one path.
        """
        holding = [[n for n, choice in enumerate(self.choices) if fold in choice] for fold in range(len(self.spans))]
        return np.array(holding, dtype=np.intp).T

    @property
    def span(self) -> tuple[int, int]:
        """Positions [start, stop) that a path trades."""
        return self.spans[0][0], self.spans[-1][1]

    def held_out(self, number: int) -> Spans:
        """Returns the stretches that a split holds out; neighbouring folds are one stretch."""
        return _joined([self.spans[fold] for fold in self.choices[number]])

    def train(self, number: int) -> Slice:
        """Returns all rows that may be trained on in a split: those that purge and embargo leave of the other folds.

        Raises:
            SplitError: nothing is left, or rows of one class.
        """
        (start, stop), out = self.span, self.held_out(number)
        inner = [start]
        for first, last in out:
            looked = max(last - 1, int(self._t_end[first:last].max(initial=-1)))
            inner += [max(first - self.embargo, start), min(looked + 1 + self.embargo, stop)]
        spans = tuple((a, b) for a, b in zip(inner[::2], [*inner[1::2], stop], strict=True) if a < b)
        field = f"folds (split {number + 1} of {len(self.choices)}, {_words(out)} held out)"
        kept = self._apart(number, self.embargo)
        if not kept.any():
            raise SplitError(field, self._rule, 0)
        return self._training(kept, start, spans, field)

    def window(self, number: int, validation: float) -> Window:
        """Returns a split as a window in which a family of models is fitted as in any other.

        The validation slice is the tail of the longest stretch of training bars, the last of equals, so that whoever
        trades it trades bars that follow each other. It takes a fraction of all training bars, and at most half of that
        stretch. Rows whose labels share a bar with its labels are not trained on, on both of its sides.

        Timing: the training slice holds rows later than those tested. What is fitted on it measures a model; nobody
        could have traded it.

        Args:
            number: of the split; the window has it too, so that each split draws weights and batches of its own.
            validation: fraction of the training bars.

        Raises:
            SplitError: a slice has no rows left; a training slice holds fewer than two classes.
        """
        whole, out = self.train(number), self.held_out(number)
        size = math.ceil(validation * sum(last - first for first, last in whole.spans))
        first, stop = max(whole.spans, key=lambda span: (span[1] - span[0], span[0]))
        tail = stop - min(size, (stop - first) // 2)
        t_end = np.where(whole.mask, self.labels.t_end, -1)
        field = f"splits.validation (split {number + 1} of {len(self.choices)}, bars {tail} to {stop})"
        chosen = whole.usable[tail - whole.start : stop - whole.start].copy()
        if not chosen.any():
            raise SplitError(field, self._rule, 0)
        fit = usable_for_training(t_end, whole.start, whole.stop, tail, stop, 0)
        spans = tuple((a, tail if (a, b) == (first, stop) else b) for a, b in whole.spans)
        length, (begin, end) = self.labels.shape[0], self.span
        tested = np.zeros((end - begin, self.labels.shape[1]), dtype=np.bool_)
        for a, b in out:
            tested[a - begin : b - begin] = self.candidates[a:b]
        labelled = int(((self._t_end[begin:end] >= 0) & ~tested).sum())
        apart = int(self._apart(number, 0).sum())
        train = self._training(fit, whole.start, spans, field.replace("validation", "train"))
        return Window(
            number=number,
            train=train,
            validation=make_slice("validation", tail, chosen, length),
            test=make_slice("test", out[0][0], tested[out[0][0] - begin : out[-1][1] - begin], length, out),
            purged=labelled - apart + whole.rows - train.rows - int(chosen.sum()),
            embargoed=apart - whole.rows,
        )

    @property
    def _rule(self) -> str:
        """What a slice without rows breaks."""
        return (
            f"must keep rows, after labels of up to {self.labels.horizon} bars and an embargo of {self.embargo}; take "
            "fewer folds, fewer of them tested, or a smaller splits.embargo or labels.horizon"
        )

    def _training(self, usable: NDArray[np.bool_], start: int, spans: Spans, field: str) -> Slice:
        """Makes a training slice, no longer than its stretches; refuses one without rows of two classes."""
        first, last = spans[0][0], spans[-1][1]
        part = make_slice("train", first, usable[first - start : last - start].copy(), self.labels.shape[0], spans)
        if not part.rows:
            raise SplitError(field, self._rule, 0)
        classes = np.unique(part.take(self.labels.y))
        if len(classes) < 2:
            rule = f"must leave at least two of the classes {', '.join(CLASSES)} to train on"
            raise SplitError(field, rule, [CLASSES[int(each)] for each in classes])
        return part

    @cached_property
    def _t_end(self) -> NDArray[np.int64]:
        """(time, symbol): the last bar that the label of a row that may be used looks at; -1 elsewhere."""
        return np.where(self.candidates, self.labels.t_end, -1)

    def _apart(self, number: int, embargo: int) -> NDArray[np.bool_]:
        """(stop − start, symbol): the rows of a path's span that know nothing of what a split holds out."""
        start, stop = self.span
        kept = self._t_end[start:stop] >= 0
        for span in self.held_out(number):
            kept &= usable_for_training(self._t_end, start, stop, *span, embargo)
        return kept


def combinatorial(
    candidates: NDArray[np.bool_], labels: Labels, folds: int = 10, tested: int = 2, embargo: int = 0
) -> Combinatorial:
    """Cuts a series into folds, and holds out every choice of ``tested`` of them once.

    The folds hold equal numbers of bars, to within one, counted over the bars that have a row that may be used; so none
    is empty, and symbols of one bar stay together. With one tested fold it is purged K-fold cross-validation: one path.

    A row is trained on if and only if it is in no held out fold, its label shares no bar with a label of one, and it is
    not within the embargo; `usable_for_training` is the rule, for each stretch that is held out.

    Args:
        candidates: (time, symbol) bool: rows that may be used at all: the bar exists, its features are warm.
        labels: their ``t_end`` is what is purged by.
        folds: N.
        tested: k, folds that each of the C(N, k) splits holds out.
        embargo: bars before what is held out, and after the last bar that its labels look at, that are not trained on.

    Raises:
        SplitError: labels of another series; fewer bars than folds; as many tested as there are; more splits than
            `MOST`.
        ConfigError: a negative embargo.

    Source: López de Prado, Advances in Financial Machine Learning (2018), sections 7.4 and 12.3 to 12.4. Deviation: an
    embargo before what is held out too, as everywhere in this house.
    """
    if labels.shape != candidates.shape:
        raise SplitError("labels", f"must have the shape of the rows, {candidates.shape}", labels.shape)
    if folds < 2:
        raise SplitError("folds", "must be at least 2", folds)
    if not 1 <= tested < folds:
        raise SplitError("tested", f"must be at least 1 and less than the {folds} folds", tested)
    bars = np.flatnonzero(candidates.any(axis=1))
    if folds > len(bars):
        raise SplitError("folds", f"must be at most {len(bars)}, the bars whose features are known", folds)
    if (splits := math.comb(folds, tested)) > MOST:
        raise SplitError("tested", f"must make at most {MOST:,} splits of {folds} folds, not {splits:,}", tested)
    edges = [int(bars[len(bars) * number // folds]) for number in range(folds)]
    spans = tuple(pairwise([*edges, int(bars[-1]) + 1]))
    choices = tuple(combinations(range(folds), tested))
    return Combinatorial(spans, tested, choices, embargo_bars(embargo, 0), candidates, labels)


def _joined(spans: Sequence[tuple[int, int]]) -> Spans:
    joined: list[tuple[int, int]] = []
    for first, last in spans:
        if joined and joined[-1][1] == first:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    return tuple(joined)


def _words(spans: Spans) -> str:
    return " and ".join(f"bars {first} to {last}" for first, last in spans)
