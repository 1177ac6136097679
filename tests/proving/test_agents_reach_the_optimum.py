"""PPO reaches the known optimum: two seeds of each market, scored on fresh paths in both modes."""

from __future__ import annotations

from typing import Any

import pytest

from regimen.agents import PPOConfig
from regimen.proving import Evaluation, KnownMarketEnv, PlayableMarket, evaluate
from regimen.simulators import Ar1Config, HysteresisConfig, MartingaleConfig, OrnsteinUhlenbeckConfig

LEVELS = (-1.0, 0.0, 1.0)
SEEDS = (0, 1)
SHORT_SIGHTED = {"gamma": 0.9, "gae_lambda": 0.5}
"""For markets whose next state does not depend on the action: looking further only adds noise to the advantages."""


def trained(market: PlayableMarket, steps: int, seed: int, **numbers: Any) -> tuple[Evaluation, Evaluation]:
    """Returns the deterministic and the stochastic evaluation."""
    env = KnownMarketEnv(market, market.simulate(200_000, seed=100 + seed), 512, levels=LEVELS)
    agent = PPOConfig(**numbers).build(env, seed)
    agent.learn(env, steps)
    modes = [evaluate(agent, market, seed=999, deterministic=mode, paths=64, bars=1000) for mode in (True, False)]
    return modes[0], modes[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cheap_signal_is_followed(seed: int) -> None:
    """The fast one: 100,000 steps on a mean-reverting price."""
    sure, drawn = trained(OrnsteinUhlenbeckConfig(), 100_000, seed)
    assert sure.score > 0.97
    assert drawn.score > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("market", [Ar1Config(), OrnsteinUhlenbeckConfig()], ids=lambda market: market.kind)
def test_a_signal_without_costs_is_used_whole(market: PlayableMarket, seed: int) -> None:
    sure, drawn = trained(market, 1_500_000, seed, **SHORT_SIGHTED)
    assert sure.score >= 0.99
    assert drawn.score >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_hysteresis_is_learned(seed: int) -> None:
    market = HysteresisConfig(cost=1.0)
    sure, drawn = trained(market, 1_000_000, seed)
    assert sure.score >= 0.95
    assert drawn.score >= 0.95
    assert sure.value > market.baseline_values["myopic"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_traded_where_nothing_can_be_earned(seed: int) -> None:
    """Random positions turn over 8/9 a bar."""
    sure, drawn = trained(MartingaleConfig(), 1_500_000, seed, **SHORT_SIGHTED)
    assert sure.turnover <= 0.01 * 8.0 / 9.0
    assert drawn.turnover <= 0.01 * 8.0 / 9.0
