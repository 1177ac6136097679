"""Bars one at a time: the tape of a feed is that of the whole series, and its account has the money of a backtest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.execution import Costs, Feed, LiveAccount, Market, MarketConfig, Tape
from regimen.execution.streaming.feed import _push

RICH = Costs(
    commission_bps=1.0, half_spread_bps=2.0, impact_coefficient=1.0, impact_span=7, borrow_annual=0.1, funding=True
)


def panel(length: int = 120) -> Bars:
    """Three symbols: one whole, one with a hole that lists late, one that ends; splits and funding."""
    rng = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(0.02 * rng.standard_normal((length, 3)), axis=0))
    factor = np.ones((length, 3))
    factor[40:, 0] = 2.0
    close[40:, 0] /= 2.0
    open_ = close * np.exp(0.005 * rng.standard_normal(close.shape))
    columns: dict[str, Any] = {
        "open": open_, "high": np.maximum(open_, close) * 1.01, "low": np.minimum(open_, close) * 0.99, "close": close,
        "volume": rng.uniform(1e3, 1e5, close.shape),
    }  # fmt: skip
    rates = np.where(rng.random((length, 3)) < 0.2, 1e-4, np.nan)
    for column in (*columns.values(), factor, rates):
        column[30:36, 1] = column[:9, 1] = column[80:, 2] = np.nan
    extras = {"adjustment": factor, "funding_rate": rates, "payout": np.full((length, 3), 0.4)}
    return Bars.from_arrays(
        np.datetime64("2024-01-01") + np.arange(length),
        symbols=("A", "B", "C"),
        extras=extras,
        **columns,
        checked=False,
    )


def pushed(feed: Feed, bars: Bars, t: int, **changes: Any) -> Tape:
    bar = np.stack([getattr(bars, name)[t] for name in ("open", "high", "low", "close", "volume")])
    given: dict[str, Any] = {
        "stamp": int(bars.time.view(np.int64)[t]), "bar": bar, "listed": bars.listed[t],
        "adjustment": bars.extras["adjustment"][t], "funding": bars.extras["funding_rate"][t],
        "payouts": np.where(bars.listed[t], 1.0, 0.4),
    }  # fmt: skip
    return feed.push(**{**given, **changes})


def test_the_tape_after_a_bar_is_that_of_the_whole_series() -> None:
    bars = panel()
    whole = Tape.of(bars, RICH)
    feed = Feed(3, RICH, splits=True, funding=True)
    for t in range(len(bars)):
        tape, expected = pushed(feed, bars, t), whole.at(t)
        last = len(tape.stamps) - 1
        np.testing.assert_array_equal(tape.stamps, expected.stamps)
        for name in ("opens", "highs", "lows", "closes", "volumes", "variances", "ratios"):
            np.testing.assert_array_equal(getattr(tape, name), getattr(expected, name), err_msg=f"{name} {t}")
        np.testing.assert_array_equal(tape.fundings[last], expected.fundings[last])
        np.testing.assert_array_equal(last > tape.ends, last > expected.ends)


@pytest.mark.compiled
def test_bars_with_more_columns_and_with_fewer_are_compiled_once() -> None:
    bars, compiled = panel(), []
    for changes in ({}, {"listed": None}, {"adjustment": None}, {"funding": None}):
        pushed(Feed(3, RICH, splits=True, funding=True), bars, 0, **changes)
        compiled.append(len(_push.signatures))
    assert set(compiled) == {compiled[0]}


def test_a_feed_goes_on_from_its_state() -> None:
    bars = panel()
    whole, first, second = (Feed(3, RICH, splits=True, funding=True) for _ in range(3))
    for t in range(60):
        pushed(whole, bars, t)
        pushed(first, bars, t)
    second.restore(first.state())
    for t in range(60, len(bars)):
        ours, theirs = pushed(second, bars, t), pushed(whole, bars, t)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, other)
    with pytest.raises(DataError, match="feed state: must be that of 2 symbols"):
        Feed(2, RICH).restore(first.state())


@pytest.mark.parametrize("latency", [1, 3])
def test_an_account_that_steps_along_a_feed_has_the_equity_of_the_backtest(latency: int) -> None:
    bars = panel()
    config = MarketConfig(
        costs=RICH, latency_bars=latency, participation_cap=0.2, rebalance="every_bar", delisting="payout"
    )
    targets = np.clip(np.random.default_rng(0).normal(0, 0.3, bars.shape), -0.33, 0.33)
    ledger = config.build().backtest(bars, targets, 5, 110)
    feed, account = Feed(3, RICH, splits=True, funding=True), LiveAccount(config, 3)
    feed.replay(bars.window(0, 5))
    equity, cash, units = [], [], []
    for t in range(5, 110):
        account.step(pushed(feed, bars, t))
        account.decide(targets[t])
        equity.append(account.equity)
        cash.append(account.cash)
        units.append(account.units)
    np.testing.assert_array_equal(ledger.equity, equity)
    np.testing.assert_array_equal(ledger.cash, cash)
    np.testing.assert_array_equal(ledger.units, units)
    assert len({*equity}) > 90


def test_what_cannot_be_traded_is_one_line_and_changes_nothing() -> None:
    bars = panel()
    feed, untouched = (Feed(3, RICH, splits=True, funding=True) for _ in range(2))
    for each in (feed, untouched):
        pushed(each, bars, 0)
    bad = np.full((5, 3), 100.0)
    low, volume = bad.copy(), bad.copy()
    low[2, 1], volume[4, 0] = -1.0, np.inf
    for changes, line in (
        ({"stamp": int(bars.time.view(np.int64)[0])}, "time: must be after the last bar; got '2024-01-01"),
        ({"bar": low}, "bar: must have prices that are positive and finite"),
        ({"bar": volume}, "volume: must be finite and not negative, or NaN; got inf"),
        ({"adjustment": np.zeros(3)}, "adjustment: must be positive and finite, or NaN; got 0.0"),
    ):
        with pytest.raises(DataError) as caught:
            pushed(feed, bars, 1, **changes)
        assert str(caught.value).startswith(line)
    np.testing.assert_array_equal(pushed(feed, bars, 1).closes, pushed(untouched, bars, 1).closes)
    with pytest.raises(DataError, match=r"bars.symbols: must be 3"):
        feed.replay(bars.select("A"))


def test_an_account_refuses_the_tape_of_another_market() -> None:
    bars = panel()
    account = LiveAccount(MarketConfig(costs=RICH), 3)
    with pytest.raises(ConfigError, match="tape: must be made for the same impact_coefficient"):
        account.step(Market(costs=Costs()).tape(bars).at(1))
    with pytest.raises(DataError, match="tape: must have 3 symbols; got 1"):
        account.step(Tape.of(bars.select("A"), RICH).at(1))


def test_what_is_in_force_and_what_waits() -> None:
    """A fifth of a bar's volume lets 20 of 50 units through at an open; the rest waits, and is filled later."""
    bars = Bars.from_arrays(
        np.datetime64("2024-01-01") + np.arange(6),
        **dict.fromkeys(("open", "high", "low", "close"), np.full(6, 100.0)),
        volume=np.full(6, 100.0),
        checked=False,
    )
    costs = Costs(zero_costs=True, commission_bps=0.0, half_spread_bps=0.0)
    config = MarketConfig(costs=costs, initial_cash=10_000.0, participation_cap=0.2)
    account, tape = LiveAccount(config, 1), Tape.of(bars, costs)
    exposures, waiting = [], []
    for t in range(6):
        account.step(tape.at(t))
        exposures.append(float(account.exposures[0]))
        waiting.append(bool(account.waiting[0]))
        account.decide(np.array([0.5]))
    assert exposures == [0.0, 0.2, 0.4, 0.5, 0.5, 0.5]
    assert waiting == [False, True, True, False, False, False]
    assert account.aims.tolist() == [0.5]
