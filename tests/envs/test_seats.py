"""Seats that are given exposures instead of actions, and what is read off their state; their bits are in the contracts.

What else they do is compared with the lanes in `tests/contracts/test_bar_by_bar.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import Seats, VectorMarketConfig
from regimen.envs.seat_steps import advance_seats, look_seats
from regimen.errors import RunError
from regimen.execution import Costs, MarketConfig, Moment

MARKET = MarketConfig(costs=Costs(commission_bps=1.0, half_spread_bps=1.0))
LENGTH = 60


def moments() -> Iterator[Moment]:
    """Bars of two symbols, the second with a hole and a row of features that is not known."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(0.02 * rng.standard_normal((LENGTH, 2)), axis=0))
    close[20:23, 1] = np.nan
    features = rng.standard_normal((LENGTH, 2, 2))
    features[:3] = features[40, 1] = np.nan
    bars = Bars.from_arrays(
        np.datetime64("2024-01-01") + np.arange(LENGTH), open=close, high=close, low=close, close=close,
        volume=np.where(np.isnan(close), np.nan, 1e6), symbols=("A", "B"), checked=False
    )  # fmt: skip
    history = MARKET.build().history(bars, features)
    return (history.at(t) for t in range(LENGTH - 1))


@pytest.mark.parametrize(
    "actions",
    ["levels", "verbs", "continuous", {"kind": "continuous", "smoothing": 0.4, "dead_band": 0.2}],
)
def test_exposures_that_are_enforced_do_what_the_actions_did_that_they_come_from(actions: Any) -> None:
    config = VectorMarketConfig(market=MARKET, actions=actions, context=2)
    seats = Seats(config, config.observation(("a", "b")))
    rng = np.random.default_rng(0)
    decided, enforced = np.zeros((2, seats.width)), np.zeros((2, seats.width))
    some, acted = 0, set()
    for moment in moments():
        room, other = seats.room(moment.tape), seats.room(moment.tape)
        seen, again = seats.advance(moment, decided, room), seats.advance(moment, enforced, other)
        np.testing.assert_array_equal(seen.rows, again.rows)
        if len(seen.acting) == 0:
            continue
        whole, before = seats.whole(decided) & moment.present, seats.in_force(decided).copy()
        drawn = rng.uniform(config.actions.low, config.actions.high, len(seen.acting))
        drawn = drawn if config.actions.kind == "continuous" else np.round(drawn)
        exposures = seats.decide(drawn, seen, decided)
        wanted = np.where(whole, exposures, 0.77)[seen.acting]  # what is not whole is flat, whatever is wanted
        np.testing.assert_array_equal(seats.enforce(wanted, again, enforced), exposures)
        np.testing.assert_array_equal(enforced, decided)
        kept = np.where(moment.present, exposures, before)
        np.testing.assert_array_equal(seats.in_force(enforced)[seen.acting], kept[seen.acting])
        assert np.isnan(exposures[~moment.present & (before != 0.0)]).all()
        some += int((~whole[seen.acting]).sum())
        acted |= set(exposures[whole])
    assert some > 3
    assert len(acted) > 2


@pytest.mark.compiled
def test_a_bar_of_a_series_and_a_live_one_are_compiled_once() -> None:
    config = VectorMarketConfig(market=MARKET)
    seats = Seats(config, config.observation(("a", "b")))
    state, compiled = np.zeros((2, seats.width)), []
    for moment in list(moments())[:2]:
        assert not moment.present.flags.writeable
        for each in (moment, moment._replace(present=moment.present.copy())):
            seats.look(each, state)
            seats.advance(each, state, seats.room(each.tape))
            compiled.append((len(look_seats.signatures), len(advance_seats.signatures)))
    assert set(compiled) == {compiled[0]}


def test_an_exposure_beyond_the_equity_is_refused() -> None:
    config = VectorMarketConfig(market=MARKET, actions="verbs")
    seats = Seats(config, config.observation(("a", "b")))
    state = np.zeros((2, seats.width))
    for moment in moments():
        seen = seats.advance(moment, state, seats.room(moment.tape))
    for bad in (1.5, np.nan):
        with pytest.raises(RunError) as caught:
            seats.enforce(np.array([0.5, bad]), seen, state)
        assert str(caught.value).startswith("exposures: must lie in [-1, 1]; got")
