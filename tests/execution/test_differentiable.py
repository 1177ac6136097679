"""The account in torch against the account step, on the random cases of the step's own twin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from regimen.bars import Bars
from regimen.errors import RunError
from regimen.execution import COST_KINDS, Costs, Ledger, Market, MarketConfig, differentiable
from regimen.execution.differentiable import KINDS, Book, DifferentiableAccount

from .test_step import random_case


def smooth_case(seed: int) -> tuple[Market, Bars, np.ndarray]:
    """Returns a random case of the twin without what the account in torch refuses: one symbol, no gap, no jump."""
    market, bars, targets = random_case(seed)
    whole = bars.present[:, -1]
    config = market.config
    costs = config.costs
    if not costs.is_free:
        rates = {**costs.model_dump(), "commission_fixed": 0.0}
        costs = Costs(**rates) if any(rates[name] for name in rates if name.endswith(("bps", "annual"))) else Costs()
    smooth = {"lot_size": 0.0, "participation_cap": None, "rebalance_band": 0.0, "intrabar_margin": False}
    one = Bars(
        bars.time[whole],
        bars.symbols[-1:],
        *(np.ascontiguousarray(getattr(bars, name)[whole, -1:]) for name in ("open", "high", "low", "close", "volume")),
        bars.bar_length,
        bars.calendar,
        {name: np.ascontiguousarray(column[whole, -1:]) for name, column in bars.extras.items()},
    )
    return Market(config.model_copy(update={**smooth, "costs": costs})), one, targets[whole, -1:]


def stepped(market: Market, bars: Bars, targets: np.ndarray) -> tuple[list[Book], list[float]]:
    """Steps one account in torch through all bars; returns its books and turnovers."""
    account = DifferentiableAccount(market.config, bars)
    zero = torch.zeros(1, dtype=torch.float64)
    book = account.open(torch.tensor([0]), zero, market.config.initial_cash)
    books, turnovers = [], []
    for t in range(len(bars)):
        decided = t - market.config.latency_bars
        target = math.nan if decided < 0 else float(targets[decided, 0])
        wanted = None if math.isnan(target) else torch.tensor([target], dtype=torch.float64)
        book, turnover = account.step(book, wanted, torch.tensor([t]))
        books.append(book)
        turnovers.append(float(turnover))
    return books, turnovers


def assert_same(books: list[Book], turnovers: list[float], ledger: Ledger) -> None:
    held = np.abs(ledger.units * ledger.prices).sum(axis=1)
    money = 1e-9 * max(np.abs(ledger.equity).max(), np.abs(ledger.cash).max(), held.max(), 1.0)
    for name in ("equity", "cash"):
        mine = np.array([float(getattr(book, name)) for book in books])
        np.testing.assert_allclose(mine, getattr(ledger, name), rtol=0.0, atol=money, err_msg=name)
    units = np.array([float(book.units) for book in books])
    np.testing.assert_allclose(units, ledger.units[:, 0], rtol=1e-8, atol=1e-9 * max(1.0, np.abs(units).max()))
    np.testing.assert_allclose(turnovers, ledger.turnover, rtol=1e-6, atol=1e-9)
    assert bool(books[-1].ruined) == ledger.ruined


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_account_in_torch_agrees_with_the_step(seed: int) -> None:
    market, bars, targets = smooth_case(seed)
    if len(bars) < 2:
        return
    ledger = market.backtest(bars, targets)
    event(f"ruined: {ledger.ruined}")
    event(f"liquidated: {ledger.liquidations > 0}")
    assert_same(*stepped(market, bars, targets), ledger)


def test_the_cases_reach_every_cost_and_margin_calls() -> None:
    charged: set[str] = set()
    counts = np.zeros(4, int)
    for seed in range(60):
        market, bars, targets = smooth_case(seed)
        ledger = market.backtest(bars, targets)
        charged |= {kind for kind, paid in ledger.costs.items() if paid.any()}
        counts += np.array([ledger.clips, ledger.liquidations, ledger.unpriced, ledger.ruined]) > 0
    assert charged == set(COST_KINDS)
    assert (counts >= 3).all(), counts


def test_stamp_duty_has_a_gradient_on_the_side_of_sales() -> None:
    bars = smooth_case(0)[1]
    config = MarketConfig(costs=Costs(commission_bps=0.0, half_spread_bps=0.0, stamp_duty_bps=100.0, funding=False))
    account = DifferentiableAccount(config, bars)
    half = torch.tensor([0.5], dtype=torch.float64)
    for target, slope in ((0.4, 0.01), (0.6, 0.0)):  # less is sold the higher the target is
        wanted = torch.tensor([target], dtype=torch.float64, requires_grad=True)
        book = account.open(torch.tensor([0]), half, 1.0)
        cost_free = DifferentiableAccount(MarketConfig(costs=Costs.none()), bars)
        paid = (
            cost_free.step(book, wanted, torch.tensor([1]))[0].equity
            - account.step(book, wanted, torch.tensor([1]))[0].equity
        )
        paid.sum().backward()  # type: ignore[no-untyped-call]
        assert wanted.grad is not None
        equity = float(bars.open[1, 0] / bars.close[0, 0] * 0.5 + 0.5)
        assert float(wanted.grad) == pytest.approx(-slope * equity, abs=1e-12)


def test_a_cost_that_is_not_known_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(COST_KINDS) == KINDS
    _, bars, _ = smooth_case(0)
    monkeypatch.setattr(differentiable, "KINDS", KINDS - {"stamp_duty"})
    DifferentiableAccount(MarketConfig(costs=Costs()), bars)
    with pytest.raises(RunError, match=r"market\.costs: must not charge stamp_duty, to be differentiated"):
        DifferentiableAccount(MarketConfig(costs=Costs(stamp_duty_bps=5.0)), bars)
