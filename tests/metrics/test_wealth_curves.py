"""Daily returns: bars of one day compounded, nothing lost, days without a bar left out."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.metrics import daily_returns


@pytest.mark.parametrize("step", [1, 6, 24, 50])
def test_they_compound_to_the_same_wealth(step: int) -> None:
    time = np.datetime64("2020-02-27T05", "ns") + np.arange(200) * np.timedelta64(step, "h")
    returns = np.random.default_rng(0).normal(0.0, 0.02, 200)
    days, daily = daily_returns(time, returns)
    assert len(days) == len(daily) == len(np.unique(time.astype("datetime64[D]")))
    assert np.prod(1.0 + daily) == pytest.approx(np.prod(1.0 + returns), rel=1e-12)
    inside = time.astype("datetime64[D]") == days[3]
    assert daily[3] == pytest.approx(np.prod(1.0 + returns[inside]) - 1.0, abs=1e-15)


def test_daily_bars_stay_as_they_are() -> None:
    time, returns = np.arange("2020-01-01", "2020-01-11", dtype="datetime64[D]"), np.linspace(-0.1, 0.1, 10)
    days, daily = daily_returns(time.astype("datetime64[ns]"), returns)
    assert np.array_equal(days, time)
    assert np.array_equal(daily, returns)
