"""Daily returns: those of the account, and the same again after they were text."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import random_walk

from regimen.bars import Bars
from regimen.errors import RunError
from regimen.execution import Costs, Ledger, Market
from regimen.records import DailyReturns, daily_text


def hourly(bars: int = 100) -> Ledger:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, bars)))
    time = np.datetime64("2020-01-01T15:00", "ns") + np.arange(bars) * np.timedelta64(1, "h")
    market = Bars.from_arrays(time, open=close, high=close, low=close, close=close, checked=False)
    return Market(costs=Costs(commission_bps=5.0)).backtest(market, np.resize([1.0, 0.0, -1.0], (bars, 1)))


def test_a_day_is_what_the_account_gained_over_its_bars() -> None:
    ledger = hourly()
    daily = DailyReturns.of(ledger)
    days = ledger.time.astype("datetime64[D]")
    last = [np.flatnonzero(days == day)[-1] for day in daily.days]
    ends = np.concatenate([[ledger.start_equity], ledger.equity[last]])
    assert list(daily.days) == sorted(set(days.tolist()))
    assert daily.values == pytest.approx(ends[1:] / ends[:-1] - 1.0, rel=1e-6)
    assert np.prod(1.0 + daily.values) == pytest.approx(ledger.equity[-1] / ledger.start_equity, rel=1e-6)


def test_text_gives_the_same_days_and_values() -> None:
    for ledger in (hourly(), Market().backtest(random_walk(700), np.ones((700, 1)))):
        daily = DailyReturns.of(ledger)
        again = DailyReturns.from_text(daily_text(ledger))
        assert (again.days == daily.days).all()
        assert (again.values == daily.values).all()
    assert len(daily_text(ledger)) < 8 * 700


@pytest.mark.parametrize("text", ["?", "abcd", "eJwDAAAAAAE=="])
def test_damaged_text_is_one_line(text: str) -> None:
    with pytest.raises(RunError, match="damaged daily returns"):
        DailyReturns.from_text(text)
