"""What was earned in each state adds up to what was earned, exactly; and comes back from the file as it was."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.markets import bars_of, two_volatilities

from regimen import metrics
from regimen.execution import Costs, Ledger, Market
from regimen.judging import Judgement, MarketStates, Trials, judge, market_states, profit, regimes_of

COSTS = Costs(commission_bps=2.0, half_spread_bps=1.0)


def traded(symbols: int = 1, seed: int = 0) -> Ledger:
    targets = np.repeat(np.random.default_rng(seed).choice([-1.0, 0.0, 1.0], (400, symbols)), 5, axis=0) / symbols
    return Market(costs=COSTS).backtest(two_volatilities(symbols=symbols, seed=seed), targets, 800, 2000)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return traded()


def exactly(ledger: Ledger, inside: np.ndarray) -> Fraction:
    before = [ledger.start_equity, *ledger.equity[:-1].tolist()]
    pairs = zip(ledger.equity.tolist(), before, inside.tolist(), strict=True)
    return sum((Fraction(a) - Fraction(b) for a, b, chosen in pairs if chosen), Fraction()) / Fraction(
        ledger.start_equity
    )


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), parts=st.integers(1, 6))
def test_profits_of_a_partition_add_up_exactly(seed: int, parts: int) -> None:
    """Each is the exact sum of its bars, rounded; so their sum is the return of the account to the last digits."""
    ledger = traded(seed=seed % 3)
    at = np.random.default_rng(seed).integers(0, parts, len(ledger))
    profits = [profit(ledger, at == part) for part in range(parts)]
    for part, value in enumerate(profits):
        assert value == pytest.approx(float(exactly(ledger, at == part)), rel=4e-16, abs=1e-300)
    total = float(exactly(ledger, np.ones(len(ledger), bool)))
    assert total == ledger.equity[-1] / ledger.start_equity - 1.0 or math.isclose(
        total, ledger.equity[-1] / ledger.start_equity - 1.0, rel_tol=1e-12
    )
    assert abs(math.fsum(profits) - total) <= 2e-16 * sum(map(abs, profits)) + 2e-16 * abs(total)


@pytest.mark.parametrize("symbols", [1, 3])
def test_every_partition_holds_every_bar_and_the_whole_profit(symbols: int) -> None:
    ledger, history = traded(symbols), two_volatilities(symbols=symbols)
    total = ledger.equity[-1] / ledger.start_equity - 1.0
    tables = regimes_of(ledger, market_states(ledger.bars, history), draws=50)
    assert [table.kind for table in tables] == ["hidden_markov", "volatility"]
    for table in tables:
        assert sum(row.bars for row in table.rows) == len(ledger)
        assert sum(row.share for row in table.rows) == pytest.approx(1.0, abs=1e-15)
        assert math.fsum(row.pnl for row in table.rows) == pytest.approx(total, rel=1e-12)
        wealth = np.prod([1.0 + row.total_return for row in table.rows])
        assert wealth == pytest.approx(1.0 + total, rel=1e-10)
        prices = np.prod([1.0 + row.market_return for row in table.rows])
        assert prices == pytest.approx(np.prod(1.0 + np.mean(history.close[801:] / history.close[800:-1] - 1.0, 1)))
        assert sum(row.directional_bars for row in table.rows) > 0
    calm, turbulent = tables[0].rows
    assert calm.market_volatility < 0.5 * turbulent.market_volatility


def test_a_row_is_what_the_metrics_say(ledger: Ledger) -> None:
    hidden = market_states(ledger.bars, two_volatilities())[0]
    row = regimes_of(ledger, [hidden], draws=50)[0].rows[1]
    inside, yearly = hidden.at == 1, ledger.bars.periods_per_year
    assert row.bars == inside.sum()
    assert row.sharpe == metrics.annual_sharpe(ledger.returns[inside], yearly)
    interval = metrics.conditional_sharpe_interval(ledger.returns, inside, yearly, draws=50)
    assert row.sharpe_interval == (interval.low, interval.high)
    moves = np.sign(ledger.bars.close - ledger.bars.open)[inside, 0]
    sides = np.sign(ledger.exposure)[inside, 0]
    counted = (moves != 0) & (sides != 0)
    assert row.directional_accuracy == pytest.approx((moves == sides)[counted].mean())
    assert row.directional_bars == counted.sum()


def test_a_ruined_account_adds_up_as_well() -> None:
    close = np.concatenate((np.full(300, 100.0), np.full(100, 400.0), np.full(200, 50.0)))[:, None]
    ledger = Market(costs=COSTS, leverage=3.0).backtest(bars_of(close), np.full((600, 1), -2.0))
    assert ledger.ruined
    table = regimes_of(
        ledger, [MarketStates("half", "Halves", "", ("first", "second"), np.arange(600) // 300)], draws=10
    )[0]
    total = ledger.equity[-1] / ledger.start_equity - 1.0
    assert sum(row.pnl for row in table.rows) == pytest.approx(total, rel=1e-12)


def test_the_judgement_has_them_and_keeps_them(ledger: Ledger) -> None:
    states = market_states(ledger.bars, two_volatilities())
    judgement = judge(ledger, Trials(3), draws=20, bootstrap_draws=50, states=states)
    assert judgement.regimes == regimes_of(ledger, states, draws=50)
    values = json.loads(json.dumps(judgement.to_dict(), allow_nan=False))
    again = Judgement.from_dict(values)
    assert json.dumps(again.to_dict()) == json.dumps(values)
    assert again.regimes is not None
    assert [table.rows[0].name for table in again.regimes] == ["calm", "calm"]
    former = judge(ledger, Trials(3), draws=20, bootstrap_draws=50)
    assert former.regimes is None
    assert "regimes" not in former.to_dict()
    assert replace(judgement, regimes=None).to_dict() == former.to_dict()
