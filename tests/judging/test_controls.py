"""The controls' targets: what they keep of the policy, and what they destroy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen.judging.controls import targets as controls

NAN = float("nan")


def test_standing_keeps_the_last_target() -> None:
    targets = np.array([[NAN, 0.5], [1.0, NAN], [NAN, NAN], [-1.0, 0.0], [NAN, NAN]])
    expected = [[0.0, 0.5], [1.0, 0.5], [1.0, 0.5], [-1.0, 0.0], [-1.0, 0.0]]
    np.testing.assert_array_equal(controls.standing(targets), expected)


def test_buy_and_hold_of_one_symbol_buys_once() -> None:
    targets = controls.buy_and_hold(np.ones((4, 1), dtype=bool))
    assert targets[0, 0] == 1.0
    assert np.isnan(targets[1:]).all()


def test_buy_and_hold_weighs_what_was_seen_so_far() -> None:
    present = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 1, 1]], dtype=bool)
    targets = controls.buy_and_hold(present)
    np.testing.assert_array_equal(targets[0], [1.0, NAN, NAN])
    np.testing.assert_array_equal(targets[1], [0.5, 0.5, NAN])
    assert np.isnan(targets[2]).all()
    np.testing.assert_allclose(targets[3], 1.0 / 3.0)


def test_buy_and_hold_is_causal() -> None:
    random = np.random.default_rng(0)
    present = np.maximum.accumulate(random.random((50, 4)) < 0.05, axis=0)
    whole = controls.buy_and_hold(present)
    for cut in (1, 10, 30):
        np.testing.assert_array_equal(controls.buy_and_hold(present[:cut]), whole[:cut])


def test_late_and_reversed_by_hand() -> None:
    targets = np.array([[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(controls.late(targets), [[0.0], [1.0], [2.0]])
    np.testing.assert_array_equal(controls.time_reversed(targets), [[3.0], [2.0], [1.0]])


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 400), st.integers(0, 100))
def test_shifts_are_distinct_and_never_near_the_original(bars: int, seed: int) -> None:
    draws = controls.draws_for(bars, 1, None)
    found = controls.shifts(bars, draws, seed)
    shortest = controls.shortest_shift(bars)
    assert len(set(found.tolist())) == draws
    assert shortest >= 1
    # The distance on the circle, either way round.
    assert (np.minimum(found, bars - found) >= shortest).all()
    np.testing.assert_array_equal(found, controls.shifts(bars, draws, seed))


def test_a_shift_keeps_exposures_and_turnover() -> None:
    random = np.random.default_rng(1)
    targets = random.choice([-1.0, 0.0, 1.0], (300, 2))
    moved = controls.shifted(targets, 40)
    np.testing.assert_array_equal(np.sort(moved, axis=0), np.sort(targets, axis=0))

    def around(values: np.ndarray) -> float:
        return float(np.abs(values - np.roll(values, 1, axis=0)).sum())

    assert around(moved) == around(targets)
    np.testing.assert_array_equal(moved[40], targets[0])


@pytest.mark.parametrize(
    ("bars", "symbols", "requested", "expected"),
    [
        (5000, 1, None, 300),
        (1_050_000, 1, None, 57),
        (9_000_000, 33, None, 50),
        (5000, 1, 20, 20),
        (40, 1, None, 37),
        (1, 1, None, 0),
    ],
)
def test_number_of_draws(bars: int, symbols: int, requested: int | None, expected: int) -> None:
    assert controls.draws_for(bars, symbols, requested) == expected


def listings(bars: int) -> np.ndarray:
    """Ten symbols: three that are always there, four late ones, two delisted, one there for a while."""
    time = np.arange(bars)[:, None]
    first = np.array([0, 0, 0, bars // 5, bars // 3, bars // 2, 2 * bars // 3, 0, 0, bars // 4])
    last = np.array([bars] * 7 + [bars // 4, bars // 2, 3 * bars // 4])
    return np.asarray((time >= first) & (time < last))


def test_in_a_panel_whose_symbols_come_and_go_a_shift_keeps_the_turnover_of_what_is_listed() -> None:
    bars = 1200
    present = listings(bars)
    random = np.random.default_rng(2)
    signs = np.repeat(random.choice([-1.0, 0.0, 1.0], (bars // 5, 10)), 5, axis=0)
    targets = controls.standing(np.where(present, signs / present.sum(axis=1, keepdims=True), np.nan))

    def traded(rows: np.ndarray) -> float:
        held = np.where(present, rows, 0.0)
        return float(np.abs(np.diff(held, axis=0)).sum())

    def gross(rows: np.ndarray) -> float:
        return float(np.abs(np.where(present, rows, 0.0)).sum(axis=1).mean())

    for moved in (
        *(controls.shifted(targets, shift, present) for shift in (60, 300, 700, 1100)),
        controls.time_reversed(targets, present),
    ):
        assert traded(moved) == pytest.approx(traded(targets), rel=0.08)
        assert gross(moved) == pytest.approx(gross(targets), rel=0.05)
        assert (np.nan_to_num(moved)[~present] == 0.0).all()


def test_symbols_listed_in_both_rows_stay_together() -> None:
    present = listings(1200)
    targets = np.where(present, np.arange(1200.0)[:, None] + np.arange(10) / 10, 0.0)
    moved = controls.shifted(targets, 30, present)
    both = present & np.roll(present, 30, axis=0)
    counts = present.sum(axis=1, keepdims=True)
    expected = np.roll(targets * counts, 30, axis=0) / counts
    np.testing.assert_allclose(moved[both], expected[both], rtol=1e-12)
    # Symbol 5 begins at 600: its listing of 600 bars is turned by 600/1200 of 30 bars, so it begins with its bar 1185.
    assert moved[600, 5] == pytest.approx((1200 - 15 + 0.5) * counts[1185, 0] / counts[600, 0])


@pytest.mark.parametrize("gap", [False, True])
def test_where_every_symbol_is_listed_throughout_rows_are_only_turned(gap: bool) -> None:
    targets = np.random.default_rng(3).normal(size=(50, 3))
    present = np.ones((50, 3), dtype=bool)
    present[20:25, 1] = not gap
    np.testing.assert_array_equal(controls.shifted(targets, 7, present), np.roll(targets, 7, axis=0))
    np.testing.assert_array_equal(controls.time_reversed(targets, present), targets[::-1])
