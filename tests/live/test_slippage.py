"""Slippage is what the fills of a backtest cost beyond the close before them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.live.accounts import events, setup_of, walk

from regimen.bars import Bars
from regimen.execution import Costs, MarketConfig
from regimen.live import Engine, slippage_of

FIRST = 60


def slipped(bars: Bars, costs: Costs) -> tuple[list[float | None], list[list[float]]]:
    """Returns what the engine says at each bar, and the same from the fills of a backtest of its targets."""
    setup = setup_of(bars, market=MarketConfig(costs=costs).at(bars))
    engine, said = Engine(setup), []
    state, targets = engine.initial(), np.full(bars.shape, np.nan)
    for t, event in enumerate(events(bars, FIRST)):
        stepped = engine.step(state, event)
        if t > FIRST:
            said.append(slippage_of(state, stepped.state))
        if t >= FIRST:
            targets[t] = [np.nan if each.target is None else each.target for each in stepped.answer.symbols]
        state = stepped.state
    fills = setup.market.build().backtest(bars, targets, FIRST, len(bars)).fills
    times = fills["time"].to_numpy().astype("datetime64[ns]")
    filled = fills.to_pydict()
    expected: list[list[float]] = []
    for t in range(FIRST + 1, len(bars)):
        of_bar = np.flatnonzero(times == bars.time[t])
        worse = notional = 0.0
        for k in of_bar.tolist():
            s = bars.symbols.index(filled["symbol"][k])
            units, before = float(filled["units"][k]), float(bars.close[:t, s][~np.isnan(bars.close[:t, s])][-1])
            worse += units * (float(bars.open[t, s]) - before) + float(filled["spread"][k]) + float(filled["impact"][k])
            notional += abs(units) * before
        expected.append([1e4 * worse / notional] if notional else [])
    return said, expected


@pytest.mark.parametrize(("symbols", "holes"), [(1, False), (3, True)])
def test_it_is_that_of_the_fills_of_a_backtest(symbols: int, holes: bool) -> None:
    bars = walk(300, symbols=symbols, holes=holes, seed=4)
    said, expected = slipped(bars, Costs(commission_bps=5.0, half_spread_bps=2.0, impact_coefficient=0.3))
    assert sum(len(each) for each in expected) > 100
    for ours, theirs in zip(said, expected, strict=True):
        assert ([] if ours is None else [ours]) == pytest.approx(theirs, rel=1e-7, abs=1e-7)


def test_where_the_open_is_the_close_before_it_is_half_the_spread() -> None:
    bars = walk(300, seed=4)
    table = {name: np.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")}
    table["open"][1:] = table["close"][:-1]
    table["high"] = np.maximum(table["high"], table["open"])
    table["low"] = np.minimum(table["low"], table["open"])
    still = Bars.from_arrays(bars.time, symbols=bars.symbols, **table)
    said, _ = slipped(still, Costs(commission_bps=5.0, half_spread_bps=3.0))
    known = [each for each in said if each is not None]
    assert len(known) > 50
    assert known == pytest.approx([3.0] * len(known), rel=1e-6)
