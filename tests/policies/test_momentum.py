"""Time-series momentum against a loop over plain returns, with splits, holes and the live path."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen import Bars, Market
from regimen.policies import ExposureConfig, MomentumConfig, decide, realised_volatility, targets
from regimen.settings import ModelSettings

LOOKBACK = 7


def market(seed: int = 0, split: int | None = None) -> Bars:
    """Two symbols; the first has holes, and the second splits two for one at a bar where that is wished."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (200, 2)), axis=0))
    close[[30, 31, 90], 0] = np.nan
    factor = np.ones((200, 2))
    if split is not None:
        factor[split:, 1] = 2.0
        close = close / factor
    extras = {} if split is None else {"adjustment": np.where(np.isnan(close), np.nan, factor)}
    return Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(200),
        open=close, high=close, low=close, close=close, volume=np.where(np.isnan(close), np.nan, 1e6),
        symbols=("A", "B"), extras=extras, checked=False
    )  # fmt: skip


def by_hand(bars: Bars, rule: ExposureConfig) -> NDArray[np.float64]:
    """The paper's words, symbol by symbol: the sign of the return over the lookback, sized to the volatility."""
    close = bars.adjusted().close if "adjustment" in bars.extras else bars.close
    found = np.zeros(close.shape)
    for s in range(close.shape[1]):
        there = np.flatnonzero(~np.isnan(close[:, s]))
        for place in range(LOOKBACK, len(there)):
            now, then = close[there[place], s], close[there[place - LOOKBACK], s]
            found[there[place], s] = np.sign(now / then - 1.0)
    if rule.volatility_target is not None:
        volatility = realised_volatility(close, rule.volatility_bars, bars.periods_per_year)
        found = np.where(np.isnan(volatility), 0.0, found * rule.volatility_target / volatility)
    found = np.clip(found, 0.0 if rule.long_only else -rule.max_exposure, rule.max_exposure)
    return np.where(np.isnan(close), np.nan, found / 2.0)


@pytest.mark.parametrize(
    "rule",
    [ExposureConfig(), ExposureConfig(volatility_target=0.1, volatility_bars=5), ExposureConfig(long_only=True)],
    ids=["signs", "sized", "long only"],
)
@pytest.mark.parametrize("split", [None, 60])
def test_it_is_the_sign_of_the_trailing_return(rule: ExposureConfig, split: int | None) -> None:
    bars = market(split=split)
    adjusted = bars.adjusted() if split else bars
    volatility = realised_volatility(adjusted.close, rule.volatility_bars, bars.periods_per_year)
    history = Market().history(bars, volatility=volatility if rule.volatility_target else None)
    policy = MomentumConfig(lookback=LOOKBACK).build(rule)
    whole = targets(policy, history)
    np.testing.assert_allclose(whole, by_hand(bars, rule), rtol=1e-12, equal_nan=True)
    assert set(np.unique(np.sign(whole[~np.isnan(whole)]))) == ({0.0, 1.0} if rule.long_only else {-1.0, 0.0, 1.0})

    # One bar after the other, and any span alone, give the same bits.
    state = policy.initial_state(2)
    for t in range(len(bars)):
        row, state = decide(policy, history.at(t), state)
        np.testing.assert_array_equal(row, whole[t])
    np.testing.assert_array_equal(targets(policy, history, 100, 150), whole[100:150])


def test_a_bar_that_is_watched_is_remembered() -> None:
    history = Market().history(market())
    policy = MomentumConfig(lookback=LOOKBACK).build(ExposureConfig())
    state = policy.initial_state(2)
    for t in range(50):
        state = policy.watch(history.at(t), state)
    exposures, _ = policy.act(history.at(50), state)
    np.testing.assert_array_equal(exposures / 2.0, targets(policy, history, 50, 51)[0])


def test_a_price_that_stands_still_is_no_trend() -> None:
    flat = np.full(30, 5.0)
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(30),
        open=flat,
        high=flat,
        low=flat,
        close=flat,
        volume=flat,
        checked=False,
    )
    assert not targets(MomentumConfig(lookback=3).build(ExposureConfig()), Market().history(bars)).any()


def test_a_rule_says_what_it_reads() -> None:
    assert issubclass(MomentumConfig, ModelSettings)
    assert MomentumConfig.reads == ("exposure",)
