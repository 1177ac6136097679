"""What every market with a known optimum owes: bars that are bars, values that its own paths confirm, a fair score."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from regimen.errors import ConfigError, DataError
from regimen.simulators import (
    AlmgrenChrissConfig,
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    KellyConfig,
    KnownMarket,
    KnownMarketConfig,
    MartingaleConfig,
    MertonConfig,
    OrnsteinUhlenbeckConfig,
    Quotes,
    score,
)

MARKETS: list[Any] = [
    MartingaleConfig(),
    Ar1Config(),
    Ar1Config(phi=-0.4, lag=1),
    OrnsteinUhlenbeckConfig(),
    OrnsteinUhlenbeckConfig(lag=2),
    HysteresisConfig(),
    HysteresisConfig(noise=2.0, cost=5.0, phi=0.95),
    GarleanuPedersenConfig(),
    GarleanuPedersenConfig(phi=(0.95, 0.5), deviation=(1.0, 0.5), noise=1.0, cost=5.0),
    HiddenRegimeConfig(),
    MertonConfig(),
    MertonConfig(cost=0.001, risk_aversion=2.0),
    KellyConfig(),
    AlmgrenChrissConfig(),
]
NAMES = [f"{market.kind}-{number}" for number, market in enumerate(MARKETS)]
each = pytest.mark.parametrize("market", MARKETS, ids=NAMES)
BARS = 500_001


def confirmed(rewards: np.ndarray, value: float, errors: float = 4.5) -> bool:
    """Whether the mean of (autocorrelated) rewards is within so many standard errors, by blocks, of a value."""
    blocks = np.array([block.mean() for block in np.array_split(rewards, 50)])
    error = blocks.std(ddof=1) / math.sqrt(len(blocks))
    # 2e-6: the cost of a constant position's first trade, spread over the path
    return bool(abs(rewards.mean() - value) <= errors * error + 2e-6 * max(1.0, abs(value)))


@each
def test_values_are_confirmed_by_half_a_million_bars(market: KnownMarket) -> None:
    simulation = market.simulate(BARS, 11)
    optimal = market.optimal(simulation)
    best = market.rewards(simulation, optimal, expected=True)
    # the band of Merton's market is the limit of small costs, known to a few parts in a thousand of J*
    assert confirmed(best, market.optimum) or getattr(market, "cost", 0.0) == 0.001
    assert best.mean() == pytest.approx(market.optimum, rel=0.05, abs=1e-6)
    assert confirmed(market.rewards(simulation, optimal), market.optimum)
    for name, positions in market.baselines(simulation).items():
        rewards = market.rewards(simulation, positions, expected=True)
        assert confirmed(rewards, market.baseline_values[name]), name
        assert market.baseline_values[name] <= market.optimum + 1e-12, name
        if market.baseline_values[name] < market.optimum * (1.0 - 1e-3 * np.sign(market.optimum)):
            assert rewards.mean() < best.mean(), name


@each
def test_the_score_is_one_for_the_optimum_and_zero_for_the_reference(market: KnownMarket) -> None:
    simulation = market.simulate(20_001, 2)
    top = score(market, simulation, market.optimal(simulation))
    assert top.score == 1.0
    assert top.error < 1e-12
    assert top.known_optimum == market.optimum
    assert score(market, simulation, market.baselines(simulation)[market.reference]).score == 0.0
    assert set(market.baselines(simulation)) == set(market.baseline_values)


def test_the_score_of_a_worse_rule_lies_between() -> None:
    market = HysteresisConfig()
    simulation = market.simulate(BARS, 4)
    myopic = score(market, simulation, market.baselines(simulation)["myopic"])
    known = market.baseline_values["myopic"] / market.optimum
    assert abs(myopic.score - known) < 4 * myopic.error
    assert 0.0 < myopic.error < 0.005
    noisy = score(HysteresisConfig(noise=3.0), HysteresisConfig(noise=3.0).simulate(BARS, 4), np.zeros(BARS))
    assert noisy.score == 0.0


@each
def test_the_same_seed_gives_the_same_bytes_and_a_longer_path_begins_with_the_shorter(market: KnownMarket) -> None:
    first, again, longer = market.simulate(500, 3), market.simulate(500, 3), market.simulate(800, 3)
    assert first.bars.fingerprint == again.bars.fingerprint
    assert longer.bars.window(0, 500).fingerprint == first.bars.fingerprint
    for name, values in first.truth.items():
        np.testing.assert_array_equal(longer.truth[name][:500], values)
    assert market.simulate(500, 4).bars.fingerprint != first.bars.fingerprint


@each
def test_bars_are_what_the_truth_says(market: Any) -> None:
    simulation = market.simulate(5000, 7)
    bars = simulation.bars
    assert (bars.low > 0.0).all()
    np.testing.assert_array_equal(bars.open[1:], bars.close[:-1])
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.volume > 0.0).all()
    returns = bars.close[:, 0] / bars.open[:, 0] - 1.0
    if market.kind == "ou":  # positions are units of the asset: price changes, not returns
        returns = (bars.close[:, 0] - bars.open[:, 0]) / market.quotes.price
    np.testing.assert_allclose(returns, simulation.scale * simulation.returns, atol=1e-12)
    assert returns.std() == pytest.approx(market.volatility, rel=0.1)
    assert set(bars.extras) <= {"signal", "return", "signal_1", "signal_2"}
    if "signal" in bars.extras:
        np.testing.assert_array_equal(simulation.signal, simulation.expected)
    assert not simulation.returns.flags.writeable


@each
def test_the_truth_expects_what_comes(market: KnownMarket) -> None:
    """r_{t+1} regressed on E[r_{t+1}] has the slope one, and what is left has no mean."""
    simulation = market.simulate(150_000, 8)
    expected, following = simulation.expected[:-1], simulation.returns[1:]
    left = following - expected
    assert abs(left.mean()) <= 4.0 * left.std() / math.sqrt(len(left)) + 1e-12
    if expected.std() > 0.0:
        slope = float(expected @ following / (expected @ expected))
        assert slope == pytest.approx(1.0, abs=5.0 * left.std() / math.sqrt(float(expected @ expected)) + 1e-9)


@each
def test_configs_round_trip_through_plain_values(market: Any) -> None:
    again = TypeAdapter(KnownMarketConfig).validate_python(market.model_dump(mode="json"))
    assert again == market
    with pytest.raises(ValidationError):
        type(market)(nonsense=1)
    assert all(field.description for name, field in type(market).model_fields.items() if name != "kind")


@pytest.mark.parametrize("market", [m for m in MARKETS if hasattr(m, "respond")], ids=lambda m: m.kind)
def test_a_step_of_the_rule_is_a_step_of_the_path(market: Any) -> None:
    simulation = market.simulate(300, 1)
    shown = market._signals(simulation) if market.kind == "garleanu_pedersen" else simulation.signal
    held = 0.0
    for t, position in enumerate(market.optimal(simulation)):
        held = float(market.respond(shown[t], held))
        assert held == pytest.approx(position, abs=1e-12)


def test_decoys_are_noise_that_changes_nothing() -> None:
    plain = HysteresisConfig().simulate(20_000, 5)
    noisy = HysteresisConfig(quotes=Quotes(decoys=3)).simulate(20_000, 5)
    np.testing.assert_array_equal(plain.bars.close, noisy.bars.close)
    assert set(noisy.bars.extras) == {"signal", "decoy_1", "decoy_2", "decoy_3"}
    decoy = noisy.bars.extras["decoy_2"][:, 0]
    assert abs(np.corrcoef(decoy[:-1], noisy.returns[1:])[0, 1]) < 0.03


def test_mistakes_are_named() -> None:
    market = HysteresisConfig()
    simulation = market.simulate(50, 0)
    with pytest.raises(DataError, match=r"positions: must have the shape of the bars, \(50,\)"):
        market.rewards(simulation, np.zeros(49))
    with pytest.raises(DataError, match=r"positions: must be finite; row 3"):
        market.rewards(simulation, np.where(np.arange(50) == 3, np.nan, 0.0))
    with pytest.raises(DataError, match="positions: must be numbers"):
        market.rewards(simulation, ["long"] * 50)
    with pytest.raises(ConfigError, match="bars: must be at least 2"):
        market.simulate(1, 0)
    with pytest.raises(ConfigError, match="bars: must be at least 21"):
        AlmgrenChrissConfig().simulate(20, 0)
    with pytest.raises(ConfigError, match="baseline: must be one of flat, hold, random, myopic"):
        score(market, simulation, np.zeros(50), "clever")
    with pytest.raises(ConfigError, match="baseline: must earn less than the optimum"):
        score(MartingaleConfig(), MartingaleConfig().simulate(50, 0), np.zeros(50), "flat")
    with pytest.raises(ConfigError, match="try shorter bars"):
        MartingaleConfig(quotes=Quotes(bar_length="1d")).simulate(100_000, 0)
    with pytest.raises(ConfigError, match="volatility: is too high for 1000000 bars"):
        MartingaleConfig(volatility=0.1).simulate(1_000_000, 0)
    with pytest.raises(DataError, match="shows no signal"):
        _ = MartingaleConfig().simulate(10, 0).signal
    with pytest.raises(ValidationError, match="must stay below 1"):
        OrnsteinUhlenbeckConfig(rho=0.9999, volatility=0.05)
    with pytest.raises(ValidationError, match="equally long"):
        GarleanuPedersenConfig(phi=(0.9, 0.5))
    with pytest.raises(ValidationError, match=r"0\.01 to 5 deviations"):
        HiddenRegimeConfig(mean=0.001)
    with pytest.raises(DataError, match="schedule: must have 21 rows from 1 to 0"):
        AlmgrenChrissConfig().value_of(np.ones(21))
