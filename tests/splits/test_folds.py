"""Purged folds of a training slice: the twin over all pairs of labels, the law, the mirror, and the bad input."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.markets import random_walk
from tests.splits.test_walk_forward import make_labels

from regimen.errors import RegimenError, SplitError
from regimen.labels import Labels
from regimen.preprocess import StandardScaler
from regimen.splits import Fold, Slice, WalkForwardConfig, purged_folds, walk_forward
from regimen.splits.slices import make_slice


def training(labels: Labels, start: int, stop: int, holes: float, seed: int) -> Slice:
    """A training slice over [start, stop) of a panel with holes, and with labels that reach beyond it left out."""
    there = np.random.default_rng(seed).random((stop - start, labels.shape[1])) >= holes
    last = labels.t_end[start:stop]
    return make_slice("train", start, there & (last >= 0) & (last < stop), labels.shape[0])


def folds_of(part: Slice, labels: Labels, k: int, embargo: int) -> tuple[Fold, ...]:
    try:
        return purged_folds(part, labels, k, embargo)
    except SplitError:
        return ()


@settings(max_examples=120, deadline=None)
@given(
    count=st.integers(8, 70),
    symbols=st.integers(1, 3),
    k=st.integers(2, 6),
    longest=st.integers(0, 8),
    embargo=st.integers(0, 6),
    holes=st.sampled_from([0.0, 0.1, 0.7]),
    start=st.integers(0, 5),
    seed=st.integers(0, 10**6),
)
def test_every_fold_is_the_brute_force_twin(
    count: int, symbols: int, k: int, longest: int, embargo: int, holes: float, start: int, seed: int
) -> None:
    labels = make_labels((start + count + 4, symbols), longest, seed)
    part = training(labels, start, start + count, holes, seed + 1)
    folds = folds_of(part, labels, k, embargo)
    assume(folds)
    assert [fold.number for fold in folds] == list(range(k))
    # The parts follow one another, cover the span, share no row and leave none out.
    assert (folds[0].test.start, folds[-1].test.stop) == (part.start, part.stop)
    assert all(before.test.stop == after.test.start for before, after in pairwise(folds))
    np.testing.assert_array_equal(sum(fold.test.mask.astype(int) for fold in folds), part.mask.astype(int))
    bars = [int(fold.test.usable.any(axis=1).sum()) for fold in folds]
    assert max(bars) - min(bars) <= 1
    for fold in folds:
        assert (fold.train.role, fold.test.role) == ("train", "held_out")
        assert (fold.train.start, fold.train.stop) == (part.start, part.stop)
        held = [(t, int(labels.t_end[t, s])) for t, s in zip(*fold.test.positions, strict=True)]
        latest = max(fold.test.stop - 1, *(end for _, end in held))
        expected, shared = np.zeros_like(part.mask), 0
        for t, s in zip(*part.positions, strict=True):
            end = int(labels.t_end[t, s])
            if fold.test.start <= t < fold.test.stop:
                continue
            # The law, over all pairs of labels: two spans share a bar when each begins before the other ends.
            overlaps = any(t <= other_end and other <= end for other, other_end in held)
            near = fold.test.start - embargo <= t <= latest + embargo
            shared += overlaps
            expected[t, s] = not overlaps and not near
        np.testing.assert_array_equal(fold.train.mask, expected)
        assert fold.purged == shared
        assert fold.test.rows + fold.train.rows + fold.purged + fold.embargoed == part.rows


def test_folds_of_labels_of_one_length_are_their_own_mirror_image() -> None:
    for horizon in (1, 5):
        ends = np.arange(100)[:, None] + horizon
        labels = Labels(np.resize(np.array([[0], [1], [2]], np.int8), (100, 1)), ends, np.zeros((100, 1)), horizon)
        part = make_slice("train", 0, np.ones((100, 1), dtype=np.bool_), 100)
        folds = purged_folds(part, labels, 5, 0)
        for fold, mirrored in zip(folds, reversed(folds), strict=True):
            np.testing.assert_array_equal(fold.train.usable, mirrored.train.usable[::-1])
        assert [fold.purged for fold in folds] == [horizon, *[2 * horizon] * 3, horizon]


def test_a_fold_fits_as_a_window_does() -> None:
    bars = random_walk(600)
    labels = make_labels(bars.shape, 3, 0)
    outer = walk_forward(WalkForwardConfig(train=400, test=100, embargo=2), bars, labels)[1]
    fold = purged_folds(outer.train, labels, 4, 2)[2]
    inner = fold.window(outer)
    assert (inner.number, inner.train, inner.validation, inner.test) == (1, fold.train, outer.validation, fold.test)
    assert repr(fold).startswith("Fold(2: bars 264 to 349 held out, 78 rows;")
    values = np.random.default_rng(0).normal(size=(*bars.shape, 2))
    scaler = StandardScaler.fit(values, inner.train, ("a", "b"))
    np.testing.assert_allclose(scaler.mean, values[fold.train.mask].mean(axis=0))
    with pytest.raises(SplitError, match="training slice only"):
        StandardScaler.fit(values, inner.test, ("a", "b"))


def _two_classes(part: Slice, until: int) -> Labels:
    """SELL before a bar, then HOLD."""
    y = np.where(np.arange(part.length)[:, None] < until, 0, 1).astype(np.int8)
    return Labels(y, np.arange(part.length)[:, None], np.zeros(y.shape), 0)


_CALLS: list[tuple[Callable[[Slice], object], str]] = [
    (lambda part: purged_folds(make_slice("test", 0, part.usable, part.length), _two_classes(part, 50), 3, 0),
     "folds: must be cut from a training slice; got 'test'"),
    (lambda part: purged_folds(part, _two_classes(part, 50), 1, 0), "folds: must be at least 2; got 1"),
    (lambda part: purged_folds(part, _two_classes(part, 50), 101, 0),
     "folds: must be at most 100, the bars of the training slice that have a row; got 101"),
    (lambda part: purged_folds(part, make_labels((part.length - 10, 1), 0, 0), 3, 0),
     r"labels: must have the shape of the series that was split, \(100, 1\); got \(90, 1\)"),
    (lambda part: purged_folds(part, _two_classes(part, 50), 3, -1), "splits.embargo: must not be negative; got -1"),
    (lambda part: purged_folds(part, _two_classes(part, 50), 2, 50),
     r"folds \(fold 1 of 2, bars 0 to 50\): must leave rows beside it to train on, after labels of up to 0 bars and "
     "an embargo of 50; take fewer folds, a longer splits.train, or a smaller splits.embargo or labels.horizon"),
    (lambda part: purged_folds(part, _two_classes(part, 20), 4, 0),
     r"folds \(fold 1 of 4, bars 0 to 25\): must leave at least two of the classes SELL, HOLD, BUY to train on; "
     r"take fewer folds; got \['HOLD'\]"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), _CALLS)
def test_bad_input_is_one_line(call: Callable[[Slice], object], message: str) -> None:
    part = make_slice("train", 0, np.ones((100, 1), dtype=np.bool_), 100)
    with pytest.raises(RegimenError, match=message) as caught:
        call(part)
    assert "\n" not in str(caught.value)
