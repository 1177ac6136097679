"""The p-value of timing: its level, its tail, its ties, and that it is reproducible."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from regimen import metrics
from regimen.metrics.arrangements import _nearly, _ratio


def market_and_signs(
    seed: int, bars: int, edge: float = 0.0, persistence: float = 0.9
) -> tuple[np.ndarray, np.ndarray]:
    """Exposures that keep their sign for a while, and returns of which they explain ``edge`` standard deviations."""
    random = np.random.default_rng([seed, 3])
    signs = np.sign(lfilter([1.0], [1.0, -persistence], random.standard_normal(bars + 100))[100:])
    moves = random.standard_normal(bars) + edge * signs
    return (signs - signs.mean())[:, None], (moves - moves.mean())[:, None]


def test_it_is_exact_where_there_is_no_timing() -> None:
    # 300 markets: the share of p <= a is a, within the 99.8 % binomial interval, at every a.
    values = np.array([metrics.arrangement_p_value(*market_and_signs(seed, 250), 400, seed)[0] for seed in range(300)])
    for level in (0.05, 0.1, 0.25, 0.5, 0.75):
        low, high = stats.binom.ppf([0.001, 0.999], 300, level)
        assert low <= np.count_nonzero(values <= level) <= high


def test_its_tail_is_as_deep_as_many_trials_ask_for() -> None:
    # Shifts alone could not get below 1 / 500 on 500 bars; the best of a hundred needs .0005.
    value, draws = metrics.arrangement_p_value(*market_and_signs(1, 500, edge=0.3), 10_000, 0)
    assert draws == 10_000
    assert value == pytest.approx(1 / 10_001)
    assert metrics.best_of(value, 100) < 0.05


def test_it_agrees_with_the_normal_tail() -> None:
    exposures, moves = market_and_signs(4, 2000, edge=0.04)
    value, _ = metrics.arrangement_p_value(exposures, moves, 20_000, 0)
    earned = (exposures * moves)[:, 0]
    normal = 1.0 - metrics.normal_cdf(earned.sum() / math.sqrt((earned**2).sum()))
    assert value == pytest.approx(normal, rel=0.25)


def test_draws_that_find_no_timing_end_early() -> None:
    value, draws = metrics.arrangement_p_value(*market_and_signs(2, 300, edge=-0.1), 1_000_000, 0)
    assert draws < 1_000
    assert value == 400 / draws


def test_a_constant_ties_with_all_of_its_arrangements() -> None:
    assert metrics.arrangement_p_value(np.zeros((200, 1)), np.ones((200, 1)), 500, 0)[0] == 1.0


def test_the_same_seed_gives_the_same_value() -> None:
    exposures, moves = market_and_signs(3, 300, edge=0.1)
    first = metrics.arrangement_p_value(exposures, moves, 2000, 7)
    assert first == metrics.arrangement_p_value(exposures, moves, 2000, 7)
    assert first != metrics.arrangement_p_value(exposures, moves, 2000, 8)


def test_the_symbols_of_a_row_stay_together() -> None:
    # Two symbols, one the hedge of the other: a row alone earns nothing, its halves apart would.
    random = np.random.default_rng(0)
    one = random.standard_normal((400, 1))
    exposures, moves = np.hstack([one, one]), np.hstack([np.ones((400, 1)), -np.ones((400, 1))])
    assert metrics.arrangement_p_value(exposures, moves, 500, 0)[0] == 1.0


@pytest.mark.parametrize(("p", "trials", "expected"), [(0.05, 1, 0.05), (0.001, 100, 0.0952), (1.0, 20, 1.0)])
def test_the_best_of_many(p: float, trials: int, expected: float) -> None:
    assert metrics.best_of(p, trials) == pytest.approx(expected, abs=5e-5)


def test_four_sums_are_one_sum_but_for_the_last_digits() -> None:
    exposures, moves = market_and_signs(6, 501, edge=0.1)
    random = np.random.default_rng(0)
    for _ in range(200):
        cuts, order = np.sort(random.integers(0, 501, 8)), random.permutation(8)
        place = int(random.integers(0, 501))
        slow = _ratio(exposures, moves, cuts, order, place)
        assert _nearly(exposures[:, 0].copy(), moves[:, 0].copy(), cuts, order, place) == pytest.approx(slow, rel=1e-12)


def test_it_counts_what_one_sum_counts() -> None:
    exposures, moves = market_and_signs(7, 300, edge=0.08)
    beside = np.column_stack([exposures[:, 0], np.zeros(300)]), np.column_stack([moves[:, 0], np.zeros(300)])
    for seed in range(5):  # two symbols are summed in one sum, and the second of these is nothing
        alone = metrics.arrangement_p_value(exposures, moves, 2000, seed)
        assert alone == metrics.arrangement_p_value(*beside, 2000, seed)
