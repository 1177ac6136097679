"""Orders that wait, margin calls, ruin, splits: worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests import markets

from regimen.bars import Bars
from regimen.execution import Costs, Market

FREE = Costs.none()
N = np.nan


def bars_of(close: Any, start: Any = None, **columns: Any) -> Bars:
    """Daily bars; what is no price and no volume is an extra."""
    prices = {name: columns.pop(name) for name in ("low", "high", "volume") if name in columns}
    return markets.bars_of(close, start, bar_length=86_400_000_000_000, extras=columns, **prices)


def fills_of(ledger: Any) -> list[tuple[int, float, str]]:
    rows = ledger.fills.to_pylist()
    times = {stamp: t for t, stamp in enumerate(ledger.time.astype(np.int64))}
    return [(times[row["time"].value], row["units"], row["reason"]) for row in rows]


def test_latency_counts_bars_and_the_last_rows_never_fill() -> None:
    bars = bars_of(np.full(6, 10.0))
    for latency in (1, 2, 3):
        market = Market(costs=FREE, latency_bars=latency, initial_cash=100.0)
        assert fills_of(market.backtest(bars, [0.0, 1.0, 1.0, 1.0, 1.0, 0.0])) == [(1 + latency, 10.0, "order")]


def test_an_order_is_filled_in_parts_with_its_first_size() -> None:
    bars = bars_of([10, 10, 20, 30, 30, 30], volume=np.array([9.0, 40, 0, 50, 1000, 1000]))
    market = Market(costs=FREE, initial_cash=100.0, participation_cap=0.1)
    ledger = market.backtest(bars, np.ones(6))
    assert fills_of(ledger) == [(1, 4.0, "order"), (3, 5.0, "remainder"), (4, 1.0, "remainder")]
    assert ledger.units[:, 0].tolist() == [0, 4, 4, 9, 10, 10]


def test_a_new_target_replaces_what_waits() -> None:
    bars = bars_of(np.full(5, 10.0), volume=np.full(5, 40.0))
    market = Market(costs=FREE, initial_cash=100.0, participation_cap=0.1)
    assert fills_of(market.backtest(bars, [1.0, 0.0, N, N, N])) == [(1, 4.0, "order"), (2, -4.0, "order")]


def test_without_volume_there_is_no_cap() -> None:
    bars = bars_of(np.full(3, 10.0))
    market = Market(costs=FREE, initial_cash=100.0, participation_cap=0.01)
    assert fills_of(market.backtest(bars, np.ones(3))) == [(1, 10.0, "order")]


def test_a_missing_bar_fills_nothing_and_keeps_the_mark() -> None:
    close = np.array([10.0, N, N, 20.0, N, 25.0])
    bars = bars_of(close, start=[10.0, N, N, 16.0, N, 20.0])
    ledger = Market(costs=FREE, initial_cash=160.0).backtest(bars, np.ones(6))
    assert fills_of(ledger) == [(3, 10.0, "order")]
    assert ledger.equity.tolist() == [160, 160, 160, 200, 200, 250]
    assert ledger.prices[:, 0].tolist() == [10, 10, 10, 20, 20, 25]
    assert ledger.exposure[:, 0].tolist() == [0, 0, 0, 1, 1, 1]


def test_a_bar_with_some_prices_only_is_no_bar() -> None:
    bars = bars_of([10.0, 10.0, 10.0], high=np.array([10.0, N, 10.0]))
    assert fills_of(Market(costs=FREE, initial_cash=100.0).backtest(bars, np.ones(3))) == [(2, 10.0, "order")]


def test_lots_round_towards_zero_on_both_sides() -> None:
    bars = bars_of(np.full(4, 10.0))
    market = Market(costs=FREE, initial_cash=100.0, lot_size=3.0)
    assert fills_of(market.backtest(bars, [1.0, -1.0, N, N])) == [(1, 9.0, "order"), (2, -18.0, "order")]


def test_a_split_is_no_profit() -> None:
    close = np.array([100.0, 100, 50, 50, 60])
    bars = bars_of(close, start=[100.0, 100, 50, 50, 50], adjustment=np.array([1.0, 1, N, 2, 2]))
    with_gap = bars_of(close, start=[100.0, 100, 50, 50, 50], adjustment=np.array([1.0, 1, 2, 2, 2]))
    market = Market(costs=FREE, initial_cash=1000.0)
    good = market.backtest(with_gap, np.ones(5))
    assert good.units[:, 0].tolist() == [0, 10, 20, 20, 20]
    assert good.equity.tolist() == [1000, 1000, 1000, 1000, 1200]
    assert good.fills.num_rows == 1
    late = market.backtest(bars, np.ones(5))  # an unknown factor is no step: the next one catches up
    assert late.units[:, 0].tolist() == [0, 10, 10, 20, 20]


def test_a_split_during_an_outage_keeps_the_equity() -> None:
    bars = bars_of([100.0, 100, N, 50], start=[100.0, 100, N, 50], adjustment=np.array([1.0, 1, 2, 2]))
    ledger = Market(costs=FREE, initial_cash=1000.0).backtest(bars, np.ones(4))
    assert ledger.equity.tolist() == [1000] * 4
    assert ledger.prices[:, 0].tolist() == [100, 100, 50, 50]


def test_a_split_resizes_an_order_that_waits() -> None:
    bars = bars_of(
        [10.0, 10, 5, 5],
        start=[10.0, 10, 5, 5],
        adjustment=np.array([1.0, 1, 2, 2]),
        volume=np.array([1.0, 40, 80, 1000]),
    )
    market = Market(costs=FREE, initial_cash=100.0, participation_cap=0.1)
    expected = [(1, 4.0, "order"), (2, 8.0, "remainder"), (3, 4.0, "remainder")]
    assert fills_of(market.backtest(bars, np.ones(4))) == expected


def test_excess_leverage_is_scaled_and_counted() -> None:
    bars = bars_of(np.full((4, 2), 10.0))
    market = Market(costs=FREE, initial_cash=100.0, leverage=1.0)
    targets = np.array([[1.0, N], [N, 1.0], [N, 0.0], [N, N]])
    ledger = market.backtest(bars, targets)
    # the second row asks for a gross of 2: both halves; the third frees the first symbol again
    assert ledger.units.tolist() == [[0, 0], [10, 0], [5, 5], [10, 0]]
    assert ledger.clips == 1


def test_every_bar_restores_the_exposure_within_a_band() -> None:
    bars = bars_of([10.0, 10, 10.5, 14, 14])
    market = Market(costs=FREE, initial_cash=100.0, rebalance="every_bar", rebalance_band=0.05)
    ledger = market.backtest(bars, np.full(5, 0.5))
    # opens 10, 10, 10, 10.5, 14: at 10.5 the exposure is .512, within the band; at 14 it is .583
    assert [(t, reason) for t, _, reason in fills_of(ledger)] == [(1, "order"), (4, "rebalance")]
    assert ledger.units[4, 0] * 14.0 == pytest.approx(0.5 * ledger.equity[3], rel=1e-14)


def test_a_margin_call_closes_everything_at_the_next_open() -> None:
    # a short of 100 at 10: equity is 200 - 10·p; below a quarter of the notional when p > 16
    bars = bars_of([10.0, 10, 15.9, 16.1, 17, 17, 17], start=[10.0, 10, 10, 16, 16.5, 17, 17])
    market = Market(costs=Costs(commission_bps=10.0, half_spread_bps=0.0), initial_cash=100.0)
    ledger = market.backtest(bars, [-1.0, -1, -1, -1, -1, -0.5, -0.5])
    assert fills_of(ledger)[:2] == [(1, -10.0, "order"), (4, 10.0, "liquidation")]
    assert ledger.liquidations == 1
    assert not ledger.ruined
    assert ledger.equity[4] == pytest.approx(200.0 - 165.0 - 0.1 - 0.165, rel=1e-14)
    # the repeated -1 does not re-enter, the changed target does
    assert [t for t, _, reason in fills_of(ledger) if reason == "order"] == [1, 6]


def test_the_intrabar_check_sees_the_high() -> None:
    high = np.array([10.0, 10, 17, 10, 10])
    bars = bars_of(np.full(5, 10.0), high=high)
    for check, fills in ((False, 1), (True, 2)):
        market = Market(costs=FREE, initial_cash=100.0, intrabar_margin=check)
        assert market.backtest(bars, np.full(5, -1.0)).fills.num_rows == fills


def test_liquidation_ignores_the_cap_but_waits_for_a_bar() -> None:
    bars = bars_of(
        [10.0, 10, 17, N, 17, 17],
        start=[10.0, 10, 10, N, 17, 17],
        volume=np.array([1.0, 10, 10, 10, 0, 1]),
    )
    market = Market(costs=FREE, initial_cash=100.0, participation_cap=1.0)
    ledger = market.backtest(bars, np.full(6, -1.0))
    assert fills_of(ledger) == [(1, -10.0, "order"), (5, 10.0, "liquidation")]
    assert ledger.liquidations == 1


def test_ruin_closes_the_account_for_good() -> None:
    bars = bars_of([10.0, 10, 25, 24, 24, 5], start=[10.0, 10, 10, 24, 24, 24])
    ledger = Market(costs=FREE, initial_cash=100.0).backtest(bars, [-1.0, N, N, 1.0, 0.5, 0.5])
    assert ledger.ruined
    assert fills_of(ledger) == [(1, -10.0, "order"), (3, 10.0, "ruin")]
    assert ledger.equity.tolist() == [100, 100, -50, -40, -40, -40]  # the debt stays on the books
    assert ledger.returns.tolist() == [0, 0, -1, 0, 0, 0]
    assert ledger.exposure[2, 0] == 0.0
    assert not ledger.window(0, 2).ruined


class Momentum:
    """A function of the observation: follows the feature, and keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def __call__(self, observation: np.ndarray) -> object:
        self.seen.append(observation.copy())
        return np.clip(20.0 * observation[:, 0], -0.4, 0.4)  # NaN, to keep, until the feature is known


