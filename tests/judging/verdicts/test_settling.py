"""What would settle a verdict is what the rules themselves say once it is there."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.judging.verdicts.test_verdict import GOOD

from regimen import metrics
from regimen.judging import TimingMoments, Trials
from regimen.judging.verdicts.settling import bars_needed, deflated_record, most_trials


def dsr(sharpe: float, bars: int, skew: float, kurtosis: float, trials: int, variance: float | None) -> float:
    """As the judge takes it, of a record of so many bars."""
    used = Trials(trials, timing_variance=variance).variance_used(bars)
    return metrics.dsr(sharpe, bars, skew, kurtosis, trials, used)


@settings(max_examples=300, deadline=None)
@given(
    st.floats(0.02, 0.3),
    st.floats(-1.0, 1.0),
    st.floats(3.0, 9.0),
    st.integers(1, 2000),
    st.one_of(st.none(), st.floats(0.0, 0.002)),
)
def test_the_dsr_is_reached_with_that_record_and_not_with_a_bar_less(
    sharpe: float, skew: float, kurtosis: float, trials: int, variance: float | None
) -> None:
    record = deflated_record(sharpe, skew, kurtosis, trials, variance)
    if math.isinf(record):
        assert variance is not None
        assert dsr(sharpe, 10**9, skew, kurtosis, trials, variance) < 0.95
        return
    bars = math.ceil(record)
    if bars > 3:
        assert dsr(sharpe, bars + 1, skew, kurtosis, trials, variance) >= 0.95
        assert dsr(sharpe, bars - 2, skew, kurtosis, trials, variance) < 0.95


def test_with_one_trial_it_is_the_minimum_track_record() -> None:
    # Bailey and López de Prado (2012): 1 + (1 - skew·SR + (kurtosis - 1)/4·SR²)·(1.645 / SR)²
    assert deflated_record(0.1, -0.5, 5.0, 1, None) == pytest.approx(metrics.minimum_track_record(0.1, -0.5, 5.0))
    assert deflated_record(0.1, 0.0, 3.0, 1, None) == pytest.approx(1 + (1 + 0.005) * (1.6448536 / 0.1) ** 2)


def test_a_record_that_no_length_reaches_is_infinite() -> None:
    assert math.isinf(deflated_record(-0.01, 0.0, 3.0, 1, None))
    # ten trials whose Sharpe ratios spread by .1 a bar: their best shows .157 by luck, at every length
    assert math.isinf(deflated_record(0.15, 0.0, 3.0, 10, 0.01))
    assert math.isfinite(deflated_record(0.16, 0.0, 3.0, 10, 0.01))
    assert math.isnan(deflated_record(math.nan, 0.0, 3.0, 10, 0.01))


def test_each_rule_needs_at_most_the_bars_that_there_are_where_it_is_passed() -> None:
    assert all(bars <= GOOD.bars for bars in bars_needed(GOOD).values())
    # half of the interval's width is needed to be away from 0: (1.4 - low) = 1.4 wants the bars there are
    assert bars_needed(replace(GOOD, sharpe_low=0.0))["Sharpe interval"] == GOOD.bars
    assert bars_needed(replace(GOOD, sharpe_low=-1.4))["Sharpe interval"] == 4 * GOOD.bars
    assert bars_needed(replace(GOOD, positions=5))["number of positions"] == 2 * GOOD.bars
    assert bars_needed(replace(GOOD, trials=1, p_random=0.05))["random timing"] == pytest.approx(GOOD.bars)
    assert math.isinf(bars_needed(replace(GOOD, p_random=0.6))["random timing"])
    assert math.isinf(bars_needed(replace(GOOD, total_return=-0.1))["profit"])


@settings(max_examples=200, deadline=None)
@given(st.floats(-0.05, 0.2), st.floats(1e-5, 0.2), st.one_of(st.none(), st.floats(0.0, 0.002)))
def test_the_most_trials_pass_both_rules_and_one_more_does_not(
    sharpe: float, p_random: float, variance: float | None
) -> None:
    timing = TimingMoments(0.0, sharpe * math.sqrt(252), sharpe, 0.0, 3.0, 2000)
    most = most_trials(replace(GOOD, timing=timing, p_random=p_random, trials_variance=variance))

    def passes(trials: int) -> bool:
        lucky = metrics.best_of(p_random, trials) <= 0.05 + 1e-12
        return lucky and dsr(sharpe, 2000, 0.0, 3.0, trials, variance) >= 0.95

    assert most == 0 or passes(most)
    assert not passes(most + 1)
