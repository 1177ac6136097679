"""States of the market: known when the policy decided, on real kinds of markets, with and without a past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.markets import bars_of, two_volatilities

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.judging import MarketStates, market_states
from regimen.judging.regimes.states import LEAST, market_moves


def poisoned(history: Bars, at: int) -> Bars:
    """All prices from a bar on a thousandfold and shaken."""
    factor = np.ones(history.shape)
    factor[at:] = 1000.0 * np.exp(np.random.default_rng(9).normal(size=(len(history) - at, 1)))
    prices = {name: getattr(history, name) * factor for name in ("open", "high", "low", "close")}
    prices["high"], prices["low"] = prices["high"] * 3.0, prices["low"] / 3.0
    return replace(history, **prices)


def by_kind(states: tuple[MarketStates, ...]) -> dict[str, MarketStates]:
    return {each.kind: each for each in states}


@pytest.mark.parametrize("lag", [1, 3])
@pytest.mark.parametrize("kind", ["hidden_markov", "volatility"])
def test_nothing_after_the_decision_decides_the_state(kind: str, lag: int) -> None:
    """Bar t is decided with bars up to t - lag: poison from bar p on is seen by bars p + lag and later, and is seen."""
    history = two_volatilities()
    judged = history.window(800, 2000)
    own = by_kind(market_states(judged, history, lag))[kind].at
    for at in (810, 1200, 1461, 1995):  # bar 1461 is the first of a year: its fit is of the bars before
        other = poisoned(history, at)
        theirs = by_kind(market_states(other.window(800, 2000), other, lag))[kind].at
        assert np.array_equal(theirs[: at - 800 + lag], own[: at - 800 + lag])
    late = by_kind(market_states(poisoned(history, 1200).window(800, 2000), poisoned(history, 1200), lag))[kind].at
    assert not np.array_equal(late, own)


@settings(max_examples=15)
@given(cut=st.integers(820, 1999), seed=st.integers(0, 3))
def test_more_bars_at_the_end_change_nothing_before(cut: int, seed: int) -> None:
    history = two_volatilities(seed=seed)
    whole = market_states(history.window(800, 2000), history)
    part = market_states(history.window(800, cut), history.window(0, cut))
    for one, other in zip(whole, part, strict=False):
        assert np.array_equal(one.at[: cut - 800], other.at)


def test_the_states_are_those_of_the_market() -> None:
    history = two_volatilities()
    hidden, volatility = market_states(history.window(800, 2000), history)
    turbulent = np.arange(800, 2000) // 200 % 2 == 1
    assert hidden.names == ("calm", "turbulent", "not known")
    assert (hidden.at == turbulent).mean() > 0.97
    assert volatility.names == ("calm", "normal", "turbulent", "not known")
    settled = np.arange(1200) % 200 > 30
    assert (volatility.at[settled & turbulent] == 2).mean() > 0.6  # a third of the past, not a half, is so
    assert (volatility.at[settled & ~turbulent] < 2).all()
    three, _ = market_states(history.window(800, 2000), history, states=3)
    assert three.names == ("calm", "normal", "turbulent", "not known")


def test_without_a_past_the_first_bars_are_not_known() -> None:
    history = two_volatilities()
    hidden, volatility = market_states(history)
    assert (hidden.at[: LEAST + 1] == 2).all()
    assert (hidden.at[LEAST + 2 :] < 2).all()
    assert (volatility.at[:LEAST] == 3).all()
    short = market_states(history.window(0, 100))
    assert [set(each.at.tolist()) for each in short] == [{2}, {3}]


def test_a_market_that_never_moves_has_no_state() -> None:
    still = bars_of(np.full(600, 5.0), start="2001-01-01")
    hidden, volatility = market_states(still)
    assert set(hidden.at.tolist()) == {2}
    assert set(volatility.at.tolist()) <= {0, 3}


def test_a_panel_has_one_state_a_bar_and_symbols_may_lack_bars() -> None:
    history = two_volatilities(symbols=3)
    holes = np.array(history.close)
    holes[300:600, 1] = np.nan
    holes[::5, 2] = np.nan
    panel = bars_of(holes, start="2001-01-01")
    moves = market_moves(panel)
    expected = [holes[5, s] / holes[4, s] - 1.0 for s in (0, 1)]  # the third has a hole at bar 5
    assert moves[5] == pytest.approx(np.mean(expected))
    expected = [holes[6, 0] / holes[5, 0] - 1.0, holes[6, 1] / holes[5, 1] - 1.0, holes[6, 2] / holes[4, 2] - 1.0]
    assert moves[6] == pytest.approx(np.mean(expected))
    hidden, _ = market_states(panel.window(800, 2000), panel)
    assert hidden.at.shape == (1200,)
    assert (hidden.at < 2).all()


def test_a_split_is_no_move() -> None:
    history = two_volatilities(400)
    factor = np.where(np.arange(400) < 200, 1.0, 2.0)[:, None]
    split = replace(
        history,
        extras={"adjustment": factor},
        **{name: getattr(history, name) / factor for name in ("open", "high", "low", "close")},
    )
    assert market_moves(split) == pytest.approx(market_moves(history), abs=1e-12)


def test_bad_input() -> None:
    history = two_volatilities()
    with pytest.raises(ConfigError, match="history"):
        market_states(history.window(800, 2000), history.window(900, 2000))
    with pytest.raises(ConfigError, match="states"):
        market_states(history, states=4)
    with pytest.raises(ConfigError, match="lag"):
        market_states(history, lag=0)
