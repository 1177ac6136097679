"""Metamorphic laws: lags, signs, costs, scales; and the same laws once an account has turned positions into money."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen.execution import Costs, Market
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    MartingaleConfig,
    MertonConfig,
    OrnsteinUhlenbeckConfig,
    Quotes,
)

BARS = 500_001
MEAN_SIZE = math.sqrt(2.0 / math.pi)


@pytest.mark.parametrize("phi", [0.5, -0.4])
def test_peeking_being_right_and_being_late_earn_one_to_phi_to_its_square(phi: float) -> None:
    market = Ar1Config(phi=phi)
    simulation = market.simulate(BARS, 21)
    r = simulation.returns
    peek = np.sign(np.append(r[1:], 0.0))
    right = np.sign(r)
    late = np.concatenate([[0.0], right[:-1]])
    error = 3.0 / math.sqrt(BARS)
    for positions, share in ((peek, 1.0), (right, phi), (late, phi * phi)):
        assert market.rewards(simulation, positions).mean() == pytest.approx(share * MEAN_SIZE, abs=error)


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_an_account_obeys_the_lag_law(lag: int) -> None:
    """The bars alone, traded through the account: a target decided at t fills at the open of t + 1 + lag."""
    phi = 0.6
    simulation = Ar1Config(phi=phi).simulate(60_001, 5)
    market = Market(costs=Costs.none(), latency_bars=1 + lag, rebalance="every_bar")
    ledger = market.backtest(simulation.bars, np.sign(simulation.signal))
    earned = ledger.returns.mean() / simulation.scale
    assert earned == pytest.approx(phi ** (lag + 1) * MEAN_SIZE, abs=3.0 / math.sqrt(60_000))


@pytest.mark.parametrize("k", [1, 3])
def test_a_signal_that_comes_late_is_worth_phi_to_the_power(k: int) -> None:
    market = HysteresisConfig(cost=0.0, phi=0.8)
    simulation = market.simulate(BARS, 6)
    now = market.rewards(simulation, np.sign(simulation.signal)).mean()
    late = np.concatenate([np.zeros(k), np.sign(simulation.signal)[:-k]])
    assert market.rewards(simulation, late).mean() / now == pytest.approx(0.8**k, abs=0.01)
    delayed = OrnsteinUhlenbeckConfig(rho=0.8, lag=k)
    assert delayed.optimum / OrnsteinUhlenbeckConfig(rho=0.8).optimum == pytest.approx(0.8**k)


def test_an_account_pays_what_the_reward_says() -> None:
    """Hysteresis through the account, with c as commission: return of equity = scale × reward, to second order."""
    market = HysteresisConfig(cost=1.0, noise=1.0, volatility=0.001)
    simulation = market.simulate(20_001, 9)
    positions = market.optimal(simulation)
    costs = Costs(commission_bps=market.cost_bps, half_spread_bps=0.0)
    # the margin is off so that a leverage of exactly one in the bars' own units is all that matters
    account = Market(costs=costs, rebalance="on_change", maintenance_margin=0.0)
    ledger = account.backtest(simulation.bars, 0.1 * positions)
    rewards = market.rewards(simulation, positions)
    paid = ledger.returns[1:] / (0.1 * simulation.scale)
    # an exposure that is set only when the side changes drifts by a few per cent in between
    assert np.corrcoef(paid, rewards)[0, 1] > 0.999
    assert paid.mean() == pytest.approx(rewards.mean(), rel=0.02)
    late = market.rewards(simulation, np.concatenate([[0.0], positions[:-1]]))
    assert np.corrcoef(paid, late)[0, 1] < 0.9


def test_signals_and_positions_of_the_other_sign_earn_the_same() -> None:
    rng = np.random.default_rng(0)
    signal, held = rng.normal(size=1000), rng.integers(-1, 2, 1000).astype(np.float64)
    for market in (HysteresisConfig(), GarleanuPedersenConfig(), Ar1Config(phi=-0.3, lag=1), OrnsteinUhlenbeckConfig()):
        np.testing.assert_array_equal(market.respond(-signal, -held), -market.respond(signal, held))
    hidden = HiddenRegimeConfig()
    np.testing.assert_allclose(hidden.beliefs(-signal), 1.0 - hidden.beliefs(signal), atol=1e-12)


def test_dearer_trading_earns_less_and_trades_less() -> None:
    values, turnovers = [], []
    for cost in (0.0, 0.3, 1.0, 3.0, 9.0):
        market = HysteresisConfig(cost=cost)
        simulation = market.simulate(60_000, 3)
        values.append(market.optimum)
        turnovers.append(np.abs(np.diff(market.optimal(simulation))).mean())
    assert values == sorted(values, reverse=True)
    assert turnovers == sorted(turnovers, reverse=True)
    quadratic = [GarleanuPedersenConfig(cost=cost) for cost in (0.0, 1.0, 5.0, 20.0)]
    assert [market.optimum for market in quadratic] == sorted((m.optimum for m in quadratic), reverse=True)
    assert [market.rate for market in quadratic] == sorted((m.rate for m in quadratic), reverse=True)
    bands = [MertonConfig(cost=cost) for cost in (0.0, 1e-4, 1e-3)]
    assert [m.optimum for m in bands] == sorted((m.optimum for m in bands), reverse=True)


@pytest.mark.parametrize("kind", [HysteresisConfig, OrnsteinUhlenbeckConfig, HiddenRegimeConfig, MartingaleConfig])
def test_another_price_level_changes_no_position(kind: type[HysteresisConfig]) -> None:
    low, high = kind(), kind(quotes=Quotes(price=25_600.0))
    first, second = low.simulate(3000, 4), high.simulate(3000, 4)
    np.testing.assert_allclose(second.bars.close, 256.0 * first.bars.close, rtol=1e-12)
    np.testing.assert_array_equal(low.optimal(first), high.optimal(second))
    np.testing.assert_array_equal(low.rewards(first, low.optimal(first)), high.rewards(second, high.optimal(second)))


def test_decisions_know_nothing_of_the_future() -> None:
    """Optimal positions up to t are the same on a path that is cut off after t."""
    for market in (HysteresisConfig(), GarleanuPedersenConfig(), HiddenRegimeConfig(), MertonConfig(cost=0.001)):
        long, short = market.simulate(400, 2), market.simulate(200, 2)
        np.testing.assert_array_equal(market.optimal(long)[:200], market.optimal(short))


def test_merton_band_is_better_than_half_and_twice_its_width() -> None:
    market = MertonConfig(cost=0.002)
    simulation = market.simulate(1_000_000, 1)
    earned = {
        share: market.rewards(simulation, market.within_band(simulation, share * market.half_band), True).mean()
        for share in (0.4, 1.0, 2.5)
    }
    assert earned[1.0] > max(earned[0.4], earned[2.5])
    lost = market.value_of(market.fraction) - earned[1.0]
    foretold = market.value_of(market.fraction) - market.optimum
    assert lost == pytest.approx(foretold, rel=0.15)
    assert market.rewards(simulation, np.full(len(simulation), 0.0)).mean() == 0.0


def test_ruin_is_minus_infinity() -> None:
    market = MertonConfig()
    simulation = market.simulate(5000, 1)
    assert market.rewards(simulation, np.full(5000, 80.0)).min() == -math.inf


def test_random_sides_on_a_martingale_lose_eight_ninths_of_the_cost() -> None:
    market = MartingaleConfig(cost=0.9)
    simulation = market.simulate(BARS, 1)
    lost = market.rewards(simulation, market.baselines(simulation, 3)["random"], expected=True).mean()
    assert lost == pytest.approx(-0.8, abs=0.005)
