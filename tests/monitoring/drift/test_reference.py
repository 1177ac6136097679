"""The drift alarm: its threshold by a slow twin, its stream, its files, its false alarms and what it finds."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError, RunError
from regimen.monitoring import DriftConfig, DriftMemory, DriftReference
from regimen.monitoring.bounds import upper_bound

Floats = NDArray[np.float64]
CONFIG = DriftConfig(window=40, checks=4, bins=5)
NAMES = ("slow", "fast", "flag", "empty")


def rows(count: int, seed: int = 0) -> Floats:
    """Four columns: slow and fast autoregressions, a rare flag, one without a value; some values missing."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal((count, 2))
    paths = np.zeros((count, 2))
    for t in range(1, count):
        paths[t] = np.array([0.9, 0.2]) * paths[t - 1] + shocks[t]
    table = np.column_stack([paths, rng.random(count) < 0.02, np.full(count, np.nan)])
    table[rng.random(count) < 0.03, 1] = np.nan
    return table


def shares(values: Floats, edges: Floats, bins: int) -> Floats:
    counts = np.full(bins + 1, 0.5)
    for value in values:
        counts[bins if np.isnan(value) else sum(value >= edge for edge in edges)] += 1.0
    return counts / counts.sum()


def distance(window: Floats, slice_: Floats, edges: Floats, bins: int) -> float:
    p, q = shares(window, edges, bins), shares(slice_, edges, bins)
    return float(np.sum((p - q) * np.log(p / q))) + bins / len(window)


def test_threshold_and_statistic_are_those_of_a_slow_twin() -> None:
    """A second way: windows of rows cut out of the slice one by one, with nothing shared between them."""
    table = rows(323)
    reference = DriftReference.of(table, NAMES, CONFIG)
    used = table[3:]  # whole stretches of ten
    edges = [np.unique(np.quantile(c[np.isfinite(c)], [0.2, 0.4, 0.6, 0.8])) if np.isfinite(c).any() else np.empty(0)
             for c in table.T]  # fmt: skip
    starts = range(0, 320 - 40 + 1, 10)
    logs = np.empty((len(starts), 4))
    for k, start in enumerate(starts):
        rest = np.concatenate([used[:start], used[start + 40 :]])
        for j in range(4):
            logs[k, j] = math.log(distance(used[start : start + 40, j], rest[:, j], edges[j], 5))
    scores = []
    for first in range(0, len(starts) - 3, 4):
        held_rows = set(range(starts[first], starts[first + 3] + 40))
        apart = [k for k, start in enumerate(starts) if not held_rows & set(range(start, start + 40))]
        centre = logs[apart].mean(axis=0)
        scores.append(max((logs[k] - centre).max() for k in range(first, first + 4)))
    np.testing.assert_allclose(reference.threshold, math.exp(upper_bound(np.array(scores), 0.05)), rtol=1e-12)
    assert reference.groups == len(scores)

    later = rows(57, seed=1)
    state = reference.initial()
    for row in later:
        state = reference.observe(state, row)
    reading = reference.reading(state)
    usual = np.exp(logs.mean(axis=0))
    expected = [distance(later[10:50, j], used[:, j], edges[j], 5) / usual[j] for j in range(4)]
    assert reading is not None
    np.testing.assert_allclose(reading.statistic, max(expected), rtol=1e-12)
    assert [column.name for column in reading.worst] == [NAMES[j] for j in np.argsort(expected)[::-1]]


def test_a_step_changes_no_state_and_a_reading_comes_with_each_check() -> None:
    reference = DriftReference.of(rows(400), NAMES, CONFIG)
    state, due = reference.initial(), []
    for row in rows(75, seed=1):
        before = DriftMemory(*(part.copy() for part in state))
        following = reference.observe(state, row)
        for part, kept in zip(state, before, strict=True):
            np.testing.assert_array_equal(part, kept)
        state = following
        due.append(reference.is_due(state))
        assert (reference.reading(state) is None) == (int(state.bars) < 40)
    assert list(np.flatnonzero(due) + 1) == [40, 50, 60, 70]


def test_the_latest_check_of_rows_is_that_of_a_stream_of_them() -> None:
    reference, table = DriftReference.of(rows(400), NAMES, CONFIG), rows(75, seed=1)
    table[20:23] = np.nan
    state = reference.initial()
    for count, row in enumerate(table, 1):
        state = reference.observe(state, row)
        assert reference.latest(table[:count]) == reference.reading(state)