@pytest.mark.parametrize("symbols", [1, 3])
def test_deciding_and_an_array_of_targets_give_the_same_bits(symbols: int) -> None:
    rng = np.random.default_rng(symbols)
    close = 100.0 * np.exp(np.cumsum(0.02 * rng.standard_normal((150, symbols)), axis=0))
    bars = bars_of(close, volume=rng.uniform(1e3, 1e5, close.shape))
    market = Market(costs=Costs(impact_coefficient=1.0, borrow_annual=0.1), participation_cap=0.1, latency_bars=2)
    features = np.full((150, symbols, 1), N)
    features[3:, :, 0] = close[3:] / close[:-3] - 1.0
    function = Momentum()
    one = market.backtest(bars, function, features=features)
    two = market.backtest(bars, one.targets)
    for name in ("equity", "cash", "units", "turnover", "exposure", "returns"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.fills.equals(two.fills)
    seen = np.array(function.seen)
    assert seen.shape == (150, symbols, 4)
    np.testing.assert_array_equal(seen[..., 0], features[..., 0])
    np.testing.assert_allclose(seen[..., 1], one.exposure, rtol=1e-15)
    np.testing.assert_array_equal(seen[..., 2], np.repeat((one.cash / one.equity)[:, None], symbols, axis=1))
    peak = np.maximum.accumulate(np.maximum(one.equity, 1e6))
    np.testing.assert_array_equal(seen[..., 3], np.repeat((1.0 - one.equity / peak)[:, None], symbols, axis=1))
    assert seen[..., 3].max() > 0.0
