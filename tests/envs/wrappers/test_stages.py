"""Stages are easier markets by as much as they say, and the last of each preset is the market as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from regimen.envs import OwnStage, SimulatedStage
from regimen.envs.wrappers.stages import OWN, SIMULATED
from regimen.execution import Costs, MarketConfig

Make = Callable[..., Any]


def test_own_bars_come_closer_to_their_trend_line(make_bars: Make) -> None:
    bars = make_bars(length=200, symbols=2, holes=0.1).adjusted()
    eased = OwnStage(noise=0.25, trend_bars=5).path(bars, 0)
    np.testing.assert_array_equal(eased.present, bars.present)
    logs = np.log(bars.close)
    for t, s in np.argwhere(bars.present)[::7]:
        line = np.nanmean(logs[max(0, t - 2) : t + 3, s])
        assert np.log(eased.close[t, s]) - line == pytest.approx(0.25 * (logs[t, s] - line), abs=1e-12)
    there = bars.present
    assert (eased.high >= np.fmax(eased.open, eased.close))[there].all()
    assert (eased.low <= np.fmin(eased.open, eased.close))[there].all()
    calmer = OwnStage(volatility=0.5).path(bars, 0)
    known = np.isfinite(logs[:, 0])
    np.testing.assert_allclose(np.diff(np.log(calmer.close[known, 0])), 0.5 * np.diff(logs[known, 0]), atol=1e-12)
    assert OwnStage(commission=0.0).path(bars, 0) is bars


def test_costs_are_the_stated_share_of_the_true_ones() -> None:
    costs = Costs(commission_bps=3.0, half_spread_bps=2.0, impact_coefficient=1.0, borrow_annual=0.1, funding=False)
    true = MarketConfig(costs=costs, leverage=2.0, latency_bars=2)
    stage = OwnStage(commission=0.5, slippage=0.25).market(true)
    assert (stage.costs.commission_bps, stage.costs.half_spread_bps, stage.costs.impact_coefficient) == (1.5, 0.5, 0.25)
    assert (stage.costs.borrow_annual, stage.costs.funding, stage.leverage, stage.latency_bars) == (0.1, False, 2.0, 2)
    assert OwnStage().market(true) is true
    free = OwnStage(commission=0.0, slippage=0.0).market(MarketConfig(costs=Costs(commission_bps=3.0)))
    assert free.costs.zero_costs


def test_simulated_bars_stand_in_the_place_of_the_users(make_bars: Make) -> None:
    """Trend up alone: a drift of .8 base volatilities in a bar whose own is .9 of it, and a third of the user's."""
    bars = make_bars(length=4000, sigma=0.02, holes=0.05).adjusted()
    stage = SIMULATED[0].model_copy(update={"bounce": 0.0})
    path = stage.path(bars, 3)
    np.testing.assert_array_equal(path.present, bars.present)
    assert (path.time == bars.time).all()
    assert path.symbols == bars.symbols
    base = np.nanstd(np.diff(np.log(bars.close), axis=0)) / 3.0
    moves = np.diff(np.log(path.close[bars.present]))
    assert moves.mean() == pytest.approx(0.8 * base, rel=0.1)
    assert moves.std() == pytest.approx(0.9 * base, rel=0.15)
    assert (path.close != stage.path(bars, 4).close)[bars.present].any()
    bounced = SIMULATED[0].model_copy(update={"bounce": 1.0}).path(bars, 3)
    assert np.corrcoef(m := np.diff(np.log(bounced.close[bars.present])), np.roll(m, 1))[0, 1] < -0.3
    assert (bounced.high >= bounced.close)[bars.present].all()


@pytest.mark.parametrize("stages", [SIMULATED, OWN])
def test_the_five_stages_are_those_of_the_table_by_their_share_of_the_last(stages: tuple[Any, ...]) -> None:
    volatility, cost, slippage = (0.1, 0.15, 0.2, 0.25, 0.3), (0.0001, 0.001, 0.002, 0.003, 0.003), (0, 5, 10, 15, 20)
    assert [each.name for each in stages] == ["beginner", "intermediate", "advanced", "expert", "master"]
    np.testing.assert_allclose([each.volatility for each in stages], np.array(volatility) / 0.3)
    np.testing.assert_allclose([each.commission for each in stages], np.array(cost) / 0.003)
    np.testing.assert_allclose([each.slippage for each in stages], np.array(slippage) / 20)
    assert [each.is_true for each in stages] == [False] * 4 + [True]


def test_a_stage_of_unknown_or_repeated_regimes_is_refused() -> None:
    with pytest.raises(ValidationError, match="trend up"):
        SimulatedStage.model_validate({"bars": "simulated", "regimes": ["boom"]})
    with pytest.raises(ValidationError, match="must be named only once each"):
        SimulatedStage(bars="simulated", regimes=("range", "range"))
