"""A judgement on disk, held against the trials of now instead of those of its day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from regimen import metrics
from regimen.judging.evidence import CONFIDENCE, LUCK
from regimen.judging.trials import Trials
from regimen.judging.verdict import DEFLATED, TIMING, weighed

WEIGHED = ("evidence", "weak evidence", "no evidence")
"""The levels that depend on the number of trials."""


def _known(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def dsr_now(judgement: Mapping[str, Any], trials: Trials) -> float:
    """Returns the Deflated Sharpe Ratio of a judgement's timing by these trials; NaN where it is undefined."""
    timing = judgement["timing"]
    ratio, skew, kurtosis = (_known(timing[name]) for name in ("sharpe_per_bar", "skew", "kurtosis"))
    bars = int(timing["bars"])
    return metrics.dsr(ratio, bars, skew, kurtosis, trials.count, trials.variance_used(bars))


def level_now(judgement: Mapping[str, Any], trials: Trials) -> str:
    """Returns the level of a judgement's verdict by these trials; see `regimen.judging.decide` for the rules.

    Of the rules the trials move two: the Deflated Sharpe Ratio, and the p-value of the best of N timings.
    """
    verdict, policy = judgement["verdict"], judgement["rows"][0]
    level = str(verdict["level"])
    if level not in WEIGHED:
        return level
    passed = {rule["name"]: bool(rule["passed"]) for rule in verdict["rules"]}
    passed[DEFLATED] = dsr_now(judgement, trials) >= CONFIDENCE
    passed[TIMING] = metrics.best_of(_known(judgement["random"]["p_value"]), trials.count) <= LUCK
    return weighed(passed, _known(policy["psr"]))
