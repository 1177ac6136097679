"""Walk-forward windows: tiling, purge, embargo, and that only a splitter makes slices."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.errors import ConfigError, RegimenError, SplitError
from regimen.labels import FixedHorizonConfig, Labels, label
from regimen.splits import Slice, WalkForwardConfig, Window, usable_for_training, walk_forward

HOUR = 3_600_000_000_000


def make_bars(count: int, symbols: int = 1, seed: int = 0, missing: float = 0.0, step: int = HOUR) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (count, symbols)), axis=0))
    close[rng.random(close.shape) < missing] = np.nan
    return bars_of(close, close, step=f"{step // 60_000_000_000}m", bar_length=step)


def make_labels(shape: tuple[int, int], longest: int, seed: int) -> Labels:
    """Labels with spans of any length up to ``longest``, in no order, a tenth of them undefined."""
    rng = np.random.default_rng(seed)
    t_end = np.arange(shape[0])[:, None] + rng.integers(0, longest + 1, shape)
    lost = (rng.random(shape) < 0.1) | (t_end >= shape[0])
    y = np.where(lost, -1, rng.integers(0, 3, shape)).astype(np.int8)
    return Labels(y, np.where(lost, -1, t_end), np.where(lost, np.nan, 0.0), longest)


def spans(part: Slice, labels: Labels) -> list[tuple[int, int]]:
    times, symbols = part.positions
    return [(int(t), int(labels.t_end[t, s])) for t, s in zip(times, symbols, strict=True)]


def windows_of(config: WalkForwardConfig, bars: Bars, labels: Labels, memory: int) -> tuple[Window, ...]:
    try:
        return walk_forward(config, bars, labels, memory)
    except SplitError:
        return ()


@settings(max_examples=120, deadline=None)
@given(
    count=st.integers(30, 200),
    train=st.integers(10, 80),
    test=st.integers(1, 60),
    longest=st.integers(0, 15),
    embargo=st.integers(0, 10),
    validation=st.floats(0.05, 0.5),
    expanding=st.booleans(),
    symbols=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_no_label_overlaps_and_the_tests_tile(
    count: int,
    train: int,
    test: int,
    longest: int,
    embargo: int,
    validation: float,
    expanding: bool,
    symbols: int,
    seed: int,
) -> None:
    bars = make_bars(count, symbols, seed % 7, missing=0.05)
    labels = make_labels(bars.shape, longest, seed)
    config = WalkForwardConfig(train=train, test=test, validation=validation, embargo=embargo, expanding=expanding)
    windows = windows_of(config, bars, labels, memory=0)
    assume(windows)
    assert windows[0].test.start == train
    assert windows[-1].test.stop == count
    for before, after in pairwise(windows):
        assert before.test.stop == after.test.start
        assert after.number == before.number + 1
    for window in windows:
        assert window.train.start == (0 if expanding else window.test.start - train)
        assert window.test.stop - window.test.start == min(test, count - window.test.start)
        assert window.validation.stop == window.test.start - embargo
        assert window.validation.start == window.train.stop
        # The oracle, row by row: kept if and only if labelled, present and done before what comes next.
        for part, edge in ((window.train, window.validation.start), (window.validation, window.test.start)):
            expected = [
                (t, int(labels.t_end[t, s]))
                for t in range(part.start, part.stop)
                for s in range(symbols)
                if bars.present[t, s] and 0 <= labels.t_end[t, s] < edge
            ]
            assert spans(part, labels) == expected
        assert window.test.rows == bars.present[window.test.start : window.test.stop].sum()
        labelled = (bars.present & labels.defined)[window.train.start : window.test.start].sum()
        assert labelled == window.train.rows + window.validation.rows + window.purged + window.embargoed


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(5, 80),
    data=st.data(),
    embargo=st.integers(0, 12),
    longest=st.integers(0, 12),
    seed=st.integers(0, 10**6),
)
def test_purge_on_both_sides_of_a_test_span(
    count: int, data: st.DataObject, embargo: int, longest: int, seed: int
) -> None:
    test_start = data.draw(st.integers(0, count - 1))
    test_stop = data.draw(st.integers(test_start + 1, count))
    labels = make_labels((count, 2), longest, seed)
    kept = usable_for_training(labels.t_end, 0, count, test_start, test_stop, embargo)
    # What the held-out rows and their labels look at, bar by bar; a row that has no label is held out all the same.
    tested = set(range(test_start, test_stop))
    for last in labels.t_end[test_start:test_stop].max(axis=1):
        tested |= set(range(test_start, int(last) + 1))
    for t in range(count):
        near = min(abs(t - bar) for bar in tested) <= embargo
        for s in range(2):
            last = int(labels.t_end[t, s])
            touches = last >= 0 and bool(tested & set(range(t, last + 1)))
            # A label may not jump over the held-out span either: then it looked at something in it.
            assert kept[t, s] == (last >= 0 and not touches and not near)


@pytest.mark.parametrize(("horizon", "embargo"), [(1, 0), (4, 0), (7, 3)])
def test_ten_folds_choose_four_as_in_skfolio(horizon: int, embargo: int) -> None:
    """Combinatorial purged cross-validation: labels of one length, and every choice of four folds of ten held out."""
    selection = pytest.importorskip("skfolio.model_selection")
    count = 400
    t_end = np.arange(count)[:, None] + horizon
    t_end[-horizon:] = count - 1  # there the library has rows, whose labels end with the data
    oracle = selection.CombinatorialPurgedCV(
        n_folds=10, n_test_folds=4, purged_size=horizon, embargo_size=embargo
    ).split(np.zeros((count, 1)))
    equal = 0
    for train, tests in oracle:
        kept = np.ones(count, dtype=np.bool_)
        for fold in {int(place) // 40 for place in np.concatenate(tests)}:
            kept &= usable_for_training(t_end, 0, count, 40 * fold, 40 * fold + 40, embargo)[:, 0]
        equal += np.array_equal(np.nonzero(kept)[0], np.sort(train))
    assert equal == 210


@pytest.mark.parametrize(("horizon", "embargo"), [(1, 0), (4, 0), (7, 3)])
def test_ten_folds_choose_four_by_the_definition(horizon: int, embargo: int) -> None:
    """The twin: kept is a row whose label shares no bar with a tested label, nor follows one within the embargo."""
    count, size = 200, 20
    t_end = np.minimum(np.arange(count) + horizon, count - 1)[:, None]
    splits = list(combinations(range(10), 4))
    assert len(splits) == 210
    for folds in splits:
        kept = np.ones(count, dtype=np.bool_)
        for fold in folds:
            kept &= usable_for_training(t_end, 0, count, size * fold, size * fold + size, embargo)[:, 0]
        looked_at = np.zeros(count + embargo, dtype=np.bool_)
        for s in (place for fold in folds for place in range(size * fold, size * fold + size)):
            looked_at[s : int(t_end[s, 0]) + 1 + embargo] = True
        expected = [not looked_at[t : int(t_end[t, 0]) + 1].any() for t in range(count)]
        np.testing.assert_array_equal(kept, expected)


def test_durations_follow_the_clock() -> None:
    bars = make_bars(24 * 900)
    labels = make_labels(bars.shape, 5, 0)
    windows = walk_forward(WalkForwardConfig(train="1y", test="90d"), bars, labels, memory=24)
    assert windows[0].test.start == round(365.25 * 24)
    assert [window.test.stop - window.test.start for window in windows[:-1]] == [90 * 24] * (len(windows) - 1)
    assert [window.train.start for window in windows] == [90 * 24 * number for number in range(len(windows))]
    assert windows[-1].test.stop == len(bars)
    assert all(window.validation.stop == window.test.start - 24 for window in windows)


def test_a_stretch_without_bars_makes_no_empty_window() -> None:
    bars = make_bars(400, step=24 * HOUR)
    time = bars.time.copy()
    time[200:] += np.timedelta64(365, "D")
    gapped = replace(bars, time=time)
    windows = walk_forward(
        WalkForwardConfig(train="100d", test="30d", expanding=True),
        gapped,
        make_labels(bars.shape, 3, 1),
        memory=0,
    )
    assert all(window.test.rows > 0 for window in windows)
    assert sum(window.test.rows for window in windows) == 300


def test_start_usable_and_until() -> None:
    bars = make_bars(24 * 100)
    labels = make_labels(bars.shape, 5, 0)
    config = WalkForwardConfig(train=200, test=100, start="2020-01-11", embargo=0)
    usable = np.ones(bars.shape, dtype=bool)
    usable[:300] = False
    windows = walk_forward(config, bars, labels, usable=usable)
    assert windows[0].train.start == 240
    assert windows[0].test.start == 440
    assert not windows[0].train.mask[:300].any()
    early = walk_forward(config, bars, labels, usable=usable, until=641)
    assert [window.test.start for window in early] == [440, 540, 640]
    np.testing.assert_array_equal(early[2].train.mask, windows[2].train.mask)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": 500}, r"splits\.train: must be shorter than the data of 500 bars"),
        ({"train": "2y"}, r"splits\.train: must be shorter than the data"),
        (
            {"train": 20, "embargo": 20},
            r"splits\.train \(window 1\): must be longer than the embargo of 20 bars",
        ),
        ({"train": 4}, r"splits\.(train|validation) \(window 1, bars .*rows after the purge"),
        ({"start": "2030-01-01"}, r"splits\.start: must be before the last bar"),
        ({"start": "soon"}, r"splits\.start: must be an ISO date"),
    ],
)
def test_impossible_splits_are_one_line(change: dict[str, object], message: str) -> None:
    bars = make_bars(500)
    labels = label(FixedHorizonConfig(horizon=5, volatility_bars=2, dead_band=0.0), bars)
    config = WalkForwardConfig.model_validate({"train": 200, "test": 50, "embargo": 0, **change})
    with pytest.raises(RegimenError, match=message) as error:
        walk_forward(config, bars, labels)
    assert "\n" not in str(error.value)


def test_one_class_is_nothing_to_learn() -> None:
    bars = make_bars(500)
    labels = label(FixedHorizonConfig(horizon=5, volatility_bars=5, dead_band=1e6), bars)
    with pytest.raises(SplitError, match=r"at least two of the classes SELL, HOLD, BUY.*got \['HOLD'\]"):
        walk_forward(WalkForwardConfig(train=200, test=50), bars, labels)
    with pytest.raises(ConfigError, match=r"splits\.embargo"):
        walk_forward(WalkForwardConfig(train=200, test=50, embargo=-1), bars, labels)
    with pytest.raises(SplitError, match="shape of the bars"):
        walk_forward(WalkForwardConfig(train=200, test=50), make_bars(400), labels)


@pytest.mark.parametrize(
    "wrong",
    [
        {"train": 0}, {"train": "0d"}, {"train": "two years"}, {"train": "5x"}, {"train": 10.5},
        {"train": True}, {"test": -1}, {"validation": 0.0}, {"validation": 0.9}, {"embargo": "all"},
        {"folds": 5},
    ],
)  # fmt: skip
def test_wrong_configs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WalkForwardConfig.model_validate({"train": 100, "test": 10, **wrong})


def test_a_slice_is_made_by_a_splitter_only() -> None:
    rows = np.ones((10, 1), dtype=bool)
    with pytest.raises(SplitError, match="must be made by a splitter"):
        Slice("train", 0, 10, rows, 10)
    with pytest.raises(SplitError, match="must be made by a splitter"):
        Slice("train", 0, 10, rows, 10, token=object())
    bars = make_bars(300)
    part = walk_forward(WalkForwardConfig(train=200, test=50), bars, make_labels(bars.shape, 3, 0))[0].test
    with pytest.raises((SplitError, ValueError, TypeError)):
        replace(part, role="train")
    with pytest.raises(ValueError, match="read-only"):
        part.usable[0, 0] = False
    with pytest.raises(AttributeError):
        part.role = "train"  # type: ignore[misc]
    assert copy.copy(part).role == "test"


def test_take_keeps_the_order_of_positions() -> None:
    bars = make_bars(300, symbols=3, missing=0.1)
    part = walk_forward(WalkForwardConfig(train=200, test=50), bars, make_labels(bars.shape, 3, 0))[0].train
    table = np.arange(300 * 3 * 4).reshape(300, 3, 4)
    times, symbols = part.positions
    np.testing.assert_array_equal(part.take(table), table[times, symbols])
    np.testing.assert_array_equal(part.take(table), table[part.mask])
    assert part.rows == len(times)
    with pytest.raises(SplitError, match="needs a table of the shape"):
        part.take(table[:299])


def nearest(train_x: np.ndarray, train_y: np.ndarray, test_x: np.ndarray) -> np.ndarray:
    distance = ((test_x[:, None, :] - train_x[None, :, :]) ** 2).sum(axis=2)
    return train_y[distance.argmin(axis=1)]


def test_purging_takes_the_false_skill_away() -> None:
    """1-NN on the direction of a random walk: shuffled folds seem skilful, purged windows do not."""
    shuffled, purged = [], []
    for seed in range(6):
        bars = make_bars(1500, seed=seed)
        labels = label(FixedHorizonConfig(horizon=10, dead_band=0.0, volatility_bars=5), bars)
        # What the walk looks like lately: neighbours in time are neighbours here and share most of a label.
        log = np.log(bars.close[:, 0])
        total = np.cumsum(np.r_[0.0, log])
        means = [(total[120:1501] - total[120 - lag : 1501 - lag]) / lag for lag in (10, 30, 60, 120)]
        x = np.full((1500, 1, 3), np.nan)
        x[119:, 0, :] = np.stack([after - before for after, before in pairwise(means)], axis=1)
        warm = np.arange(1500)[:, None] >= 119
        rows = np.nonzero((warm & labels.defined)[:, 0])[0]
        fold = np.random.default_rng(seed).permutation(len(rows)) % 5
        hits = []
        for number in range(5):
            fit, out = rows[fold != number], rows[fold == number]
            hits.append(nearest(x[fit, 0], labels.y[fit, 0], x[out, 0]) == labels.y[out, 0])
        shuffled.append(np.concatenate(hits).mean())
        hits = []
        for window in walk_forward(WalkForwardConfig(train=600, test=150), bars, labels, memory=120, usable=warm):
            known = window.test.take(labels.y) >= 0
            guess = nearest(window.train.take(x), window.train.take(labels.y), window.test.take(x)[known])
            hits.append(guess == window.test.take(labels.y)[known])
        purged.append(np.concatenate(hits).mean())
    assert np.mean(shuffled) > 0.60
    assert abs(np.mean(purged) - 0.5) < 0.04


@pytest.mark.parametrize("expanding", [False, True])
@pytest.mark.parametrize("test", [30, "10%", "40h"])
def test_between_retrainings_the_last_model_trades_on(expanding: bool, test: int | str) -> None:
    """Every k-th window of those that retrain each time, its test span reaching to where the next one retrains."""
    bars, labels = make_bars(400), make_labels((400, 1), 5, 0)
    config = WalkForwardConfig(train=150, test=test, expanding=expanding)
    every = walk_forward(config, bars, labels, memory=3)
    for k in (2, 3, 100):
        some = walk_forward(config.model_copy(update={"retrain_every": k}), bars, labels, memory=3)
        assert [window.number for window in some] == list(range(len(some)))
        assert [window.test.start for window in some] == [window.test.start for window in every[::k]]
        assert [window.test.stop for window in some] == [*(window.test.start for window in every[k::k]), 400]
        for window, alone in zip(some, every[::k], strict=True):
            assert window.train.start == alone.train.start
            np.testing.assert_array_equal(window.train.mask, alone.train.mask)
