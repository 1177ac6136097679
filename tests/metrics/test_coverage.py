"""Coverage by month against a loop over bars, with months that are not whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen.metrics import monthly_coverage


def test_each_month_has_the_share_of_its_own_intervals() -> None:
    rng = np.random.default_rng(0)
    time = np.datetime64("2020-01-30") + np.arange(90)
    misses = (rng.random((90, 3)) < 0.1).astype(float)
    misses[rng.random((90, 3)) < 0.3] = np.nan
    misses[2:31] = np.nan  # of February nothing is known
    found = monthly_coverage(time, misses)
    assert found.months.astype(str).tolist() == ["2020-01", "2020-03", "2020-04"]
    for month, share, count in zip(found.months, found.covered, found.counts, strict=True):
        own = [m for t, row in zip(time, misses, strict=True) if str(t)[:7] == str(month) for m in row if m == m]
        assert count == len(own)
        assert share == pytest.approx(1.0 - sum(own) / len(own), rel=1e-12)
    assert found.overall == pytest.approx(1.0 - np.nanmean(misses), rel=1e-12)


def test_a_few_days_are_no_worst_month() -> None:
    time = np.datetime64("2020-01-30") + np.arange(70)
    misses = np.zeros(70)
    misses[0] = 1.0  # one of the two days of January
    misses[10:13] = 1.0
    misses[[40, 41, 42, 43]] = 1.0
    found = monthly_coverage(time, misses)
    assert found.covered[0] == 0.5
    assert str(found.months[found.worst]) == "2020-03"
    assert str(found.months[found.best]) == "2020-02"


def test_without_intervals_there_is_no_coverage() -> None:
    found = monthly_coverage(np.datetime64("2020-01-01") + np.arange(5), np.full((5, 2), np.nan))
    assert len(found.months) == 0
    assert math.isnan(found.overall)
    with pytest.raises(ValueError, match="empty"):
        _ = found.worst
    assert len(monthly_coverage(np.empty(0, "datetime64[ns]"), np.empty(0)).months) == 0
