"""Buy and hold under bands, lots and silence; the share of the equity at old prices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.execution import Costs, Ledger, Market
from regimen.judging import Trials, judge
from regimen.judging.controls import targets as controls
from regimen.judging.controls.holding import holding_market, not_held, stale_share

N = np.nan


def panel(symbols: int, time: int = 120, seed: int = 0, **columns: Any) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(0.002 + 0.01 * rng.standard_normal((time, symbols)), axis=0))
    close[columns.pop("missing", np.zeros(close.shape, bool))] = N
    return bars_of(close, close, **columns)


def held_in(market: Market, bars: Bars) -> Ledger:
    return holding_market(market.config).build().backtest(bars, controls.buy_and_hold(bars.listed))


@pytest.mark.parametrize("band", [0.0, 0.05, 0.25])
def test_a_band_above_the_targets_does_not_keep_the_control_from_holding(band: float) -> None:
    bars = panel(20)
    market = Market(costs=Costs(commission_bps=1.0), rebalance="every_bar", rebalance_band=band)
    found = judge(market.backtest(bars, np.full(bars.shape, 0.0)), Trials(1), draws=5, bootstrap_draws=50)
    row = next(row for row in found.rows if row.name == "buy_and_hold")
    alone = Market(costs=Costs.none()).backtest(bars, controls.buy_and_hold(bars.present))
    assert row.total_return == pytest.approx(alone.equity[-1] / alone.start_equity - 1.0, rel=0.03)
    assert found.constant is None or found.constant.growth >= 0.0
    assert not_held(held_in(market, bars)) == ""


def test_what_cannot_be_held_is_said() -> None:
    bars = panel(4)
    lots = Market(costs=Costs.none(), initial_cash=1000.0, lot_size=10.0)
    assert not_held(held_in(lots, bars)) == (
        "Buy and hold could buy nothing: each of 4 of them costs more a lot than its share."
    )
    volume = np.full(bars.shape, 100.0)
    volume[:, 2] = 0.0
    silent = panel(4, volume=volume)
    said = not_held(held_in(Market(costs=Costs.none()), silent))
    assert said == "Buy and hold could buy 3 of 4 symbols: the symbol has no volume."
    ledger = Market(costs=Costs.none()).backtest(silent, np.full((120, 4), 0.1))
    alarms = judge(ledger, Trials(1), draws=5, bootstrap_draws=50).verdict.alarms
    assert ("control does not hold", said) in [(alarm.name, alarm.sentence) for alarm in alarms]


def test_the_share_at_old_prices() -> None:
    missing = np.zeros((120, 2), bool)
    missing[10:30, 1] = missing[40:100, 1] = True
    bars = panel(2, missing=missing)
    ledger = Market(costs=Costs.none()).backtest(bars, np.full((120, 2), 0.5))
    expected = np.abs(ledger.exposure[missing[:, 1], 1]).sum() / 120
    assert stale_share(ledger) == pytest.approx(expected)
    alarms = judge(ledger, Trials(1), draws=5, bootstrap_draws=50).verdict.alarms
    assert "old prices" in [alarm.name for alarm in alarms]
    whole = Market(costs=Costs.none()).backtest(panel(2), np.full((120, 2), 0.5))
    assert stale_share(whole) == 0.0
    assert "old prices" not in [
        alarm.name for alarm in judge(whole, Trials(1), draws=5, bootstrap_draws=50).verdict.alarms
    ]


def test_what_was_paid_out_is_not_at_an_old_price() -> None:
    missing = np.zeros((120, 2), bool)
    missing[50:, 1] = True
    ledger = Market(costs=Costs.none()).backtest(panel(2, missing=missing), np.full((120, 2), 0.5))
    assert stale_share(ledger) == 0.0
