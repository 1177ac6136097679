"""The timing of a ledger beside a slow twin, and what must not change it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.markets import bars_of

from regimen import metrics
from regimen.bars import Bars
from regimen.bars.bars import PRICES
from regimen.execution import Costs, Market
from regimen.judging import Timing, timing_sharpe

COSTS = Costs(commission_bps=2.0, half_spread_bps=1.0)


def panel(bars: int = 120, seed: int = 0, drift: float = 0.0) -> Bars:
    """Three symbols with overnight moves; the second is listed late, the third misses a bar."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.cumprod(1.0 + drift + 0.01 * random.standard_normal((bars, 3)), axis=0)
    opens = np.vstack([close[:1], close[:-1]]) * (1.0 + 0.004 * random.standard_normal((bars, 3)))
    opens[:30, 1] = close[:30, 1] = opens[50, 2] = close[50, 2] = np.nan
    return bars_of(close, opens, start="2001-01-01")


def signs(bars: int, symbols: int = 3, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.repeat(random.choice([-1.0, 0.0, 1.0], (bars // 5 + 1, symbols)), 5, axis=0)[:bars] / symbols


def test_it_is_what_a_loop_over_the_books_finds() -> None:
    bars = panel()
    books = Market(costs=COSTS).backtest(bars, signs(120))
    symbols, total = 3, 120
    listed = np.array([[t >= (30 if s == 1 else 1) for s in range(symbols)] for t in range(total)])
    mark = np.where(bars.present, bars.open, books.prices)
    move, held = np.zeros((total, symbols)), np.zeros((total, symbols))
    for t in range(total):
        opened = books.cash[t] + sum(books.units[t, s] * mark[t, s] for s in range(symbols) if listed[t, s])
        for s in range(symbols):
            if listed[t, s]:
                after = mark[t + 1, s] if t + 1 < total else books.prices[t, s]
                move[t, s] = after / mark[t, s] - 1.0
                held[t, s] = books.units[t, s] * mark[t, s] / opened * listed[t].sum()
    expected = np.zeros(total)
    for s in range(symbols):
        own = np.flatnonzero(listed[:, s])
        for place, t in enumerate(own[:-1]):
            later = move[own[place + 1 :], s]
            ahead = math.sqrt(len(later) / (len(later) + 1)) * (move[t, s] - later.mean())
            expected[t] += (held[t, s] - held[own, s].mean()) * ahead / listed[t].sum()
    before = np.concatenate([[books.start_equity], books.equity[:-1]])
    paid = sum(books.costs[kind] for kind in ("commission", "spread", "impact", "borrow", "financing"))
    # Borrow and financing are paid during the bar, so the equity at the open is known to a basis point only.
    np.testing.assert_allclose(Timing.of(books).returns, expected - paid / before, rtol=1e-3, atol=1e-9)


def test_a_drift_earns_nothing() -> None:
    # The same decisions on the same walk with and without a drift: the Sharpe ratio moves, the timing does not.
    steps = 0.01 * np.random.default_rng(0).standard_normal(2000)
    long_or_flat = np.maximum(np.sign(signs(2000, 1)), 0.0)
    found, whole = [], []
    for drift in (0.0, 0.002):
        close = 100.0 * np.cumprod(1.0 + steps + drift)
        bars = bars_of(close, np.append(100.0, close[:-1]), start="2001-01-01")
        books = Market(costs=Costs.none(), rebalance="every_bar").backtest(bars, long_or_flat)
        found.append(Timing.of(books).sharpe)
        whole.append(metrics.annual_sharpe(books.returns, 365.0))
    assert found[0] == pytest.approx(found[1], abs=0.02)
    assert whole[1] - whole[0] > 1.0


def test_holding_has_no_timing() -> None:
    bars = panel()
    held = Market(costs=COSTS).backtest(bars, np.tile([0.0, 0.0, 1.0], (120, 1)))
    later = Timing.of(held.window(60, 120))
    assert np.abs(later.exposures).max() == 0.0
    assert later.average == pytest.approx(1.0, abs=0.001)


def test_a_split_is_no_move() -> None:
    bars = panel()
    factor = np.where(np.arange(120)[:, None] < 60, 1.0, 2.0) * np.ones((1, 3))
    prices = {name: getattr(bars, name) / factor for name in PRICES}
    split = replace(bars, extras={"adjustment": factor}, **prices)
    plain, after = (Timing.of(Market(costs=COSTS).backtest(each, signs(120))) for each in (bars, split))
    np.testing.assert_allclose(after.returns, plain.returns, atol=1e-12)


def test_a_constant_short_of_a_perpetual_earns_no_timing_by_its_funding() -> None:
    bars = panel()
    paid = replace(bars, extras={"funding_rate": np.full((120, 3), 0.001)})
    market = Market(costs=replace_costs(funding=True), rebalance="every_bar")
    short = np.full((120, 3), -0.3)
    with_funding, without = market.backtest(paid, short), market.backtest(bars, short)
    assert with_funding.equity[-1] > 1.05 * without.equity[-1]
    assert Timing.of(with_funding).returns.sum() == pytest.approx(Timing.of(without).returns.sum(), abs=2e-3)


def replace_costs(**changes: object) -> Costs:
    return Costs(**{**Costs.none().model_dump(), **changes})


def test_it_is_undefined_where_nothing_was_held() -> None:
    assert timing_sharpe(Market(costs=COSTS).backtest(panel(), np.zeros((120, 3)))) is None


def test_ruin_ends_the_timing() -> None:
    close = np.full(200, 100.0)
    close[100:] = 310.0
    bars = bars_of(close, start="2001-01-01")
    found = Timing.of(Market(costs=COSTS).backtest(bars, np.full(200, -1.0)))
    assert np.isfinite(found.returns).all()
    assert (found.costs[102:] == 0.0).all()


def test_what_an_ended_symbol_is_paid_out_at_is_part_of_its_last_move() -> None:
    price = np.full((40, 2), 100.0)
    price[20:, 1] = np.nan
    bars = bars_of(price, price, start="2001-01-01")
    targets = np.tile([0.5, 0.5], (40, 1))
    whole, part = (
        Timing.of(Market(costs=Costs.none(), delisting=factor).backtest(bars, targets)) for factor in (1.0, 0.3)
    )
    assert not whole.moves.any()
    rows, symbols = np.nonzero(part.moves)
    assert set(symbols) == {1}
    assert rows.max() <= 19
    assert part.moves[1, 1] > 0.0  # better than what comes later
