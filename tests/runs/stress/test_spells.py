"""Regimes by past volatility, and crises by date, whose parts add up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars
from regimen.execution import Costs, Ledger, Market
from regimen.judging import EPISODES, market_states
from regimen.runs.prepare import Prepared
from regimen.runs.stress.spells import episodes_of, regimes_of


def _bars(start: str, count: int, freq: str = "D", seed: int = 0) -> Bars:
    rng = np.random.default_rng(seed)
    risk = np.where(np.arange(count) % 60 < 30, 0.005, 0.03)
    close = 100 * np.exp(np.cumsum(risk * rng.normal(size=count)))
    opens = np.concatenate([[100.0], close[:-1]])
    frame = {
        "timestamp": pd.date_range(start, periods=count, freq=freq, tz="UTC"),
        "open": opens,
        "high": np.maximum(opens, close) * 1.001,
        "low": np.minimum(opens, close) * 0.999,
        "close": close,
        "volume": np.ones(count),
    }
    return Bars.from_frame(pd.DataFrame(frame))


def _traded(bars: Bars, begin: int) -> Ledger:
    exposures = np.where(np.arange(len(bars)) % 7 < 4, 1.0, -0.5)[:, None]
    return Market(costs=Costs(commission_bps=5.0)).backtest(bars, exposures, begin, len(bars))


def _prepared(bars: Bars) -> Prepared:
    return cast(Prepared, SimpleNamespace(bars=bars))


def test_what_regimes_earned_adds_up_to_what_the_run_earned() -> None:
    bars = _bars("2019-01-01", 900)
    ledger = _traded(bars, 200)
    spells = regimes_of(_prepared(bars), ledger)
    assert [spell.name for spell in spells] == ["calm", "normal", "turbulent", "not known"]
    assert sum(spell.bars for spell in spells) == len(ledger) == 700
    assert spells[-1].bars > 50  # a rule is fitted to 250 bars at least
    total = ledger.equity[-1] / ledger.start_equity - 1.0
    assert sum(spell.pnl for spell in spells) == pytest.approx(total, abs=1e-12)
    wealth = np.prod([1.0 + spell.earned for spell in spells])
    assert wealth == pytest.approx(1.0 + total, rel=1e-9)
    prices = bars.close[-1, 0] / bars.close[200, 0] - 1.0  # a window's books do not see the bar before it
    assert np.prod([1.0 + spell.market for spell in spells]) - 1.0 == pytest.approx(prices, rel=1e-9)


def test_a_symbol_that_has_ended_is_no_part_of_the_prices() -> None:
    alone, other = _bars("2019-01-01", 900), _bars("2019-01-01", 900, seed=1)
    frame = pd.concat([alone.to_frame().assign(symbol="A"), other.to_frame().assign(symbol="B").iloc[:400]])
    bars = Bars.from_frame(frame.sort_values(["timestamp", "symbol"]))
    ledger = Market(costs=Costs(commission_bps=5.0)).backtest(bars, np.full((900, 2), 0.3), 200, 900)
    spells = regimes_of(_prepared(bars), ledger)
    moves = pd.DataFrame(ledger.bars.close).pct_change(fill_method=None).mean(axis=1)
    expected = float((1.0 + moves.fillna(0.0)).prod()) - 1.0
    assert np.prod([1.0 + spell.market for spell in spells]) - 1.0 == pytest.approx(expected, rel=1e-9)


def test_regimes_are_those_of_the_judge_which_know_the_bars_before() -> None:
    bars = _bars("2019-01-01", 900)
    ledger = _traded(bars, 500)
    by_volatility = market_states(ledger.bars, bars, ledger.market.latency_bars)[1]
    expected = {
        name: int((by_volatility.at == number).sum())
        for number, name in enumerate(by_volatility.names)
        if (by_volatility.at == number).any()
    }
    spells = regimes_of(_prepared(bars), ledger)
    assert {spell.name: spell.bars for spell in spells} == expected
    assert set(expected) == {"calm", "normal", "turbulent"}
    assert expected != {spell.name: spell.bars for spell in regimes_of(_prepared(ledger.bars), ledger)}


def test_crises_are_those_that_were_traded_through() -> None:
    bars = _bars("2020-01-01", 1100)
    ledger = _traded(bars, 60)  # from 1 March 2020
    covid, luna, ftx = episodes_of(ledger)
    assert [covid.name, luna.name, ftx.name] == [each.name for each in EPISODES[1:]]
    assert (covid.first, covid.last, covid.bars) == ("2020-03-01", "2020-03-31", 31)
    assert (luna.first, luna.last, luna.bars) == ("2022-05-05", "2022-05-31", 27)
    inside = (ledger.time >= np.datetime64("2022-05-05")) & (ledger.time < np.datetime64("2022-06-01"))
    assert luna.earned == pytest.approx(np.prod(1.0 + ledger.returns[inside]) - 1.0)
    assert 0.0 <= luna.drawdown <= 1.0
    assert luna.bars == int(inside.sum())
    assert episodes_of(_traded(_bars("2015-01-01", 200), 60)) == ()
