"""What a policy does: histogram, bets and directional accuracy by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen.judging.behaviour import Conduct, behaviour


def described(targets: list[float], close: list[float] | None = None) -> Conduct:
    column = np.array(targets)[:, None]
    prices = np.arange(1.0, len(targets) + 1.0)[:, None] if close is None else np.array(close)[:, None]
    opens = np.vstack((prices[:1], prices[:-1]))
    turnover = np.abs(np.diff(column[:, 0], prepend=0.0))
    return behaviour(column, column, turnover, opens, prices, np.ones(column.shape, dtype=bool))[0]


def test_shares_and_bets_by_hand() -> None:
    found = described([0.0, 1.0, 1.0, -1.0, 0.0, 1.0, 1.0, 1.0])
    assert (found.long_share, found.short_share, found.flat_share) == (0.625, 0.125, 0.25)
    assert (found.positions, found.trades, found.changes) == (3, 4, 4.0)
    assert (found.modal_exposure, found.modal_share) == (1.0, 0.625)
    assert sum(found.histogram) == pytest.approx(1.0)
    assert found.histogram[10] == 0.25
    assert found.centres[10] == 0.0
    assert (found.centres[0], found.centres[-1]) == (-1.0, 1.0)


def test_direction_is_that_of_the_exposure_held_through_the_move() -> None:
    # No move; +1 up, +1 down, −1 down, 0 up (not counted), +1 without a move (not counted).
    found = described([1.0, 1.0, 1.0, -1.0, 0.0, 1.0], close=[10.0, 11.0, 10.0, 9.0, 10.0, 10.0])
    assert found.directional_bars == 3
    assert found.directional_accuracy == pytest.approx(2 / 3)
    # Up 1 of 3, long 2 of 3: p_up·p_long + (1 − p_up)(1 − p_long).
    assert found.chance_accuracy == pytest.approx(1 / 3 * 2 / 3 + 2 / 3 * 1 / 3)


def test_yesterdays_direction_is_no_foresight_and_todays_is() -> None:
    moves = np.random.default_rng(0).choice([-1.0, 1.0], 2000)
    close = (1000.0 + np.cumsum(moves)).tolist()
    assert described(moves.tolist(), close).directional_accuracy == 1.0
    yesterday = np.append(0.0, moves[:-1]).tolist()
    assert described(yesterday, close).directional_accuracy == pytest.approx(0.5, abs=0.04)


def test_a_constant_is_a_collapse_and_nothing_is_nothing() -> None:
    constant = described([0.5] * 20)
    assert (constant.modal_share, constant.modal_exposure, constant.changes) == (1.0, 0.5, 0.0)
    nothing = described([0.0] * 20)
    assert (nothing.modal_share, nothing.positions, nothing.directional_bars) == (1.0, 0, 0)
    assert math.isnan(nothing.directional_accuracy)


def test_absent_bars_are_not_counted() -> None:
    targets = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    present = np.array([[True, False], [True, True], [True, False]])
    close = np.where(present, [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], np.nan)
    found, modal_targets = behaviour(targets, targets, np.ones(3), close - 0.5, close, present)
    assert modal_targets.tolist() == [1.0, 0.0]
    assert (found.long_share, found.flat_share) == (0.75, 0.25)
    assert found.modal_share == 1.0
    assert found.directional_bars == 3
