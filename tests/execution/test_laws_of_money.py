"""Laws that any honest account obeys: closed forms, conservation, monotonicity, symmetry, and the lag law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.execution import FILL_COSTS, HOLDING_COSTS, Costs, Ledger, Market
from regimen.execution.costs import RATES

FREE = Costs.none()


def make_bars(close: np.ndarray, opens: np.ndarray | None = None, **columns: Any) -> Bars:
    """Returns daily bars whose open is the previous close unless given."""
    return bars_of(close, opens, volume=columns.pop("volume", None), extras=columns)


def random_walk(seed: int, time: int = 200, symbols: int = 1, sigma: float = 0.02) -> Bars:
    rng = np.random.default_rng(seed)
    shape = (time, symbols)
    close = 100.0 * np.exp(np.cumsum(sigma * rng.standard_normal(shape), axis=0))
    start = close * np.exp(0.5 * sigma * rng.standard_normal(shape))
    return make_bars(
        close,
        start,
        volume=rng.uniform(1e3, 1e5, shape),
        funding_rate=np.where(rng.random(shape) < 0.3, 1e-4 * rng.random(shape), np.nan),
    )


@pytest.mark.parametrize("seed", range(5))
def test_buy_and_hold_without_costs_is_the_price_return(seed: int) -> None:
    bars = random_walk(seed)
    ledger = Market(costs=FREE).backtest(bars, np.ones(bars.shape))
    assert ledger.fills.num_rows == 1
    expected = bars.close[1:, 0] / bars.open[1, 0]
    np.testing.assert_allclose(ledger.equity[1:] / ledger.start_equity, expected, rtol=1e-12)
    assert math.prod(1.0 + ledger.returns) == pytest.approx(expected[-1], rel=1e-12)


def test_costs_of_one_fill_in_closed_form() -> None:
    # After returns of 2 % and 3 %, span 3: σ² = ½·0.03² + ½·0.02²; 10 % of the volume is traded.
    close = np.array([100.0, 102.0, 102.0 * 1.03, 102.0 * 1.03])
    bars = make_bars(close, volume=np.full(4, 1000.0))
    costs = Costs(commission_bps=2.0, commission_fixed=7.0, half_spread_bps=3.0, impact_coefficient=0.5, impact_span=3)
    price = close[2]
    targets = np.array([np.nan, np.nan, 0.5, np.nan])
    ledger = Market(costs=costs, initial_cash=2.0 * 100.0 * price).backtest(bars, targets)
    fill = ledger.fills.to_pylist()[0]
    notional = 100.0 * price
    assert fill["units"] == pytest.approx(100.0, rel=1e-15)
    assert fill["price"] == price
    assert fill["commission"] == pytest.approx(notional * 2e-4 + 7.0, rel=1e-14)
    assert fill["spread"] == pytest.approx(notional * 3e-4, rel=1e-14)
    sigma = math.sqrt(0.5 * 0.03**2 + 0.5 * 0.02**2)
    assert fill["impact"] == pytest.approx(notional * 0.5 * sigma * math.sqrt(0.1), rel=1e-12)
    assert fill["participation"] == pytest.approx(0.1, rel=1e-14)


def test_stamp_duty_is_paid_by_every_sale_and_by_no_purchase() -> None:
    bars = make_bars(np.array([50.0, 50.0, 50.0, 60.0, 60.0, 60.0]), np.array([50.0, 50.0, 50.0, 50.0, 60.0, 60.0]))
    costs = Costs(commission_bps=0.0, half_spread_bps=0.0, stamp_duty_bps=5.0)
    targets = np.array([1.0, 0.0, -1.0, 0.0, np.nan, np.nan])  # buys, sells, sells short, buys back
    ledger = Market(costs=costs, initial_cash=1000.0).backtest(bars, targets)
    left = 1000.0 - 1000.0 * 5e-4
    np.testing.assert_allclose(ledger.costs["stamp_duty"], [0.0, 0.0, 0.5, left * 5e-4, 0.0, 0.0], rtol=1e-13)
    fills = ledger.fills.to_pydict()
    np.testing.assert_allclose(fills["stamp_duty"], [0.0, 0.5, left * 5e-4, 0.0], rtol=1e-13)
    assert ledger.equity[-1] == pytest.approx(left * (1.0 - 5e-4) - left / 50.0 * 10.0, rel=1e-13)
    assert "5 bp stamp duty on sales" in costs.sentence


def test_carry_in_closed_form() -> None:
    bars = make_bars(np.full(5, 50.0), funding_rate=np.array([np.nan, 0.02, 0.01, np.nan, np.nan]))
    costs = Costs(borrow_annual=0.365, financing_annual=0.73, commission_bps=0.0, half_spread_bps=0.0)
    market = Market(costs=costs, initial_cash=1000.0, leverage=2.0)
    short = market.backtest(bars, np.full(5, -1.0))
    # The short of 1000 is sold at the open of bar 1: there it neither pays nor receives yet. From the next open on it
    # pays 1 for each day, a 365th of a year, and it receives 10 of the funding that falls due at that open.
    np.testing.assert_allclose(short.costs["borrow"], [0, 0, 1, 1, 1], rtol=1e-13)
    np.testing.assert_allclose(short.costs["funding"], [0, 0, -10, 0, 0], rtol=1e-13)
    assert short.costs["financing"].sum() == 0.0
    long = market.backtest(bars, np.full(5, 2.0))
    # the long of 2000 borrows 1000 and pays 2 a day, and on the 22 that it paid before, too
    assert long.costs["borrow"].sum() == 0.0
    np.testing.assert_allclose(long.costs["funding"], [0, 0, 20, 0, 0], rtol=1e-13)
    np.testing.assert_allclose(long.costs["financing"], [0, 0, 2, 2 * 1.022, 2 * 1.022 * 1.002], rtol=1e-12)


def test_carry_follows_the_clock_and_not_the_number_of_bars() -> None:
    """Held from one Monday to the next: seven days at actual/365, in five sessions, in seven days, in 169 hours."""
    costs = Costs(borrow_annual=0.365, financing_annual=0.73, commission_bps=0.0, half_spread_bps=0.0)
    market = Market(costs=costs, initial_cash=1000.0, leverage=2.0)
    monday = np.datetime64("2024-01-01T00", "h")
    for hours in (np.array([-96, -72, 0, 24, 48, 72, 96, 168]), np.arange(-24, 169, 24), np.arange(-24, 169)):
        flat = np.full(len(hours), 50.0)
        bars = Bars.from_arrays(monday + hours, open=flat, high=flat, low=flat, close=flat, checked=False)
        targets = np.full(len(hours), -1.0)
        targets[: np.flatnonzero(hours == 0)[0] - 1] = 0.0
        assert market.backtest(bars, targets).costs["borrow"].sum() == pytest.approx(7.0, rel=1e-12)
        paid = market.backtest(bars, -2.0 * targets).costs["financing"].sum()
        assert paid == pytest.approx(14.0, rel=0.01)  # and interest on interest


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_funding_falls_on_who_holds_before_the_fills_of_its_open(side: float) -> None:
    """A position held only between two openings of funding pays and receives nothing, wherever it flips."""
    rates = np.full(24, np.nan)
    rates[::8] = 0.01
    prices = 100.0 * np.exp(0.01 * np.sin(np.arange(24.0)))
    bars = make_bars(prices, funding_rate=rates)
    market = Market(costs=Costs(commission_bps=0.0, half_spread_bps=0.0, borrow_annual=1e-12), initial_cash=1000.0)
    targets = np.zeros(24)
    targets[7::8] = side  # in at the open of the funding, out one bar later
    assert market.backtest(bars, targets).costs["funding"].tolist() == [0.0] * 24
    targets = np.full(24, side)
    targets[7:] = -side  # turns round at the open of bar 8: whoever was in pays there, on its mark
    ledger = market.backtest(bars, targets)
    due = np.zeros(24)
    due[8] = 0.01 * ledger.units[7, 0] * bars.open[8, 0]
    due[16] = 0.01 * ledger.units[15, 0] * bars.open[16, 0]
    np.testing.assert_allclose(ledger.costs["funding"], due, rtol=1e-13)
    assert due[8] * due[16] < 0.0


def test_funding_without_a_bar_is_charged_on_the_last_mark() -> None:
    close = np.full((6, 2), 50.0)
    close[3, 0] = np.nan
    rates = np.full((6, 2), np.nan)
    rates[3, 0] = 0.01
    ledger = Market(costs=Costs(), initial_cash=1000.0).backtest(
        make_bars(close, funding_rate=rates), np.full((6, 2), 0.5)
    )
    assert ledger.costs["funding"].tolist() == pytest.approx([0.0, 0.0, 0.0, 5.0, 0.0, 0.0])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_cash_and_positions_reconcile_from_fills_and_carry_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bars = random_walk(seed, 120, 3, 0.05)
    market = Market(
        costs=Costs(
            commission_fixed=1.0, impact_coefficient=1.0, borrow_annual=0.1, financing_annual=0.1, stamp_duty_bps=5.0
        ),
        leverage=3.0,
        participation_cap=0.1,
    )
    ledger = market.backtest(bars, 2.0 * rng.standard_normal(bars.shape))
    fills = ledger.fills.to_pandas()
    row = np.searchsorted(bars.time, ledger.fills.column("time").to_numpy())
    column = fills["symbol"].cat.codes.to_numpy()
    units = np.zeros(bars.shape)
    np.add.at(units, (row, column), fills["units"].to_numpy())
    flow = np.zeros(len(bars))
    paid = fills["units"] * fills["price"] + fills[list(FILL_COSTS)].sum(axis=1)
    np.add.at(flow, row, paid.to_numpy())
    carry = sum(ledger.costs[name] for name in HOLDING_COSTS)
    cash = market.config.initial_cash - np.cumsum(flow + carry)
    equity = cash + (np.cumsum(units, axis=0) * bars.close).sum(axis=1)
    in_play = np.abs(ledger.equity) + np.abs(cash) + np.abs(ledger.units * bars.close).sum(axis=1)
    assert (np.abs(equity - ledger.equity) <= 1e-9 * in_play).all()
    assert (np.abs(ledger.cash + (ledger.units * bars.close).sum(axis=1) - ledger.equity) <= 1e-12 * in_play).all()
    for name in FILL_COSTS:
        by_bar = np.zeros(len(bars))
        np.add.at(by_bar, row, fills[name].to_numpy())
        np.testing.assert_allclose(ledger.costs[name], by_bar, rtol=1e-12)


@pytest.mark.parametrize("cost", RATES)
def test_equity_falls_with_every_cost(cost: str) -> None:
    scale = {
        "commission_fixed": 10.0,
        "impact_coefficient": 0.2,
        "borrow_annual": 0.1,
        "financing_annual": 0.1,
    }
    for seed in range(5):
        bars = random_walk(seed, 150, 2)
        targets = np.random.default_rng(seed).normal(0.0, 1.0, bars.shape)
        targets[1::2] = np.nan
        final = []
        for k in range(4):
            rates = {"commission_bps": 1.0, "half_spread_bps": 0.0}
            rates[cost] = rates.get(cost, 0.0) + k * scale.get(cost, 5.0)
            market = Market(costs=Costs(**rates), leverage=3.0)
            final.append(market.backtest(bars, targets).equity[-1])
        assert np.all(np.diff(final) < 0.0), (cost, seed, final)


def test_equity_of_a_long_falls_with_positive_funding() -> None:
    bars = random_walk(1)
    with_funding = Market(costs=Costs()).backtest(bars, np.ones(bars.shape))
    without = Market(costs=Costs(funding=False)).backtest(bars, np.ones(bars.shape))
    assert with_funding.equity[-1] < without.equity[-1]
    assert without.costs["funding"].sum() == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_flipped_market_and_flipped_exposure_earn_the_same(seed: int) -> None:
    # Rebalanced at every open and with open = previous close, a bar earns exposure × return; both signs flip.
    rng = np.random.default_rng(seed)
    returns = 0.02 * rng.standard_normal(300)
    up, down = (make_bars(100.0 * np.cumprod(1.0 + sign * returns)) for sign in (1.0, -1.0))
    targets = rng.uniform(-1.0, 1.0, 300)
    market = Market(costs=FREE, rebalance="every_bar")
    one, two = market.backtest(up, targets), market.backtest(down, -targets)
    np.testing.assert_allclose(one.returns, two.returns, rtol=0, atol=1e-13)
    np.testing.assert_allclose(one.equity, two.equity, rtol=1e-11)


@pytest.mark.parametrize("factor", [1e-6, 0.37, 1e5])
def test_the_unit_of_price_does_not_matter(factor: float) -> None:
    bars = random_walk(3, symbols=2)
    scaled = make_bars(
        bars.close * factor,
        bars.open * factor,
        volume=bars.volume / factor,
        funding_rate=bars.extras["funding_rate"],
    )
    targets = np.random.default_rng(3).normal(0.0, 0.5, bars.shape)
    market = Market(costs=Costs(impact_coefficient=1.0, borrow_annual=0.1), participation_cap=0.5)
    one, two = market.backtest(bars, targets), market.backtest(scaled, targets)
    np.testing.assert_allclose(two.equity, one.equity, rtol=1e-12)
    assert two.fills.num_rows == one.fills.num_rows


def test_lag_law_on_autoregressive_returns() -> None:
    # ALGORITHMS sheet, market b: with lookahead : correct : one bar late, mean earnings stand 1 : φ : φ².
    # Bars open at the previous close, so a fill at the open of t + 1 earns the whole return of bar t + 1.
    phi, sigma, n = 0.4, 0.001, 200_000
    rng = np.random.default_rng(11)
    noise = sigma * math.sqrt(1.0 - phi**2) * rng.standard_normal(n)
    returns = np.empty(n)
    returns[0] = sigma * rng.standard_normal()
    for t in range(1, n):
        returns[t] = phi * returns[t - 1] + noise[t]
    bars = bars_of(100.0 * np.cumprod(1.0 + returns), step="1h")
    signal = np.sign(returns)

    def earned(targets: np.ndarray, latency: int) -> np.ndarray:
        market = Market(costs=FREE, rebalance="every_bar", latency_bars=latency)
        return market.backtest(bars, targets).returns[3:-1]

    ideal = sigma * math.sqrt(2.0 / math.pi)
    cheat = np.append(signal[1:], 0.0)
    for name, got, power in (
        ("lookahead", earned(cheat, 1), 0),
        ("correct", earned(signal, 1), 1),
        ("one late", earned(signal, 2), 2),
    ):
        error = got.std() / math.sqrt(len(got)) * math.sqrt((1.0 + phi) / (1.0 - phi))
        assert abs(got.mean() - phi**power * ideal) < 3.0 * error, (
            name,
            got.mean(),
            phi**power * ideal,
            error,
        )
    np.testing.assert_array_equal(earned(np.append(0.0, signal[:-1]), 1), earned(signal, 2))


def test_a_repeated_target_never_trades() -> None:
    bars = random_walk(5, symbols=3)
    held = np.tile([0.5, -0.2, 0.0], (len(bars), 1))
    kept = np.full(bars.shape, np.nan)
    kept[0] = held[0]
    one, two = Market().backtest(bars, held), Market().backtest(bars, kept)
    assert one.fills.num_rows == two.fills.num_rows == 2
    np.testing.assert_array_equal(one.equity, two.equity)


def total_cost(ledger: Ledger) -> float:
    return float(sum(values.sum() for values in ledger.costs.values()))


def test_flat_costs_nothing() -> None:
    bars = random_walk(6)
    ledger = Market().backtest(bars, np.zeros(bars.shape))
    assert total_cost(ledger) == 0.0
    assert ledger.fills.num_rows == 0
    assert (ledger.returns == 0.0).all()


def test_the_future_changes_nothing_before_it() -> None:
    bars = random_walk(7, symbols=2)
    targets = np.random.default_rng(7).normal(0.0, 0.5, bars.shape)
    market = Market(costs=Costs(impact_coefficient=1.0), participation_cap=0.2)
    whole = market.backtest(bars, targets)
    cut = market.backtest(bars.window(0, 120), targets[:120])
    np.testing.assert_array_equal(cut.equity, whole.equity[:120])
    np.testing.assert_array_equal(cut.units, whole.units[:120])
