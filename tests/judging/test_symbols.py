"""Profits by symbol add up to the account's, and are what each symbol alone would have brought."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import bars_of, two_volatilities

from regimen.execution import Costs, Market
from regimen.judging import symbol_profits

COSTS = Costs(commission_bps=4.0, half_spread_bps=1.0, borrow_annual=0.05, financing_annual=0.03)


def exposures(symbols: int, seed: int = 0) -> np.ndarray:
    return np.repeat(np.random.default_rng(seed).choice([-0.4, 0.0, 0.6], (200, symbols)), 5, axis=0)


@pytest.mark.parametrize("symbols", [1, 4])
def test_they_add_up_to_the_return_of_the_account(symbols: int) -> None:
    ledger = Market(costs=COSTS, leverage=3.0).backtest(two_volatilities(1000, symbols), exposures(symbols))
    profits = symbol_profits(ledger)
    assert [row.symbol for row in profits.rows] == list(ledger.symbols)
    total = ledger.equity[-1] / ledger.start_equity - 1.0
    assert sum(row.pnl for row in profits.rows) + profits.holding == pytest.approx(total, abs=1e-12)
    paid = sum(float(ledger.costs[kind].sum()) for kind in ("commission", "spread")) / ledger.start_equity
    assert sum(row.costs for row in profits.rows) == pytest.approx(paid, rel=1e-12)
    assert sum(row.fills for row in profits.rows) == ledger.fills.num_rows
    assert profits.holding < 0.0


def test_a_symbol_that_alone_is_traded_has_all_of_it() -> None:
    targets = exposures(3)
    targets[:, [0, 2]] = 0.0
    profits = symbol_profits(Market(costs=COSTS).backtest(two_volatilities(1000, 3), targets))
    assert profits.rows[0].pnl == profits.rows[2].pnl == 0.0
    assert profits.rows[1].pnl != 0.0
    assert profits.rows[1].fills > 0


def test_one_that_ends_is_paid_out() -> None:
    close = np.array(two_volatilities(400, 2).close)
    close[250:, 1] = np.nan
    ledger = Market(costs=COSTS).backtest(bars_of(close), np.full((400, 2), 0.5))
    profits = symbol_profits(ledger)
    total = ledger.equity[-1] / ledger.start_equity - 1.0
    assert sum(row.pnl for row in profits.rows) + profits.holding == pytest.approx(total, abs=1e-12)


def test_nothing_traded_is_nothing_earned() -> None:
    profits = symbol_profits(Market(costs=COSTS).backtest(two_volatilities(300, 2), np.zeros((300, 2))))
    assert [(row.pnl, row.fills) for row in profits.rows] == [(0.0, 0), (0.0, 0)]
    assert profits.holding == 0.0
