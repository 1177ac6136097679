"""Regimes by past volatility, and crises by date, whose parts add up."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars
from regimen.execution import Costs, Ledger, Market
from regimen.judging import EPISODES
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
    return Bars.from_frame(pd.DataFrame(frame)) if hasattr(Bars, "from_frame") else Bars.read(pd.DataFrame(frame))


def _traded(bars: Bars, begin: int) -> Ledger:
    exposures = np.where(np.arange(len(bars)) % 7 < 4, 1.0, -0.5)[:, None]
    return Market(costs=Costs(commission_bps=5.0)).backtest(bars, exposures, begin, len(bars))


def _prepared(bars: Bars, volatility: np.ndarray, edges: list[tuple[int, int, int]]) -> Prepared:
    windows = [
        SimpleNamespace(
            number=number, train=SimpleNamespace(start=first, stop=test), test=SimpleNamespace(start=test, stop=stop)
        )
        for number, (first, test, stop) in enumerate(edges)
    ]
    made = SimpleNamespace(bars=bars, volatility=volatility, windows=windows, span=(edges[0][1], edges[-1][2]))
    return cast(Prepared, made)


def test_what_regimes_earned_adds_up_to_what_the_run_earned() -> None:
    bars = _bars("2019-01-01", 700)
    ledger = _traded(bars, 300)
    volatility = np.random.default_rng(1).gamma(2.0, size=(700, 1))
    volatility[350:360] = np.nan
    spells = regimes_of(_prepared(bars, volatility, [(0, 300, 500), (200, 500, 700)]), ledger)
    assert [spell.name for spell in spells] == ["calm", "normal", "turbulent", "unknown"]
    assert sum(spell.bars for spell in spells) == len(ledger) == 400
    assert spells[-1].bars == 10
    total = ledger.equity[-1] / ledger.start_equity - 1.0
    assert sum(spell.pnl for spell in spells) == pytest.approx(total, abs=1e-12)
    wealth = np.prod([1.0 + spell.earned for spell in spells])
    assert wealth == pytest.approx(1.0 + total, rel=1e-9)
    prices = bars.close[-1, 0] / bars.close[300, 0] - 1.0  # a window's books do not see the bar before it
    assert np.prod([1.0 + spell.market for spell in spells]) - 1.0 == pytest.approx(prices, rel=1e-9)


def test_a_regime_is_decided_by_the_past_alone() -> None:
    """Terciles of the training slice, the volatility before the bar: changing bar t changes the regime of t + 1."""
    bars = _bars("2019-01-01", 400)
    ledger = _traded(bars, 300)
    volatility = np.tile(np.array([[1.0], [2.0], [3.0]]), (134, 1))[:400]

    def counts(values: np.ndarray) -> dict[str, int]:
        spells = regimes_of(_prepared(bars, values, [(0, 300, 400)]), ledger)
        return {spell.name: spell.bars for spell in spells}

    before = counts(volatility)
    assert before == {"calm": 33, "normal": 33, "turbulent": 34}
    future = volatility.copy()
    future[399] = 99.0  # the last bar's own volatility is in nobody's past
    assert counts(future) == before
    future[300] = 99.0  # was calm; bar 301 sees it
    assert counts(future) == {"calm": 32, "normal": 33, "turbulent": 35}
    future[300:] *= 50.0  # thresholds do not move with the test span
    assert counts(future)["turbulent"] == 99 + (volatility[299, 0] == 3.0)


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


def test_a_panel_has_one_regime_a_bar() -> None:
    bars = _bars("2019-01-01", 200)
    ledger: Any = _traded(bars, 100)
    volatility = np.random.default_rng(2).gamma(2.0, size=(200, 3))
    volatility[::3, 1] = np.nan
    spells = regimes_of(_prepared(bars, volatility, [(0, 100, 200)]), ledger)
    assert sum(spell.bars for spell in spells) == 100
    assert "unknown" not in {spell.name for spell in spells}
    assert replace(spells[0], bars=1).bars == 1
