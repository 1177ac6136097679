"""Which numbers are worth an alert."""

from __future__ import annotations

import math

import pytest

from regimen.monitoring import AlertsConfig, ThresholdConfig, breaches

USUAL = AlertsConfig().thresholds


def test_the_threshold_that_matters_most_gives_the_alert() -> None:
    (mild,) = breaches(USUAL, {"drawdown": 0.12}, 7)
    (grave,) = breaches(USUAL, {"drawdown": 0.151}, 7)
    assert (mild.key, mild.level, mild.title, mild.at) == ("drawdown", "warning", "drawdown 0.12 is above 0.1", 7)
    assert (grave.level, grave.title) == ("critical", "drawdown 0.151 is above 0.15")
    assert breaches(USUAL, {"policy_entropy": 0.05}, 7)[0].level == "critical"


def test_what_is_at_its_threshold_or_has_none_is_worth_nothing() -> None:
    assert breaches(USUAL, {"drawdown": 0.1, "policy_entropy": 0.1, "moon": 9.0, "daily_loss": math.nan}, 7) == ()
    both = {"spread": (ThresholdConfig(min=1.0, max=2.0),)}
    assert [alert.title for alert in breaches(both, {"spread": 2.5}, 0)] == ["spread 2.5 is above 2"]
    assert [alert.title for alert in breaches(both, {"spread": 0.5}, 0)] == ["spread 0.5 is below 1"]


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="min or max must be given"):
        ThresholdConfig()
    with pytest.raises(ValueError, match="longest_retry must be at least first_retry"):
        AlertsConfig(first_retry=10.0, longest_retry=5.0)
