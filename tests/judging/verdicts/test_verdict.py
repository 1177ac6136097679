"""The verdict is a pure function of numbers: each level at its threshold, never better for worse numbers."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen import metrics
from regimen.judging import (
    ConstantExposure,
    ControlExperiment,
    Difference,
    Evidence,
    SeedSummary,
    TimingMoments,
    Verdict,
    decide,
)
from regimen.judging.seeds import Distribution

GOOD = Evidence(
    bars=2000,
    total_return=0.8,
    sharpe=1.4,
    sharpe_low=0.5,
    sharpe_high=2.2,
    psr=0.999,
    dsr=0.97,
    trials=14,
    p_random=0.001,
    p_trials=0.0139,
    random_draws=300,
    trades=200,
    positions=120,
    changes=200.0,
    modal_exposure=1.0,
    modal_share=0.6,
    directional_accuracy=0.53,
    chance_accuracy=0.5,
    directional_bars=1500,
    buy_and_hold_return=0.3,
    late_sharpe=1.0,
    break_even_extra_bps=10.0,
    cost_paid_bps=1.5,
    first_half_sharpe=1.5,
    second_half_sharpe=1.3,
    timing=TimingMoments(0.0, 1.35, 1.35 / math.sqrt(252), 0.0, 3.0, 2000),
    bars_a_year=252.0,
)


def test_one_position_is_singular() -> None:
    alarm = next(alarm for alarm in decide(replace(GOOD, positions=1)).alarms if alarm.name == "few positions")
    assert alarm.sentence == "Only 1 position was taken; that is an anecdote."


def test_a_stretch_of_days_is_too_short_whatever_its_number_of_bars() -> None:
    short = decide(replace(GOOD, bars=20_000, days=13.9))
    assert short.level == "too short"
    assert short.sentence == "Too short to judge: 20,000 bars in 13.9 days, and no verdict is given below 14 days."
    assert decide(replace(GOOD, bars=20_000, days=14.0)).level == "evidence"


def test_evidence() -> None:
    verdict = decide(GOOD)
    assert verdict.level == "evidence"
    assert verdict.sentence == (
        "Evidence of an edge: after costs and 14 trials the Deflated Sharpe Ratio of its timing is 0.97, and only "
        "0.1 % of random timings of the same positions do as well (1.4 % for the best of 14 trials); buying and "
        "holding earned less."
    )
    assert all(rule.passed for rule in verdict.rules)
    assert verdict.alarms == ()


@pytest.mark.parametrize(
    ("worst", "low", "level"),
    [(0.3, 0.5, "evidence"), (-0.1, 0.5, "no evidence"), (0.1, -0.01, "no evidence")],
)
def test_a_result_that_hangs_on_its_seed_is_no_evidence(worst: float, low: float, level: str) -> None:
    spread = Distribution(iqm=0.8, low=low, high=1.2, median=0.9, worst=worst, best=1.4)
    verdict = decide(replace(GOOD, seeds=SeedSummary(n=5, sharpe=spread, total_return=spread, level=0.95)))
    assert verdict.level == level
    assert [rule.passed for rule in verdict.rules if rule.name == "seeds"] == [level == "evidence"]
    if level != "evidence":
        assert f"but over 5 seeds the annual Sharpe ratio is {worst:.2f} to 1.40" in verdict.sentence
    assert decide(replace(GOOD, seeds=SeedSummary(1, spread, spread, 0.95))).level == "evidence"


@pytest.mark.parametrize(
    ("changes", "level", "says"),
    [
        ({"dsr": 0.9499}, "no evidence", "0.9499 (0.95 is required)"),
        ({"sharpe_low": -0.01}, "no evidence", "interval"),
        ({"positions": 9}, "no evidence", "9 positions were taken"),
        ({"positions": 1}, "no evidence", "but 1 position was taken;"),
        ({"zero_cost": True}, "no evidence", "timing is 0.97, but no costs were charged;"),
        ({"bars": 1}, "too short", "1 bar, and"),
        ({"p_random": 0.051, "p_trials": 0.051, "trials": 1}, "no evidence", "5.1 % of random timings"),
        ({"p_trials": 0.051}, "no evidence", "(5.1 % for the best of 14 trials)"),
        ({"dsr": 0.41, "psr": 0.8}, "no evidence", "timing is 0.41 (0.95 is required)"),
        ({"total_return": -0.12}, "no evidence", "after costs the policy lost 12.0 %"),
        ({"total_return": -0.12, "psr": 0.0501}, "no evidence", "after costs the policy lost 12.0 %"),
        ({"total_return": -0.12, "psr": 0.05}, "worse than doing nothing", "lost 12.0 %, and its true Sharpe ratio"),
        ({"p_random": math.nan, "p_trials": math.nan}, "no evidence", "no timing"),
        ({"sharpe": 3.01}, "suspicious", "3.01 is above 3"),
        ({"directional_accuracy": 0.61}, "suspicious", "61.0 %"),
        ({"trades": 0, "psr": math.nan, "dsr": math.nan}, "does nothing", "never traded in 2,000 bars"),
        ({"modal_share": 0.995, "changes": 3.0}, "does nothing", "+1.00 in 99.5 %"),
        ({"bars": 99}, "too short", "99 bars"),
        ({"ruined": True, "ruined_at": "2008-10-10T00:00:00Z"}, "not tradable", "wiped out on 2008-10-10"),
    ],
)
def test_each_level_at_its_threshold(changes: dict[str, object], level: str, says: str) -> None:
    verdict = decide(replace(GOOD, **changes))
    assert verdict.level == level
    assert says in verdict.sentence
    assert verdict.sentence.endswith(".")
    assert "nan" not in verdict.sentence
    assert not any("nan" in rule.sentence for rule in verdict.rules)


def test_the_sentence_of_the_issue() -> None:
    evidence = replace(GOOD, dsr=0.41, psr=0.9, buy_and_hold_return=2.0)
    assert decide(evidence).sentence == (
        "No evidence of an edge: after costs and 14 trials the Deflated Sharpe Ratio of its timing is 0.41 (0.95 is "
        "required); buying and holding earned more."
    )


def test_exact_thresholds_pass() -> None:
    verdict = decide(replace(GOOD, dsr=0.95, p_trials=0.05, positions=10, sharpe=3.0, directional_accuracy=0.60))
    assert verdict.level == "evidence"


def test_a_rising_market_is_no_foresight() -> None:
    # 65 % of the moves are up and the policy is always long: no better than chance.
    verdict = decide(replace(GOOD, directional_accuracy=0.65, chance_accuracy=0.65))
    assert verdict.level == "evidence"
    # Seven right out of ten is luck.
    verdict = decide(replace(GOOD, directional_accuracy=0.70, directional_bars=10))
    assert verdict.level == "evidence"


def test_a_rare_trader_does_something() -> None:
    assert decide(replace(GOOD, modal_share=0.995, changes=400.0)).level == "evidence"


def test_without_costs_there_is_no_evidence_but_a_brand() -> None:
    verdict = decide(replace(GOOD, zero_cost=True))
    assert verdict.level == "no evidence"
    assert verdict.sentence.startswith("Without costs: ")
    assert "after costs" not in verdict.sentence
    assert "no costs" in [alarm.name for alarm in verdict.alarms]
    loss = decide(replace(GOOD, zero_cost=True, total_return=-0.1)).sentence
    assert loss.startswith("Without costs: no evidence of an edge: the policy lost 10.0 %")


def test_alarms_say_what_to_look_at() -> None:
    evidence = replace(
        GOOD,
        sharpe=4.2,
        late_sharpe=0.1,
        liquidations=2,
        positions=1,
        break_even_extra_bps=0.5,
        second_half_sharpe=-0.2,
        modal_share=0.99,
    )
    names = [alarm.name for alarm in decide(evidence).alarms]
    assert names == [
        "margin call",
        "Sharpe ratio above 3",
        "collapse",
        "few positions",
        "thin margin",
        "decay",
    ]
    first = next(alarm for alarm in decide(evidence).alarms if alarm.name.startswith("Sharpe"))
    assert "one bar later the same decisions have 0.10" in first.sentence


BETTER = ConstantExposure(1.0, "equal", 0.9, 1.6, 0.15, Difference(-0.05, 0.01), 3)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, True),
        ({"p_random": 0.05}, False),  # its timing beats random timing
        ({"sharpe": 1.7}, False),  # it takes less risk
        ({"constant": replace(BETTER, advantage=Difference(-0.001, 1e-6))}, False),  # a trifle
        ({"constant": replace(BETTER, sharpe=math.nan)}, False),  # holding nothing
        ({"ruined": True}, False),
        ({"trades": 0}, False),
        ({"modal_share": 0.995}, False),  # a collapse says it already
    ],
)
def test_a_constant_is_named_only_where_it_is_better_in_all_respects(changes: dict[str, object], named: bool) -> None:
    evidence = replace(GOOD, **{"p_random": 0.2, "constant": BETTER, **changes})  # type: ignore[arg-type]
    names = [alarm.name for alarm in decide(evidence).alarms]
    assert ("a constant earns more" in names) == named


RANK = {
    "not tradable": 0,
    "too short": 0,
    "does nothing": 0,
    "suspicious": 0,
    "worse than doing nothing": 1,
    "no evidence": 2,
    "evidence": 3,
}


@settings(max_examples=300, deadline=None)
@given(
    st.floats(-0.5, 2.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(-1.0, 1.0),
    st.integers(0, 50),
    st.sampled_from(["total_return", "psr", "dsr", "p_trials", "sharpe_low", "positions"]),
)
def test_worse_numbers_never_make_a_better_verdict(
    total: float, psr: float, dsr: float, p_trials: float, low: float, positions: int, worse: str
) -> None:
    evidence = replace(
        GOOD, total_return=total, psr=psr, dsr=dsr, p_trials=p_trials, sharpe_low=low, positions=positions
    )
    value = getattr(evidence, worse)
    poorer = replace(evidence, **{worse: value + 0.1 if worse == "p_trials" else value - 1})
    assert RANK[decide(poorer).level] <= RANK[decide(evidence).level]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_undefined_numbers_never_crash_and_never_convince(data: st.DataObject) -> None:
    names = [field.name for field in fields(GOOD) if isinstance(getattr(GOOD, field.name), float)]
    names = [name for name in names if name not in ("changes", "modal_exposure", "modal_share")]
    broken = data.draw(st.sets(st.sampled_from(names), min_size=1))
    verdict = decide(replace(GOOD, **dict.fromkeys(broken, math.nan)))
    if broken & {"total_return", "dsr", "p_trials", "sharpe_low"}:
        assert verdict.level in ("no evidence", "worse than doing nothing")
    assert verdict.sentence.endswith(".")


def control(*levels: str) -> ControlExperiment:
    return ControlExperiment("matched martingale", "how", levels, 2.5, 0.4, "On a martingale it earns as much.")


def test_a_control_that_looks_good_as_well_turns_evidence_into_suspicion() -> None:
    verdict = decide(replace(GOOD, controls=(control("no evidence"), control("evidence", "suspicious"))))
    assert verdict.level == "suspicious"
    assert verdict.sentence == "Too good to be believed: on a martingale it earns as much."
    assert [alarm.name for alarm in verdict.alarms] == ["a control looks good"]


@pytest.mark.parametrize("levels", [(), ("no evidence",), ("evidence", "no evidence"), ("does nothing",)])
def test_a_control_that_does_not_changes_nothing(levels: tuple[str, ...]) -> None:
    assert decide(replace(GOOD, controls=(control(*levels),))) == decide(GOOD)


def test_a_control_never_makes_a_verdict_better() -> None:
    for worse in (replace(GOOD, total_return=-0.1), replace(GOOD, dsr=0.9), replace(GOOD, trades=0)):
        assert decide(replace(worse, controls=(control("evidence"),))).level == decide(worse).level


def of_returns(sharpe: float, bars: int, trials: int) -> Verdict:
    """The verdict on normal returns of this per-bar Sharpe ratio: what a judge would measure, to the first order."""
    error = metrics.sharpe_standard_error(sharpe, bars)
    chance = 1.0 - metrics.normal_cdf(sharpe / error)
    evidence = replace(
        GOOD,
        bars=bars,
        total_return=sharpe * 0.01 * bars,
        sharpe=sharpe * math.sqrt(252),
        sharpe_low=(sharpe - 1.96 * error) * math.sqrt(252),
        sharpe_high=(sharpe + 1.96 * error) * math.sqrt(252),
        psr=metrics.psr(sharpe, bars),
        dsr=metrics.dsr(sharpe, bars, 0.0, 3.0, trials, 1.0 / (bars - 1)),
        trials=trials,
        p_random=max(chance, 1e-5),
        p_trials=metrics.best_of(max(chance, 1e-5), trials),
        positions=bars // 10,
        timing=TimingMoments(0.0, sharpe * math.sqrt(252), sharpe, 0.0, 3.0, bars),
    )
    return decide(evidence)


@settings(max_examples=400, deadline=None)
@given(
    st.floats(-0.18, 0.18),
    st.integers(100, 20_000),
    st.integers(1, 3000),
    st.floats(0.0, 0.1),
    st.integers(0, 20_000),
    st.integers(0, 2999),
)
def test_better_returns_fewer_trials_and_more_bars_never_lower_the_level(
    sharpe: float, bars: int, trials: int, better: float, more: int, fewer: int
) -> None:
    level = RANK[of_returns(sharpe, bars, trials).level]
    assert RANK[of_returns(min(sharpe + better, 0.188), bars, trials).level] >= level  # 3 a year would be suspicious
    assert RANK[of_returns(sharpe, bars, max(trials - fewer, 1)).level] >= level
    longer = RANK[of_returns(sharpe, bars + more, trials).level]
    assert longer >= level if sharpe > 0 else longer <= level  # a loss that lasts is a loss for sure


def test_all_three_words_are_reached() -> None:
    levels = {of_returns(sharpe, 2000, 10).level for sharpe in (-0.1, 0.02, 0.15)}
    assert levels == {"worse than doing nothing", "no evidence", "evidence"}
