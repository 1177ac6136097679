"""Combinatorial purged cross-validation: skfolio's index sets, the brute-force twin, paths, and the bad input."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.splits.test_folds import training
from tests.splits.test_walk_forward import make_labels

from regimen.errors import ConfigError, SplitError
from regimen.labels import Labels
from regimen.preprocess import StandardScaler
from regimen.splits import Combinatorial, combinatorial, purged_folds


def flat_labels(count: int, horizon: int, symbols: int = 1) -> Labels:
    """Labels that all look ``horizon`` bars ahead, up to the last bar."""
    t_end = np.minimum(np.arange(count) + horizon, count - 1)[:, None].repeat(symbols, axis=1)
    y = (np.arange(count)[:, None] % 3).astype(np.int8).repeat(symbols, axis=1)
    return Labels(y, t_end, np.zeros((count, symbols)), horizon)


def everywhere(labels: Labels) -> np.ndarray:
    return np.ones(labels.shape, dtype=np.bool_)


@pytest.mark.parametrize(("folds", "tested", "splits", "paths"), [(10, 4, 210, 84), (6, 2, 15, 5), (10, 2, 45, 9)])
@pytest.mark.parametrize(("horizon", "embargo"), [(0, 0), (7, 0), (7, 7), (5, 2)])
def test_the_index_sets_are_those_of_skfolio(
    folds: int, tested: int, splits: int, paths: int, horizon: int, embargo: int
) -> None:
    """skfolio purges as many bars on both sides as a label looks ahead, and embargoes behind what is held out alone.

    An embargo no longer than a label leaves the same rows there: before what is held out the purge is the longer one.
    """
    skfolio = pytest.importorskip("skfolio.model_selection")
    count = 100 * folds
    theirs = skfolio.CombinatorialPurgedCV(folds, tested, purged_size=horizon, embargo_size=embargo)
    labels = flat_labels(count, horizon)
    ours = combinatorial(everywhere(labels), labels, folds, tested, embargo)
    assert (len(ours.choices), len(ours.paths)) == (splits, paths) == (theirs.n_splits, theirs.n_test_paths)
    equal = 0
    for number, (train, tests) in enumerate(theirs.split(np.zeros((count, 1)))):
        held = [np.arange(*ours.spans[fold]) for fold in ours.choices[number]]
        assert all(np.array_equal(one, other) for one, other in zip(held, tests, strict=True))
        equal += np.array_equal(ours.train(number).positions[0], train)
    assert equal == splits
    assert np.array_equal(ours.paths.T, theirs.recombined_paths)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(20, 90),
    symbols=st.integers(1, 3),
    folds=st.integers(2, 7),
    tested=st.integers(1, 3),
    longest=st.integers(0, 6),
    embargo=st.integers(0, 4),
    holes=st.sampled_from([0.0, 0.1, 0.5]),
    validation=st.sampled_from([0.1, 0.3, 0.5]),
    seed=st.integers(0, 10**6),
)
def test_every_split_is_the_brute_force_twin(
    count: int,
    symbols: int,
    folds: int,
    tested: int,
    longest: int,
    embargo: int,
    holes: float,
    validation: float,
    seed: int,
) -> None:
    assume(tested < folds)
    labels = make_labels((count, symbols), longest, seed)
    candidates = np.random.default_rng(seed + 1).random((count, symbols)) >= holes
    splits = combinatorial(candidates, labels, folds, tested, embargo)
    assert all(before[1] == after[0] for before, after in pairwise(splits.spans))
    bars = [int(candidates[slice(*span)].any(axis=1).sum()) for span in splits.spans]
    assert max(bars) - min(bars) <= 1
    assert sum(bars) == int(candidates.any(axis=1).sum())
    assert splits.choices == tuple(combinations(range(folds), tested))
    for number in range(len(splits.choices)):
        try:
            train = splits.train(number)
            window = splits.window(number, validation)
        except SplitError:
            continue
        np.testing.assert_array_equal(train.mask, twin(splits, number))
        check(splits, number, validation)
        lost = labels.t_end[slice(*splits.span)] >= 0
        lost &= candidates[slice(*splits.span)] & ~window.test.mask[slice(*splits.span)]
        assert window.purged + window.embargoed == lost.sum() - window.train.rows - window.validation.rows


def twin(splits: Combinatorial, number: int) -> np.ndarray:
    """The rows that may be trained on in a split, found by looking at all pairs of labels."""
    count, symbols = splits.labels.shape
    held = np.zeros(count, dtype=np.bool_)
    for fold in splits.choices[number]:
        held[slice(*splits.spans[fold])] = True
    first, last = splits.span
    kept = np.zeros((count, symbols), dtype=np.bool_)
    stretches = []
    for begin, end in splits.held_out(number):
        rows = [(u, v) for u in range(begin, end) for v in range(symbols) if splits.candidates[u, v]]
        stretches.append((begin, max([end - 1, *(int(splits.labels.t_end[at]) for at in rows)])))
    # A stretch that is held out reaches to the end of its labels; the embargo begins behind that, and ends before it.
    for t in range(first, last):
        for s in range(symbols):
            reach = int(splits.labels.t_end[t, s])
            if not splits.candidates[t, s] or reach < 0 or held[t]:
                continue
            shares = any(begin <= reach and t <= looked for begin, looked in stretches)
            near = any(begin - splits.embargo <= t <= looked + splits.embargo for begin, looked in stretches)
            kept[t, s] = not (shares or near)
    return kept


def check(splits: Combinatorial, number: int, validation: float) -> None:
    """The window of a split: its parts share no row and no bar of a label, and its stretches hold nothing tested."""
    window = splits.window(number, validation)
    labels, parts = splits.labels, (window.train, window.validation)
    held = np.zeros(labels.shape[0], dtype=np.bool_)
    for span in window.test.spans:
        held[slice(*span)] = True
    np.testing.assert_array_equal(window.test.mask, splits.candidates & held[:, None])
    assert not (window.train.mask & window.validation.mask).any()
    assert len(window.validation.spans) == 1
    for part in parts:
        bars = np.zeros(labels.shape[0], dtype=np.bool_)
        for span in part.spans:
            bars[slice(*span)] = True
        assert not (bars & held).any()
        assert not (part.mask & ~bars[:, None]).any()
        assert (part.start, part.stop) == (part.spans[0][0], part.spans[-1][1])
    ends = labels.t_end[window.validation.mask]
    looked, tail = max(int(ends.max()), window.validation.stop - 1), window.validation.start
    times = window.train.positions[0]
    reach = window.train.take(labels.t_end)
    assert np.all((reach < tail) | (times > min(looked, int(ends.max()))))


def test_each_path_covers_the_series_once_and_holds_every_decision() -> None:
    labels = flat_labels(120, 3)
    splits = combinatorial(everywhere(labels), labels, 6, 2)
    assert splits.paths.shape == (5, 6)
    decided = sorted((int(split), fold) for path in splits.paths for fold, split in enumerate(path))
    assert decided == sorted((n, fold) for n, choice in enumerate(splits.choices) for fold in choice)
    assert "6 folds, 2 held out: 15 splits, 5 paths" in repr(splits)


def test_one_tested_fold_is_purged_k_fold() -> None:
    labels = make_labels((200, 2), 9, seed=3)
    part = training(labels, 0, 200, 0.1, seed=4)
    splits = combinatorial(part.mask, labels, 5, 1, embargo=4)
    folds = purged_folds(part, labels, 5, 4)
    assert len(splits.choices) == len(folds) == 5
    assert splits.paths.tolist() == [[0, 1, 2, 3, 4]]
    for number, fold in enumerate(folds):
        np.testing.assert_array_equal(splits.train(number).mask, fold.train.mask)


def test_the_validation_slice_is_a_tail_that_a_scaler_was_not_fitted_on() -> None:
    labels = flat_labels(1000, 5)
    splits = combinatorial(everywhere(labels), labels, 10, 2, embargo=10)
    values = np.random.default_rng(0).normal(size=(1000, 1, 2))
    for number, choice in enumerate(splits.choices):
        window = splits.window(number, 0.15)
        scaler = StandardScaler.fit(values, window.train, ("a", "b"))
        for part in (window.validation, window.test):
            assert len(scaler.take(values, part, ("a", "b"))) == part.rows
        assert window.validation.rows >= 80, choice
    window = splits.window(splits.choices.index((0, 5)), 0.15)
    # Fold 0 and its labels and embargo end at bar 115, fold 5 is bars 500 to 600: the longest stretch is behind it.
    assert window.train.spans == ((115, 490), (615, 1000 - 114))
    assert (window.validation.start, window.validation.stop) == (886, 1000)
    with pytest.raises(SplitError, match="must not overlap the interval"):
        StandardScaler.fit(values, window.train, ("a", "b")).take(values, replace_role(window.train), ("a", "b"))


def replace_role(part: object) -> object:
    from regimen.splits.slices import Slice, make_slice

    assert isinstance(part, Slice)
    return make_slice("test", part.start, part.usable.copy(), part.length, part.spans)


@pytest.mark.parametrize(
    ("folds", "tested", "error"),
    [
        (1, 1, "folds: must be at least 2; got 1"),
        (6, 6, "tested: must be at least 1 and less than the 6 folds; got 6"),
        (6, 0, "tested: must be at least 1 and less than the 6 folds; got 0"),
        (20, 10, "tested: must make at most 10,000 splits of 20 folds, not 184,756; got 10"),
        (51, 2, "folds: must be at most 50, the bars whose features are known; got 51"),
    ],
)
def test_what_cannot_be_cut_is_one_error(folds: int, tested: int, error: str) -> None:
    labels = flat_labels(50, 2)
    with pytest.raises(SplitError) as caught:
        combinatorial(everywhere(labels), labels, folds, tested)
    assert str(caught.value) == error


def test_an_embargo_that_empties_a_slice_names_split_and_bars() -> None:
    labels = flat_labels(100, 2)
    splits = combinatorial(everywhere(labels), labels, 5, 2, embargo=60)
    with pytest.raises(SplitError, match=r"split 7 of 10, bars 20 to 40 and bars 80 to 100 held out.*embargo of 60"):
        splits.window(6, 0.15)
    with pytest.raises(ConfigError, match=r"splits\.embargo: must not be negative; got -1"):
        combinatorial(everywhere(labels), labels, 5, 2, embargo=-1)
    with pytest.raises(SplitError, match="must have the shape of the rows"):
        combinatorial(everywhere(flat_labels(99, 2)), labels)


def test_one_class_is_refused() -> None:
    labels = flat_labels(100, 2)
    one = replace(labels, y=np.ones_like(labels.y))
    with pytest.raises(SplitError, match="must leave at least two of the classes SELL, HOLD, BUY"):
        combinatorial(everywhere(one), one, 5, 2).window(0, 0.15)


def test_splits_are_counted_as_combinations() -> None:
    labels = flat_labels(60, 1)
    for folds in range(2, 7):
        for tested in range(1, folds):
            splits = combinatorial(everywhere(labels), labels, folds, tested)
            assert len(splits.choices) == math.comb(folds, tested)
            assert splits.paths.shape == (math.comb(folds - 1, tested - 1), folds)