def test_rows_without_a_number_are_not_counted() -> None:
    table = rows(400)
    apart = np.insert(table, [0, 0, 100, 390], np.nan, axis=0)
    assert DriftReference.of(apart, NAMES, CONFIG).to_dict() == DriftReference.of(table, NAMES, CONFIG).to_dict()
    reference = DriftReference.of(table, NAMES, CONFIG)
    state = reference.observe(reference.initial(), table[0])
    assert reference.observe(state, np.full(4, np.nan)) is state


def test_what_was_fitted_comes_back_from_json() -> None:
    reference = DriftReference.of(rows(400), NAMES, CONFIG)
    again = DriftReference.of_dict(json.loads(json.dumps(reference.to_dict(), allow_nan=False)))
    assert again.to_dict() == reference.to_dict()
    states = [reference.initial(), again.initial()]
    for row in rows(60, seed=2):
        states = [each.observe(state, row) for each, state in zip((reference, again), states, strict=True)]
    assert reference.reading(states[0]) == again.reading(states[1])
    assert "rings above" in repr(reference)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match=r"drift: needs a training slice of 6 windows of 40 bars .*; got '200 rows'"):
        DriftReference.of(rows(200), NAMES, CONFIG)
    with pytest.raises(DataError, match="as it has names"):
        DriftReference.of(rows(400), NAMES[:2], CONFIG)
    reference = DriftReference.of(rows(400), NAMES, CONFIG)
    with pytest.raises(DataError, match="must have 4 columns; got 3"):
        reference.observe(reference.initial(), np.zeros(3))
    whole = reference.to_dict()
    with pytest.raises(RunError, match="damaged"):
        DriftReference.of_dict({**whole, "usual": [1.0]})
    with pytest.raises(RunError, match="damaged"):
        DriftReference.of_dict({name: value for name, value in whole.items() if name != "counts"})
    with pytest.raises(ConfigError, match=r"drift\.bims"):
        DriftReference.of_dict({**whole, "config": {"bims": 3}})
    with pytest.raises(ValueError, match="multiple of checks"):
        DriftConfig(window=42, checks=4)


def test_a_month_is_a_multiple_of_the_checks() -> None:
    assert DriftConfig().bars(8766.0) == 732
    assert DriftConfig().bars(252.0) == 20
    assert DriftConfig(checks=7).bars(12.0) == 14


def test_statistics_of_rows_have_the_bits_of_a_stream_of_them() -> None:
    reference = DriftReference.of(rows(400), NAMES, CONFIG)
    table, memory, stream = rows(133, seed=3), reference.initial(), []
    table[5] = np.nan
    for row in table:
        memory = reference.observe(memory, row)
        reading = reference.reading(memory)
        if reference.is_due(memory) and reading is not None:
            stream.append(reading.statistic)
    assert len(stream) == 10
    np.testing.assert_array_equal(reference.statistics(table), stream)
    assert reference.statistics(table[:30]).shape == (0,)


def rung(reference: DriftReference, table: Floats) -> list[bool]:
    """Whether each window of rows rang at any of its checks, once the first is complete."""
    bells, checks = reference.statistics(table) > reference.threshold, reference.config.checks
    return [bool(bells[k : k + checks].any()) for k in range(0, len(bells) - checks + 1, checks)]


def test_windows_ring_as_often_as_was_asked_for_where_nothing_changes_and_when_the_spread_doubles() -> None:
    """Sizes of autoregressions, on a quarter of whose windows the textbook's limit of .2 rings."""
    config = DriftConfig(window=120, checks=2)
    clock, textbook, found = [], [], []
    for seed in range(36):
        table = np.abs(rows(120 * 22, seed)[:, :2])
        reference = DriftReference.of(table[: 120 * 12], NAMES[:2], config)
        clock += rung(reference, table[120 * 12 :])
        found.append(any(rung(reference, 2.0 * table[120 * 12 : 120 * 14])))
        state = reference.initial()
        for row in table[120 * 12 : 120 * 13]:
            state = reference.observe(state, row)
        reading = reference.reading(state)
        assert reading is not None
        textbook.append(any(column.psi > 0.2 for column in reading.worst))
    assert len(clock) >= 300
    assert np.mean(clock) <= 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / 300)
    assert np.mean(found) >= 0.9
    assert np.mean(textbook) >= 0.15
