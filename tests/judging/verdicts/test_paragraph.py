"""The paragraph of a verdict names what decided, the trials, and what would settle it, in plain English."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.judging.verdicts.test_verdict import GOOD

from regimen.judging import ControlExperiment, Evidence, TimingMoments, decide


def with_timing(sharpe: float, **changes: object) -> Evidence:
    """GOOD with another Sharpe ratio of one bar of its timing."""
    timing = TimingMoments(0.0, sharpe * math.sqrt(252), sharpe, 0.0, 3.0, GOOD.bars)
    return replace(GOOD, timing=timing, **changes)  # type: ignore[arg-type]


def test_evidence_says_what_it_could_have_done_without() -> None:
    text = decide(GOOD).paragraph
    # sqrt(T - 1)·SR must reach E[max of 14] + 1.645: 1,587 bars at .0850; the interval: 2000·(0.9 / 1.4)² = 827
    assert text == (
        "Every rule is passed; the one that had the least to spare is the Deflated Sharpe Ratio of its timing (0.97, "
        "at least 0.95 is required). At the same result per bar 1,587 bars of the 2,000 would have been enough. 14 "
        "trials were counted on this market. On these bars it would still be evidence after 36 trials."
    )


def test_no_evidence_says_how_many_more_bars_or_how_few_trials() -> None:
    text = decide(with_timing(0.06, dsr=0.81)).paragraph
    assert text == (
        "What decided is the deflated Sharpe ratio: the Deflated Sharpe Ratio of its timing over 14 trials is 0.81 (at "
        "least 0.95 is required). It is a profit that chance hardly makes in one trial (PSR 0.999), so it is worth "
        "settling. 14 trials were counted on this market. At the same result per bar 1,184 more bars (4.7 years) would "
        "settle it. On these bars it would be evidence as the best of 3 trials at most."
    )


def test_a_spread_of_trials_that_no_record_overcomes_is_never_settled() -> None:
    text = decide(with_timing(0.06, dsr=0.01, trials_variance=0.01)).paragraph
    assert "never settle it: its timing is not better than the luck of the best of 14 trials." in text
    assert text.endswith("On these bars it would be evidence as the best of 1 trial at most.")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"total_return": -0.1, "psr": 0.3}, "never settle it: it does not earn anything. Nor is it a matter of the"),
        ({"total_return": -0.1, "psr": 0.01}, "the PSR, the probability that its true Sharpe ratio is above 0: 0.01"),
        ({"p_random": 0.2, "p_trials": 0.96}, "the random timing: 20.0 % of random timings"),
        ({"p_random": 0.6, "p_trials": 1.0}, "never settle it: its timing earns nothing beyond what it holds"),
        ({"p_random": 0.2, "p_trials": 0.96}, "Nor would fewer trials: it would not be evidence as the only one"),
        ({"positions": 4}, "4 positions were taken (at least 10 is required)."),
        ({"positions": 4}, "3,000 more bars (11.9 years) would settle it."),
        ({"zero_cost": True}, "the costs: no costs were charged."),
        ({"sharpe": 3.2}, "Nothing was weighed: what is better than markets allow is an error"),
        ({"bars": 60}, "with 40 bars more it can be."),
        ({"bars": 60, "days": 9.5}, "with 40 bars and 5 days more it can be."),
        ({"ruined": True}, "is not brought back by more bars"),
        ({"trades": 0}, "there is no timing in it"),
    ],
)
def test_each_case_says_its_own(changes: dict[str, object], says: str) -> None:
    assert says in decide(replace(GOOD, **changes)).paragraph  # type: ignore[arg-type]


def test_a_control_that_looks_good_is_the_reason() -> None:
    control = ControlExperiment(
        "matched martingale", "how", ("evidence",), 2.5, 0.4, "On a martingale it earns as much."
    )
    text = decide(replace(GOOD, controls=(control,))).paragraph
    assert text.startswith("Nothing was weighed: where there is nothing to find the same looks good as well")


def test_the_only_trial_is_not_asked_to_be_fewer() -> None:
    text = decide(with_timing(0.03, dsr=0.9, trials=1)).paragraph
    assert "1 trial was counted on this market." in text
    assert text.endswith("would settle it.")


@settings(max_examples=300, deadline=None)
@given(
    st.floats(-0.2, 0.2),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(-1.0, 1.0),
    st.integers(0, 50),
    st.integers(1, 10_000),
    st.sampled_from([0.5, -0.5, math.nan]),
)
def test_it_is_plain_text_whatever_the_numbers(
    timing: float, psr: float, dsr: float, p: float, low: float, positions: int, trials: int, total: float
) -> None:
    changes = {"psr": psr, "dsr": dsr, "p_random": p, "p_trials": p, "sharpe_low": low, "positions": positions}
    text = decide(with_timing(timing, trials=trials, total_return=total, **changes)).paragraph
    assert re.fullmatch(r"[A-Z].*\.", text)
    assert not re.search(r"\bnan\b|\binf\b|  ", text)
    assert f"{trials:,} trial" in text
