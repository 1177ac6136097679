"""A judgement comes back from its file as it was, and its verdict follows the trials that were recorded since."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.judgements import judgement as made_up
from tests.judgements import stored
from tests.markets import random_walk

from regimen import metrics
from regimen.bars import Bars
from regimen.errors import RunError
from regimen.execution import Costs, Market
from regimen.judging import (
    Acting,
    ControlExperiment,
    Judgement,
    Rule,
    SeedRow,
    TimingMoments,
    Trials,
    by_period,
    dsr_now,
    judge,
    judge_seeds,
    level_now,
    market_states,
    seed_summary,
)

Series = NDArray[np.float64]

NAMES = ("profit", "deflated Sharpe ratio", "Sharpe interval", "random timing", "number of positions", "costs")


def judged(level: Any, sharpe: float, p_value: float, others: bool = True, psr: float = 0.99) -> Judgement:
    base = made_up()
    rules = tuple(Rule(name, others or name == "profit", 0.0, "> 0", "It is.") for name in NAMES)
    return replace(
        base,
        verdict=replace(base.verdict, level=level, rules=rules),
        rows=(replace(base.policy, psr=psr),),
        random=replace(base.random, p_value=p_value),
        timing=TimingMoments(0.0, sharpe * 252**0.5, sharpe, 0.0, 3.0, 2000),
    )


@pytest.mark.parametrize(
    ("then", "count", "now"),
    [
        (judged("evidence", 0.1, 0.0001), 1, "evidence"),
        (judged("evidence", 0.1, 0.0001), 20, "evidence"),
        (judged("evidence", 0.1, 0.0001), 1000, "no evidence"),  # 1 - (1 - .0001)^1000 = .095
        (judged("evidence", 0.1, 0.00001), 2000, "no evidence"),  # the DSR falls first
        (judged("weak evidence", 0.1, 0.0001), 1, "evidence"),  # of an earlier version: by the rules of now
        (judged("weak evidence", 0.1, 0.0001, others=False), 1, "no evidence"),
        (judged("worse than doing nothing", -0.1, 0.9, others=False, psr=0.05), 1, "worse than doing nothing"),
        (judged("worse than doing nothing", -0.1, 0.9, others=False, psr=0.05), 1000, "worse than doing nothing"),
        (judged("no evidence", 0.1, 0.0001, others=False, psr=0.9), 1, "no evidence"),
        (judged("no evidence", math.nan, math.nan), 1, "no evidence"),
        (judged("suspicious", 0.1, 0.0001), 1000, "suspicious"),
        (judged("not tradable", 0.1, 0.0001), 1, "not tradable"),
    ],
)
def test_a_verdict_follows_the_trials(then: Judgement, count: int, now: str) -> None:
    assert then.timing is not None
    assert level_now(then, then.timing, Trials(count)) == now


def test_the_dsr_of_now_is_that_of_the_timing() -> None:
    timing = judged("evidence", 0.06, 0.001).timing
    assert timing is not None
    assert dsr_now(timing, Trials(20, 5.0, timing_variance=0.001)) == metrics.dsr(0.06, 2000, 0.0, 3.0, 20, 0.001)


# the file

COSTS = Costs(commission_bps=1.0)


def evaluated(bars: Bars, targets: Series, market: Market, *, drawn: Series | None = None) -> Judgement:
    """As a run does it: with windows, drawn actions where there are any, and two seeds."""
    ledger = market.backtest(bars, targets)
    acting = None if drawn is None else Acting(market.backtest(bars, drawn), 0.69, 0.5, "discrete")
    other = market.backtest(bars, np.roll(ledger.targets, 3, axis=0))
    rows = [SeedRow.of(0, ledger), SeedRow.of(4, other)]
    summary = seed_summary(rows, draws=50)
    found = judge(
        ledger,
        Trials(3, 0.001, effective=2),
        acting=acting,
        draws=5,
        bootstrap_draws=20,
        seeds=summary,
        states=market_states(bars),
    )
    seeds, alarms = judge_seeds(rows, 0, draws=50)
    middle = len(ledger) // 2
    return replace(
        found,
        verdict=replace(found.verdict, alarms=found.alarms + alarms),
        seeds=seeds,
        windows=tuple(by_period(ledger, [0, middle, len(ledger)])),
        skipped_bars=7,
        controls=(
            ControlExperiment("shuffled labels", "how", ("evidence", "no evidence"), -0.3, -0.1, "words"),
            ControlExperiment("reversed features", "how", ()),
        ),
    )


CASES = ("coins", "flat", "constant", "ruined", "without costs", "panel", "alone")


@cache
def cases() -> dict[str, Judgement]:
    bars, panel = random_walk(300), random_walk(150, 3)
    random = np.random.default_rng(0)
    coins, others = random.choice([-1.0, 1.0], (2, 300, 1))
    fair, ruinous = Market(costs=COSTS), Market(costs=Costs(commission_bps=3000.0))
    return {
        "coins": evaluated(bars, coins, fair, drawn=others),
        "flat": evaluated(bars, np.zeros((300, 1)), fair),
        "constant": evaluated(bars, np.ones((300, 1)), fair),
        "ruined": evaluated(bars, coins, ruinous, drawn=np.zeros((300, 1))),
        "without costs": evaluated(bars, coins, Market(costs=Costs())),
        "panel": evaluated(panel, random.choice([0.0, 0.3], (150, 3)), fair),
        "alone": judge(fair.backtest(bars, coins), Trials(1), draws=5, bootstrap_draws=20),
    }


def differences(ours: Any, theirs: Any, at: str = "judgement") -> list[str]:
    """Where two judgements are not the same, field by field; NaN is NaN, and so is an infinity."""
    if is_dataclass(ours):
        if type(ours) is not type(theirs):
            return [f"{at}: {type(ours)} {type(theirs)}"]
        pairs = [(getattr(ours, field.name), getattr(theirs, field.name), field.name) for field in fields(ours)]
        return [line for one, other, name in pairs for line in differences(one, other, f"{at}.{name}")]
    if isinstance(ours, dict):
        if not isinstance(theirs, dict) or ours.keys() != theirs.keys():
            return [f"{at}: other keys"]
        return [line for name in ours for line in differences(ours[name], theirs[name], f"{at}.{name}")]
    if isinstance(ours, tuple):
        if not isinstance(theirs, tuple) or len(ours) != len(theirs):
            return [f"{at}: another length or type"]
        items = enumerate(zip(ours, theirs, strict=True))
        return [line for place, (one, other) in items for line in differences(one, other, f"{at}.{place}")]
    if isinstance(ours, float) and not math.isfinite(ours):
        return [] if isinstance(theirs, float) and math.isnan(theirs) else [f"{at}: {ours} {theirs}"]
    return [] if ours == theirs else [f"{at}: {ours} {theirs}"]


def through_a_file(judgement: Judgement) -> Judgement:
    return Judgement.from_dict(json.loads(json.dumps(judgement.to_dict(), sort_keys=True, allow_nan=False)))


@pytest.mark.parametrize("name", CASES)
def test_a_judgement_comes_back_from_its_file(name: str) -> None:
    case = cases()[name]
    again = through_a_file(case)
    assert differences(case, again) == []
    assert again.to_dict() == case.to_dict()
    assert differences(again, through_a_file(again)) == []


def test_the_cases_hold_every_part_of_a_judgement() -> None:
    assert tuple(cases()) == CASES
    whole = cases()["coins"]
    assert all(getattr(whole, field.name) is not None for field in fields(Judgement))
    assert cases()["alone"].seeds is cases()["alone"].windows is cases()["alone"].modes is None
    assert cases()["ruined"].ruined


def test_drawn_actions_that_differ_by_a_ruin_differ_in_the_file_too() -> None:
    ruined = cases()["ruined"]
    assert ruined.modes is not None
    assert math.isinf(ruined.modes.gap.annual)
    again = through_a_file(ruined).modes
    assert again is not None
    assert math.isnan(again.gap.annual)
    assert again.differ


def test_a_judgement_of_an_earlier_version_lacks_what_it_lacked() -> None:
    values = stored()
    del values["behaviour"]["changes"], values["random"]["arrangements"], values["random"]["p_trials"]
    older = Judgement.from_dict(values)
    assert older.timing is older.charged is older.seeds is older.windows is None
    assert older.information is older.constant is older.modes is older.random.arrangements is None
    assert math.isnan(older.behaviour.changes)
    assert math.isnan(older.random.p_trials)
    assert older.policy.sharpe == 0.391


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verdict": None}, "judgement.verdict: must be a mapping"),
        ({"rows": None}, "judgement.rows: must be a list"),
        ({"rows": [{"name": "policy"}]}, r"judgement.rows.0.label: must be a text"),
        ({"ruined": 1}, "judgement.ruined: must be true or false; got 1"),
        ({"seed": 1.5}, "judgement.seed: must be a whole number; got 1.5"),
        ({"decay": {"first_half_sharpe": "x"}}, "judgement.decay.first_half_sharpe: must be a number; got 'x'"),
        ({"curves": {"time": [], "equity": [], "drawdown": {}}}, "judgement.curves.equity: must be a mapping"),
        ({"charged": {}}, "judgement.charged: must have a sentence"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_its_first_wrong_part(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError, match=message):
        made_up(**changes)
