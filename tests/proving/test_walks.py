"""Walks of known rules score what they must, and the fits read the rules off them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.proving import PlayableMarket, Walk, evaluate, fitted_rule, fitted_threshold, lag_law, measures, walk
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    KellyConfig,
    MartingaleConfig,
    OrnsteinUhlenbeckConfig,
)


class Rule:
    """A policy of signal and position in the clothes of an agent; drawn, it adds noise of its own."""

    def __init__(self, respond: Any, levels: bool, noise: float = 0.0) -> None:
        self.respond, self.levels, self.noise = respond, levels, noise
        self.random = np.random.default_rng(0)

    def predict(self, observation: Any, state: Any = None, deterministic: bool = True) -> tuple[Any, Any]:
        positions = self.respond(observation[:, 0].astype(np.float64), observation[:, -1].astype(np.float64))
        if not deterministic:
            positions = positions + self.noise * self.random.standard_normal(len(positions))
        return (positions.astype(np.int64) + 1 if self.levels else positions[:, None]), state


class Belief:
    """Bayes' filter: its memory is the predictive belief of each lane."""

    def __init__(self, market: HiddenRegimeConfig) -> None:
        self.market = market

    def predict(self, observation: Any, state: Any = None, deterministic: bool = True) -> tuple[Any, Any]:
        del deterministic
        market, belief = self.market, np.full(len(observation), 0.5) if state is None else state
        odds = np.exp(2.0 * market.mean * observation[:, 0] / market.deviation**2) * belief / (1.0 - belief)
        belief = (1.0 - market.stay) + (2.0 * market.stay - 1.0) * odds / (1.0 + odds)
        return np.where(belief > 0.5, 2, 0), belief


def walked(market: PlayableMarket, rule: Any, deterministic: bool = True, levels: bool = True) -> Any:
    sides = (-1.0, 0.0, 1.0) if levels else None
    return walk(rule, market, 5, deterministic=deterministic, levels=sides, paths=32, bars=1000)


def test_the_optimum_scores_one_and_staying_out_nothing() -> None:
    market = HysteresisConfig()
    best = evaluate(Rule(market.respond, True), market, seed=1, paths=8, bars=300)
    assert best.score == pytest.approx(1.0, abs=1e-4)
    assert best.turnover > 0.0
    flat = evaluate(Rule(lambda f, _: 0.0 * f, True), market, seed=1, paths=8, bars=300)
    assert (flat.score, flat.turnover) == (0.0, 0.0)
    with pytest.raises(ConfigError, match="paths"):
        evaluate(Rule(market.respond, True), market, seed=1, paths=1)


def test_a_memory_is_carried_along_the_walk() -> None:
    market = HiddenRegimeConfig()
    numbers = measures(walked(market, Belief(market)))
    assert numbers["score"] == pytest.approx(1.0, abs=0.02)
    assert numbers["J/memoryless"] == pytest.approx(market.optimum / market.memoryless, rel=0.05)


@pytest.mark.parametrize("market", [GarleanuPedersenConfig(), GarleanuPedersenConfig(cost=5.0, phi=(0.9,))])
def test_rate_and_aim_are_read_off(market: GarleanuPedersenConfig) -> None:
    """Golden: cost 20, φ .95: τ = 1/5, m = 5/6."""
    for deterministic, tolerance in ((True, 1e-4), (False, 0.02)):
        rate, aim = fitted_rule(walked(market, Rule(market.respond, False, noise=0.1), deterministic, levels=False))
        assert rate == pytest.approx(market.rate, rel=tolerance)
        assert aim == pytest.approx(float(market.aims[0]), rel=tolerance)
    numbers = measures(walked(market, Rule(market.respond, False), levels=False))
    assert numbers == pytest.approx({"score": 1.0, "τ/τ*": 1.0, "m/m*": 1.0}, rel=1e-3)


@pytest.mark.parametrize("q", [0.0, 0.3, 0.8])
def test_a_threshold_is_read_off(q: float) -> None:
    market = HysteresisConfig(cost=1.0)
    held = walked(market, Rule(lambda f, x: np.where(np.abs(f) > q, np.sign(f), x), True))
    assert fitted_threshold(held) == pytest.approx(q, abs=0.01)
    assert measures(held)["q−q*"] == pytest.approx(q - market.threshold, abs=0.01)


def test_a_threshold_is_read_off_noisy_decisions() -> None:
    random = np.random.default_rng(0)

    def soft(f: Any, x: Any) -> Any:
        return np.where(f * np.where(x == 0.0, 1.0, -x) > 0.5 + 0.1 * random.standard_normal(len(f)), np.sign(f), x)

    held = walked(HysteresisConfig(cost=1.0), Rule(soft, True))
    assert fitted_threshold(held) == pytest.approx(0.5, abs=0.05)


def test_one_who_never_holds_has_no_threshold() -> None:
    assert np.isnan(fitted_threshold(walked(HysteresisConfig(), Rule(lambda f, _: 0.0 * f, True))))


def test_positions_that_come_late_earn_rho_times_as_much() -> None:
    market = OrnsteinUhlenbeckConfig()
    held = walked(market, Rule(market.respond, True))
    assert all(lag_law(held, lag) < 3.0 for lag in (1, 2, 5))
    peeking = Walk(market, held.simulations, np.roll(held.positions, -1, axis=0))
    assert lag_law(peeking) > 10.0


def test_turnover_and_fraction_are_relative() -> None:
    lots = Rule(lambda _, x: np.where(x > 0.0, -1.0, 1.0), True)
    assert measures(walked(MartingaleConfig(), lots))["turnover/random"] == pytest.approx(2.0 / (8.0 / 9.0), rel=0.02)
    market = KellyConfig(chance=0.6)
    double = measures(walked(market, Rule(lambda f, _: 0.4 + 0.0 * f, False), levels=False))
    assert double["x/x*"] == pytest.approx(2.0)
    assert double["score"] == pytest.approx(market.value_of(0.4) / market.optimum, abs=1e-6)


def test_a_market_without_more_to_say_has_a_score() -> None:
    market = Ar1Config()
    assert measures(walked(market, Rule(market.respond, True))) == {"score": pytest.approx(1.0, abs=1e-3)}
