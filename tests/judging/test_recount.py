"""A verdict follows the trials that were recorded since."""

from __future__ import annotations

import math
from typing import Any

import pytest

from regimen import metrics
from regimen.judging import Trials
from regimen.judging.recount import dsr_now, level_now


def judged(level: str, sharpe: float, p_value: float, others: bool = True, psr: float = 0.99) -> dict[str, Any]:
    names = ("profit", "deflated Sharpe ratio", "Sharpe interval", "random timing", "number of positions", "costs")
    rules = [{"name": name, "passed": others or name == "profit"} for name in names]
    return {
        "verdict": {"level": level, "rules": rules},
        "rows": [{"name": "policy", "psr": psr}],
        "random": {"p_value": p_value},
        "timing": {"sharpe_per_bar": sharpe, "skew": 0.0, "kurtosis": 3.0, "bars": 2000},
    }


@pytest.mark.parametrize(
    ("then", "count", "now"),
    [
        (judged("evidence", 0.1, 0.0001), 1, "evidence"),
        (judged("evidence", 0.1, 0.0001), 20, "evidence"),
        (judged("evidence", 0.1, 0.0001), 1000, "no evidence"),  # 1 - (1 - .0001)^1000 = .095
        (judged("evidence", 0.1, 0.00001), 2000, "weak evidence"),  # the DSR falls first
        (judged("weak evidence", 0.1, 0.0001), 1, "evidence"),
        (judged("weak evidence", 0.1, 0.0001, others=False), 1, "weak evidence"),
        (judged("no evidence", 0.1, 0.0001, others=False, psr=0.9), 1, "no evidence"),
        (judged("no evidence", math.nan, math.nan), 1, "no evidence"),
        (judged("suspicious", 0.1, 0.0001), 1000, "suspicious"),
        (judged("not tradable", 0.1, 0.0001), 1, "not tradable"),
    ],
)
def test_a_verdict_follows_the_trials(then: dict[str, Any], count: int, now: str) -> None:
    assert level_now(then, Trials(count)) == now


def test_the_dsr_of_now_is_that_of_the_timing() -> None:
    found = dsr_now(judged("evidence", 0.06, 0.001), Trials(20, 5.0, timing_variance=0.001))
    assert found == metrics.dsr(0.06, 2000, 0.0, 3.0, 20, 0.001)
