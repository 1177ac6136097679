"""The regime market has the stylised facts of returns, and its truth is what its config says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from regimen.simulators import Quotes, Regime, RegimeMarketConfig, Simulation, SimulatorConfig
from regimen.simulators.regimes import STANDARD

Values = NDArray[np.float64]
BARS = 400_000


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return RegimeMarketConfig().simulate(BARS, 17)


@pytest.fixture(scope="module")
def returns(simulation: Simulation) -> Values:
    bars = simulation.bars
    return bars.close[:, 0] / bars.open[:, 0] - 1.0


def correlation(a: Values, b: Values) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_tails_are_fat(returns: Values) -> None:
    z = (returns - returns.mean()) / returns.std()
    assert (z**4).mean() > 5.0


def test_volatility_clusters_while_returns_do_not(returns: Values) -> None:
    size = np.abs(returns)
    memory = np.array([correlation(size[:-lag], size[lag:]) for lag in range(1, 51)])
    assert (memory > 0.02).all()
    means = memory.reshape(5, 10).mean(axis=1)
    assert (np.diff(means) < 0.0).all()
    assert memory[0] > 1.5 * memory[-1]
    assert max(abs(correlation(returns[:-lag], returns[lag:])) for lag in range(1, 21)) < 0.03


def test_losses_raise_volatility_more_than_gains(returns: Values) -> None:
    effect = [correlation(returns[:-lag], np.abs(returns[lag:])) for lag in range(1, 11)]
    assert max(effect) < 0.0
    assert np.mean(effect) < -0.02
    ahead = [correlation(returns[lag:], np.abs(returns[:-lag])) for lag in range(1, 11)]
    assert np.mean(effect) < np.mean(ahead) - 0.01  # the other way round there is no such effect


def test_volume_follows_volatility(simulation: Simulation, returns: Values) -> None:
    volume = simulation.bars.volume[:, 0]
    assert correlation(np.log(volume), np.log(simulation.truth["volatility"][:, 0])) > 0.3
    assert correlation(volume, np.abs(returns)) > 0.3


def test_symbols_correlate_as_they_should() -> None:
    calm = tuple(regime.model_copy(update={"correlation": None}) for regime in STANDARD)
    market = RegimeMarketConfig(symbols=("a", "b", "c"), correlation=0.5, regimes=calm)
    found = np.corrcoef(market.simulate(BARS // 2, 3).returns.T)
    assert np.abs(found[np.triu_indices(3, 1)] - 0.5).max() < 0.04
    matrix = ((1.0, 0.6, -0.3), (0.6, 1.0, 0.0), (-0.3, 0.0, 1.0))
    given = np.corrcoef(market.model_copy(update={"correlation": matrix}).simulate(BARS // 2, 3).returns.T)
    assert np.abs(given - np.array(matrix)).max() < 0.05


def test_a_crisis_draws_symbols_together() -> None:
    market = RegimeMarketConfig(symbols=("a", "b"), correlation=0.3)
    path = market.simulate(BARS, 4)
    in_crisis = path.truth["regime"] == path.names["regime"].index("crisis")
    assert correlation(*path.returns[in_crisis].T) > 0.75
    assert abs(correlation(*path.returns[path.truth["regime"] == 0].T) - 0.3) < 0.05


def test_regimes_last_and_follow_as_the_matrix_says(simulation: Simulation) -> None:
    market = RegimeMarketConfig()
    regime = np.asarray(simulation.truth["regime"], dtype=np.int64)
    count = len(STANDARD)
    seen = np.zeros((count, count))
    np.add.at(seen, (regime[:-1], regime[1:]), 1.0)
    visits = seen.sum(axis=1, keepdims=True)
    error = np.sqrt(market.transition * (1.0 - market.transition) / visits)
    assert (np.abs(seen / visits - market.transition) <= 4.0 * error + 1e-12).all()
    leaves = np.flatnonzero(np.diff(regime)) + 1
    lengths, kinds = np.diff(leaves), regime[leaves[:-1]]
    for number, state in enumerate(STANDARD):
        found = lengths[kinds == number]
        assert abs(found.mean() - state.duration) < 4.0 * state.duration / math.sqrt(len(found)), state.name
    shares = np.bincount(regime, minlength=count) / BARS
    np.testing.assert_allclose(shares, market.shares, atol=0.02)
    np.testing.assert_allclose(market.shares @ market.transition, market.shares, atol=1e-14)
    assert simulation.names["regime"] == tuple(state.name for state in STANDARD)


def test_each_regime_is_what_its_name_says(simulation: Simulation, returns: Values) -> None:
    regime = simulation.truth["regime"]
    unit = RegimeMarketConfig().volatility
    moved = returns - simulation.truth["jump"][:, 0]
    for number, state in enumerate(STANDARD):
        inside = moved[regime == number]
        assert abs(inside.mean() / unit - state.drift) < 5.0 * inside.std() / unit / math.sqrt(len(inside)), state.name
        assert inside.std() / unit == pytest.approx(state.volatility, rel=0.12), state.name
        jumped = (simulation.truth["jump"][regime == number, 0] != 0.0).mean()
        assert jumped == pytest.approx(state.jump_chance, rel=0.25), state.name


def test_the_truth_expects_what_comes(simulation: Simulation) -> None:
    expected, following = simulation.expected[:-1, 0], simulation.returns[1:, 0]
    weight = 1.0 / np.asarray(simulation.truth["volatility"])[1:, 0] ** 2
    slope = (weight * expected * following).sum() / (weight * expected**2).sum()
    assert slope == pytest.approx(1.0, abs=5.0 / math.sqrt((weight * expected**2).sum()))
    assert (expected * following).sum() > 0.0


def test_innovations_are_student_t_with_variance_one() -> None:
    """One quiet regime, no GARCH: what is left is the t, whose quantiles are those of scipy."""
    stats = pytest.importorskip("scipy.stats")
    quiet = (Regime(name="only", duration=2.0),)
    market = RegimeMarketConfig(regimes=quiet, news=0.0, leverage=0.0, memory=0.0, tail=4.0)
    z = market.simulate(200_000, 2).returns[:, 0] / market.volatility
    wanted = stats.t(4.0, scale=math.sqrt(2.0 / 4.0))
    assert stats.kstest(z, wanted.cdf).pvalue > 0.001


def test_variance_follows_the_recursion_of_glosten_jagannathan_and_runkle() -> None:
    quiet = (Regime(name="only", duration=2.0),)
    market = RegimeMarketConfig(regimes=quiet)
    path = market.simulate(2000, 2)
    sigma = np.asarray(path.truth["volatility"])[:, 0] / market.volatility
    shock = path.returns[:, 0] / market.volatility
    h = 1.0
    for t in range(2000):
        assert sigma[t] ** 2 == pytest.approx(h, rel=1e-9)
        pull = market.news + (market.leverage if shock[t] < 0.0 else 0.0)
        h = 1.0 - market.persistence + pull * shock[t] ** 2 + market.memory * h
    assert market.half_life == pytest.approx(math.log(0.5) / math.log(0.04 + 0.045 + 0.88))


def test_bars_are_bars_and_hold_no_truth() -> None:
    market = RegimeMarketConfig(symbols=("a", "b"), quotes=Quotes(decoys=1, bar_length="1d"))
    path = market.simulate(3000, 5)
    bars = path.bars
    assert bars.symbols == ("a", "b")
    assert set(bars.extras) == {"decoy_1"}
    np.testing.assert_array_equal(bars.open[1:], bars.close[:-1])
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.low > 0.0).all()
    assert (bars.volume > 0.0).all()
    np.testing.assert_allclose(bars.close / bars.open - 1.0, path.returns, atol=1e-12)
    assert bars.periods_per_year == 365.0


def test_same_seed_same_bytes_and_a_longer_path_begins_with_the_shorter() -> None:
    market = RegimeMarketConfig(symbols=("a", "b"))
    first, longer = market.simulate(400, 9), market.simulate(900, 9)
    assert market.simulate(400, 9).bars.fingerprint == first.bars.fingerprint
    assert longer.bars.window(0, 400).fingerprint == first.bars.fingerprint
    np.testing.assert_array_equal(longer.truth["regime"][:400], first.truth["regime"])
    assert market.simulate(400, 10).bars.fingerprint != first.bars.fingerprint


def test_the_config_round_trips_and_refuses_what_is_no_market() -> None:
    market = RegimeMarketConfig(symbols=("a", "b"), correlation=((1.0, 0.2), (0.2, 1.0)))
    assert TypeAdapter(SimulatorConfig).validate_python(market.model_dump(mode="json")) == market
    for wrong, message in (
        ({"news": 0.2}, "must be below 1"),
        ({"exits": ((0.0, 1.0), (1.0, 0.0))}, "5 rows of 5 chances"),
        ({"correlation": 1.0}, "below 1"),
        ({"symbols": ("a", "b"), "correlation": ((1.0, 2.0), (2.0, 1.0))}, "positive definite"),
        ({"symbols": ("a", "b"), "correlation": ((1.0, 0.2),)}, "2 rows of 2 numbers"),
        ({"symbols": ("a", "a")}, "only once"),
        ({"regimes": (STANDARD[0], STANDARD[0]), "exits": ((0.0, 1.0), (1.0, 0.0))}, "only once"),
    ):
        with pytest.raises(ValidationError, match=message):
            RegimeMarketConfig(**wrong)  # type: ignore[arg-type]
