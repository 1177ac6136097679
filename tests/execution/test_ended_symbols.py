"""Symbols that end, close or cannot be sold: what is paid out, what they leave of the leverage, and margin calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.execution import Costs, Ledger, Market

FREE = Costs.none()
N = np.nan


def panel(*prices: Any, **columns: Any) -> Bars:
    """Returns daily bars of flat bars at these prices, a symbol each; NaN is no bar."""
    close = np.stack([np.asarray(each, dtype=float) for each in prices], axis=1)
    symbols = tuple("ABCDEFGH"[: close.shape[1]])
    return bars_of(close, close, symbols=symbols, volume=columns.pop("volume", None), extras=columns)


def fills_of(ledger: Ledger) -> list[tuple[int, str, float, str]]:
    times = {stamp: t for t, stamp in enumerate(ledger.time.astype(np.int64))}
    rows = ledger.fills.to_pylist()
    return [(times[row["time"].value], row["symbol"], row["units"], row["reason"]) for row in rows]


def gross_of(ledger: Ledger) -> np.ndarray:
    return np.abs(ledger.exposure).sum(axis=1)


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("payout", [1.0, 0.3, 0.0])
def test_a_position_is_paid_out_after_the_last_bar(side: float, payout: float) -> None:
    bars = panel([10.0, 10, 12, N, N], np.full(5, 50.0))
    costs = Costs(commission_bps=10.0, commission_fixed=1.0)
    ledger = Market(costs=costs, initial_cash=1000.0, delisting=payout).backtest(
        bars, np.tile([0.5 * side, 0.2], (5, 1))
    )
    assert fills_of(ledger)[2:] == [(3, "A", -50.0 * side, "delisting")]
    last = ledger.fills.to_pylist()[-1]
    assert last["price"] == pytest.approx(12.0 * payout)
    assert (last["commission"], last["spread"], last["impact"]) == (0.0, 0.0, 0.0)
    assert ledger.cash[3] - ledger.cash[2] == pytest.approx(side * 50.0 * 12.0 * payout)
    assert ledger.units[3:, 0].tolist() == [0.0, 0.0]
    assert ledger.turnover[3] == 0.0


def test_the_payout_may_be_a_column() -> None:
    shape = (6, 3)
    column = np.full(shape, N)
    column[2, 0], column[4, 1] = 0.5, 1.25  # told with the last bar, or later
    bars = panel([10.0, 10, 10, N, N, N], [20.0, 20, 20, N, N, N], np.full(6, 50.0), payout=column)
    ledger = Market(costs=FREE, initial_cash=900.0, delisting="payout").backtest(bars, np.full(shape, 1.0 / 3.0))
    assert ledger.equity[-1] == pytest.approx(150.0 + 375.0 + 300.0)
    assert Market(delisting="payout").config.model_dump()["delisting"] == "payout"
    with pytest.raises(DataError, match=r"bars.payout: must hold the fraction of the last price, 0 to 10, for A"):
        Market(delisting="payout").tape(panel([10.0, 10, N], np.full(3, 50.0), payout=np.full((3, 2), 50.0)))
    with pytest.raises(DataError, match=r"bars.payout: .* got None"):
        Market(delisting="payout").tape(panel([10.0, 10, N], np.full(3, 50.0), payout=np.full((3, 2), N)))
    with pytest.raises(ConfigError, match=r"market.delisting: must be a number or an extra of the bars .*'other'"):
        Market(delisting="other").tape(bars)


def test_a_symbol_of_the_last_bar_is_not_paid_out() -> None:
    bars = panel([10.0, 10, 10, 10], np.full(4, 50.0))
    assert fills_of(Market(costs=FREE).backtest(bars, np.full((4, 2), 0.5)))[2:] == []


def test_a_closed_symbol_is_kept_though_the_panel_ends_on_a_weekend() -> None:
    stock = np.where((np.arange(21) % 7) < 5, 100.0, N)
    bars = panel(np.full(21, 50.0), stock)
    assert np.isnat(bars.listing[:, 1]).all()
    ledger = Market(costs=FREE).backtest(bars, np.full((21, 2), 0.5))
    assert [row[2:] for row in fills_of(ledger)] == [(10_000.0, "order"), (5_000.0, "order")]


def test_an_ended_symbol_takes_no_target_and_frees_the_others() -> None:
    bars = panel([10.0, 10, 10, N, N, N], np.full(6, 50.0), np.full(6, 20.0))
    targets = np.tile([0.8, 0.8, 0.4], (6, 1))  # scaled by half while A is listed
    ledger = Market(costs=FREE, latency_bars=1).backtest(bars, targets)
    assert ledger.exposure[2].tolist() == pytest.approx([0.4, 0.4, 0.2])
    assert ledger.exposure[3].tolist() == pytest.approx([0.0, 2.0 / 3.0, 1.0 / 3.0])
    assert ledger.clips == 1
    late = Market(costs=FREE, latency_bars=2).backtest(bars, np.where(np.arange(6)[:, None] == 1, targets, N))
    assert late.exposure[-1].tolist() == pytest.approx([0.0, 2.0 / 3.0, 1.0 / 3.0])  # falls due after A's last bar


@pytest.mark.parametrize("rebalance", ["on_change", "every_bar"])
def test_gross_stays_within_the_leverage_while_symbols_end_one_after_another(rebalance: str) -> None:
    rng = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(0.03 * rng.standard_normal((150, 6)), axis=0))
    for s in range(5):
        close[25 * (s + 1) :, s] = N
    bars = panel(*close.T)
    targets = np.where(bars.present, 1.0 / bars.present.sum(axis=1, keepdims=True), N)
    costs = Costs(commission_bps=1.0, half_spread_bps=1.0, financing_annual=0.1)
    ledger = Market(costs=costs, rebalance=rebalance).backtest(bars, targets)
    assert gross_of(ledger).max() < 1.0 + 1e-3  # what the fills cost comes on top
    assert (ledger.cash / ledger.equity).min() > -1e-3
    assert np.flatnonzero(gross_of(ledger) < 1.0 - 1e-3).tolist() == [
        0,
        25,
        50,
        75,
        100,
        125,
    ]  # paid out, not yet spent


@pytest.mark.parametrize("kind", ["no bar", "no volume", "cap"])
def test_what_cannot_be_sold_leaves_less_room(kind: str) -> None:
    """A is to be sold and B to be bought with it, while A does not trade in bars 2 to 4."""
    away = np.arange(2, 5)
    a, volume = np.full(8, 10.0), np.full((8, 2), 1e9)
    market = Market(costs=FREE, initial_cash=1000.0)
    if kind == "no bar":
        a[away] = N
    elif kind == "no volume":
        volume[away, 0] = 0.0
    else:
        volume[away, 0] = 5.0  # less than a lot gets through
        market = Market(costs=FREE, initial_cash=1000.0, participation_cap=0.1, lot_size=1.0)
    bars = panel(a, np.full(8, 50.0), volume=volume)
    targets = np.full((8, 2), N)
    targets[0], targets[1] = [0.6, 0.4], [0.0, 1.0]
    ledger = market.backtest(bars, targets)
    assert gross_of(ledger).max() == pytest.approx(1.0)
    assert ledger.exposure[4].tolist() == pytest.approx([0.6, 0.4])
    assert ledger.exposure[5].tolist() == pytest.approx([0.0, 1.0])  # the order has waited for its room
    assert ledger.clips == 1


def test_orders_that_fit_are_not_cut_and_the_others_are_not_touched() -> None:
    bars = panel([10.0, 10, N, N, 10, 10], np.full(6, 50.0), np.full(6, 20.0))
    targets = np.full((6, 3), N)
    targets[0], targets[1] = [0.4, 0.4, 0.0], [N, N, 0.2]
    ledger = Market(costs=FREE).backtest(bars, targets)
    assert [row[:2] for row in fills_of(ledger)] == [(1, "A"), (1, "B"), (2, "C")]
    assert ledger.clips == 0


def test_a_margin_call_forgives_what_cannot_be_sold() -> None:
    b = np.full(16, 50.0)
    b[5:] = 25.0
    a = np.full(16, 10.0)
    a[4:12] = N
    bars = panel(a, b)
    targets = np.full((16, 2), N)
    targets[0], targets[7], targets[13] = [0.4, 1.5], [N, 0.2], [0.1, N]
    market = Market(costs=FREE, initial_cash=1000.0, leverage=2.0, maintenance_margin=0.3)
    ledger = market.backtest(bars, targets)
    assert [(t, symbol, reason) for t, symbol, _, reason in fills_of(ledger)] == [
        (1, "A", "order"),
        (1, "B", "order"),
        (6, "B", "liquidation"),  # A has no bar there
        (8, "B", "order"),
        (14, "A", "order"),
    ]
    assert ledger.liquidations == 1
    assert ledger.equity[-1] == pytest.approx(250.0)


def test_orders_wait_while_a_call_has_nothing_to_close() -> None:
    """B falls and is closed; A has no volume: the equity is below its margin alone until its price rises."""
    a, b, volume = np.full(12, 10.0), np.full(12, 50.0), np.full((12, 2), 1e9)
    b[5:], a[8:], volume[4:9, 0] = 22.0, 16.0, 0.0
    targets = np.full((12, 2), N)
    targets[0], targets[6] = [0.5, 1.4], [N, 0.5]
    market = Market(costs=FREE, initial_cash=1000.0, leverage=2.0, maintenance_margin=0.45)
    ledger = market.backtest(panel(a, b, volume=volume), targets)
    assert [(t, symbol, reason) for t, symbol, _, reason in fills_of(ledger)][2:] == [
        (6, "B", "liquidation"),
        (8, "B", "order"),  # as much as A leaves room for
        (9, "B", "order"),
    ]
    assert ledger.liquidations == 1
    assert ledger.exposure[6:10, 1].tolist() == pytest.approx([0.0, 0.0, 2.0 - 800.0 / 516.0, 0.5])


def test_a_payout_of_nothing_ruins_who_held_it_on_credit() -> None:
    bars = panel([10.0, 10, 10, N, N, N], np.full(6, 50.0))
    targets = np.tile([1.5, 0.4], (6, 1))
    ledger = Market(costs=FREE, initial_cash=1000.0, leverage=2.0, delisting=0.0).backtest(bars, targets)
    assert ledger.ruined
    assert ledger.equity[3] == pytest.approx(-500.0)
    assert [(t, reason) for t, _, _, reason in fills_of(ledger)][2:] == [(3, "delisting"), (4, "ruin")]


def test_a_call_and_an_end_at_the_same_open() -> None:
    b = np.full(8, 50.0)
    b[3:] = 26.0
    bars = panel([10.0, 10, 10, 10, N, N, N, N], b)
    targets = np.full((8, 2), N)
    targets[0], targets[6] = [0.4, 1.5], [0.3, 0.3]
    ledger = Market(costs=FREE, initial_cash=1000.0, leverage=2.0, maintenance_margin=0.3).backtest(bars, targets)
    assert [row[:2] + row[3:] for row in fills_of(ledger)][2:] == [
        (4, "A", "delisting"),
        (4, "B", "liquidation"),
        (7, "B", "order"),
    ]
    assert ledger.units[-1].tolist() == pytest.approx([0.0, 0.3 * 280.0 / 26.0])


def test_a_cut_of_bars_keeps_what_is_listed() -> None:
    a = np.full(30, 10.0)
    a[10:16] = N  # a long absence, but no end
    bars = panel(a, np.full(30, 50.0))
    whole = Market(costs=FREE).backtest(bars, np.full((30, 2), 0.5))
    cut = Market(costs=FREE).backtest(bars.window(0, 14), np.full((14, 2), 0.5))
    assert cut.fills.num_rows == whole.fills.num_rows == 2
    np.testing.assert_array_equal(cut.equity, whole.equity[:14])
