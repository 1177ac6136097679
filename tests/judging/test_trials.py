"""The trials behind a result."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen import metrics
from regimen.errors import ConfigError
from regimen.judging import Trials


def test_unknown_variance_is_that_of_trials_without_skill() -> None:
    assert Trials(1).variance_used(501) == 1 / 500
    assert Trials(40, math.nan).variance_used(501) == 1 / 500


@pytest.mark.parametrize("count", [2, 10, 1020])
def test_the_variance_is_never_below_that_of_trials_without_skill(count: int) -> None:
    assert Trials(count, 1e-9).variance_used(501) == 1 / 500
    assert Trials(count, 0.01).variance_used(501) == 0.01


def test_copies_of_a_trial_do_not_lower_the_bar() -> None:
    """Best of 20 without skill, beside 1,000 near copies of one: false alarms stay at the nominal rate."""
    generator = np.random.default_rng(0)
    bars, markets, alarms = 500, 2000, {"honest": 0, "copied": 0}
    for sharpes in generator.standard_normal((markets, 20)) / math.sqrt(bars):
        copied = np.append(sharpes, sharpes[0] + 1e-4 * generator.standard_normal(1000))
        for name, tried in (("honest", sharpes), ("copied", copied)):
            trials = Trials(len(tried), float(np.var(tried, ddof=1)))
            best = metrics.dsr(float(tried.max()), bars, 0.0, 3.0, trials.count, trials.variance_used(bars))
            alarms[name] += best >= 0.95
    assert alarms["copied"] <= alarms["honest"] <= 0.05 * markets


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"count": 0}, "trials.count: must be at least 1"),
        ({"count": 3, "sharpe_variance": -0.1}, "trials.sharpe_variance: must not be negative"),
        ({"count": 3, "timing_variance": -0.1}, "trials.timing_variance: must not be negative"),
        ({"count": 3, "effective": 4}, "trials.effective: must be from 1 to the count of 3"),
    ],
)
def test_impossible_trials_are_refused(values: dict[str, float], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        Trials(**values)  # type: ignore[arg-type]
