"""Crises as markets: real before they begin, a crisis where they say, and a policy that can be traded on them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import random_walk

import regimen as rg
from regimen.augment import scenarios
from regimen.augment.crises import TEMPLATES
from regimen.errors import DataError


def test_a_scenario_is_real_until_its_crisis_and_can_be_traded() -> None:
    bars = random_walk(300, symbols=2, seed=1)  # daily
    each = scenarios(bars, seed=4, draws=2, first=200)
    assert [(one.name, one.draw) for one in each] == [(name, draw) for name in TEMPLATES for draw in (0, 1)]
    market = rg.Market(costs=rg.Costs(commission_bps=5.0))
    for one in each:
        template = TEMPLATES[one.name]
        assert 200 <= one.start < one.stop <= len(bars)
        assert one.stop - one.start == template.bars(bars.bar_length)
        np.testing.assert_allclose(one.bars.close[: one.start], bars.close[: one.start])
        lowest = one.bars.low[one.start : one.stop].min(axis=0) / one.bars.close[one.start - 1]
        assert (lowest < 1 - 0.9 * template.drawdown).all()
        held = market.backtest(one.bars, rg.Constant(0.5))
        calm = market.backtest(bars, rg.Constant(0.5))
        assert held.equity.min() < calm.equity.min()
    again = scenarios(bars, seed=4, draws=2, first=200)
    assert [one.bars.fingerprint for one in again] == [one.bars.fingerprint for one in each]
    assert len({one.bars.fingerprint for one in each}) == 8
    assert "ftx-2022" in repr(each[4])


def test_what_no_scenario_can_be_made_of_is_refused() -> None:
    bars = random_walk(30)
    with pytest.raises(DataError, match=r"^scenarios.bars: must hold 16 bars from the first at which .*; got 10"):
        scenarios(bars, 0, first=20)
    with pytest.raises(DataError, match=r"^scenarios.templates: must be among covid-2020, .*; got 'tulips'"):
        scenarios(bars, 0, templates=("tulips",))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"^scenarios.draws: must be at least 1; got 0"):
        scenarios(bars, 0, draws=0)
