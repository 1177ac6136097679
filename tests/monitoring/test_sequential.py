"""The verdict that goes on: its wealth by hand, its mean under what it bets against, its errors and its delay."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.monitoring import SequentialVerdictConfig
from regimen.monitoring.sequential import STAKES

Floats = NDArray[np.float64]
CONFIG = SequentialVerdictConfig(claimed=1.5, volatility=0.01 * math.sqrt(252.0), days_per_year=252.0)


def decided(returns: Floats, config: SequentialVerdictConfig = CONFIG) -> Floats:
    """Days (path, 2) until each bet had 1 / level, infinite where it never had."""
    test = config.build()
    memory = test.initial((len(returns),))
    after = np.full((len(returns), 2), np.inf)
    for day, row in enumerate(returns.T, 1):
        memory = test.observe(memory, row)
        after[(memory.best >= -math.log(config.level)) & np.isinf(after)] = day
    return after


def test_wealth_is_that_of_a_count_by_hand() -> None:
    days = 0.01 * np.random.default_rng(1).standard_normal(23)
    days[4] = -0.09  # more than the bet against nothing may lose
    test = CONFIG.build()
    memory = test.initial()
    for day in days:
        memory = test.observe(memory, day)
    claim, zero, variance, kept = np.ones(4), np.ones(4), 0.0001, 0.5 ** (5 / 250)
    for block in days[:20].reshape(4, 5):
        x, s, stakes = block.sum() / math.sqrt(5 * variance), 1.5 * math.sqrt(5 / 252), STAKES * math.sqrt(5)
        claim *= [max(1 + stake * (s - x), 0.1) for stake in stakes]
        zero *= [max(1 + stake * x, 0.1) for stake in stakes]
        variance = kept * variance + (1 - kept) * (block**2).mean()
    reading = test.reading(memory)
    assert reading.days == 23
    np.testing.assert_allclose([reading.against_claim, reading.above_zero], [claim.mean(), zero.mean()], rtol=1e-12)


def test_where_what_is_bet_against_is_true_the_mean_wealth_does_not_grow() -> None:
    """With the deviation known the stakes are a martingale: mean 1, up to what large losses are spared."""
    config = CONFIG.model_copy(update={"half_life": 1e9})
    rng, test = np.random.default_rng(2), config.build()
    for truth, bet in ((1.5, 0), (0.0, 1)):
        memory = test.initial((20_000,))
        for _ in range(60):
            memory = test.observe(memory, 0.01 * (rng.standard_normal(20_000) + truth / math.sqrt(252.0)))
        wealth = np.exp(memory.wealth[:, bet, :3])
        error = wealth.std(axis=0) / math.sqrt(20_000)
        assert (np.abs(wealth.mean(axis=0) - 1.0) < 4.0 * error).all()


@pytest.mark.parametrize("tails", [3.0, 1e6], ids=["heavy", "normal"])
def test_a_true_claim_is_hardly_ever_contradicted_and_a_false_one_is_in_time(tails: float) -> None:
    """Ten years of days on 500 paths; the bound on whole paths is 5 %."""
    rng = np.random.default_rng(3)
    noise = rng.standard_t(tails, (500, 2520)) * math.sqrt((tails - 2.0) / tails)
    by_truth = {truth: decided(0.01 * (noise + truth / math.sqrt(252.0))) for truth in (1.5, 0.0, -1.0)}
    assert np.isfinite(by_truth[1.5][:, 0]).mean() <= 0.05
    assert np.isfinite(by_truth[0.0][:, 1]).mean() <= 0.05
    assert 1.0 < np.median(by_truth[0.0][:, 0]) / 252.0 < 4.0
    assert np.median(by_truth[-1.0][:, 0]) / 252.0 < 1.5
    assert np.isfinite(by_truth[-1.0][:, 0]).mean() > 0.97


def test_what_was_decided_once_stays_and_no_step_changes_a_memory() -> None:
    test = CONFIG.build()
    memory = test.initial()
    for _ in range(200):
        before = [part.copy() for part in memory]
        following = test.observe(memory, -0.003)
        for part, kept in zip(memory, before, strict=True):
            np.testing.assert_array_equal(part, kept)
        memory = following
    assert test.reading(memory).contradicts
    for _ in range(2000):
        memory = test.observe(memory, 0.01)
    reading = test.reading(memory)
    assert reading.against_claim < 1.0
    assert reading.contradicts
    assert reading.earns
    assert test.observe(memory, math.nan) is memory


def test_an_account_that_wakes_up_does_not_decide_by_one_day() -> None:
    test = CONFIG.build()
    memory = test.initial()
    for _ in range(100):
        memory = test.observe(memory, 0.0)
    for day in (-0.02, 0.0, 0.0, 0.0, 0.0):
        memory = test.observe(memory, day)
    assert not test.reading(memory).contradicts
