"""PPO with a memory on the market whose drift is hidden, against Bayes' filter and against PPO without a memory."""

from __future__ import annotations

import pytest

from regimen.agents import PPOConfig
from regimen.agents.recurrent_ppo.config import RecurrentPPOConfig
from regimen.proving import Evaluation, KnownMarketEnv, evaluate
from regimen.simulators import HiddenRegimeConfig

MARKET = HiddenRegimeConfig()
LEVELS = (-1.0, 0.0, 1.0)


def on_the_hidden_regime(config: RecurrentPPOConfig | PPOConfig, seed: int, blind: bool) -> list[Evaluation]:
    """Returns the deterministic and the stochastic evaluation on fresh paths.

    The position is hidden from the blind: an agent without memory would keep one bit of its own in it.
    """
    path = MARKET.simulate(200_000, seed=100 + seed)
    env = KnownMarketEnv(MARKET, path, 256, levels=LEVELS, show_position=not blind)
    agent = config.build(env, seed)
    agent.learn(env, 400_000)
    return [
        evaluate(agent, MARKET, seed=999, deterministic=mode, paths=64, bars=2000, show_position=not blind)
        for mode in (True, False)
    ]


SHORT_SIGHTED = {"gamma": 0.9, "gae_lambda": 0.5}
COMPACT = RecurrentPPOConfig(hidden=32, layers=1, head=32, **SHORT_SIGHTED)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("seed", "blind"), [*((seed, True) for seed in range(5)), (0, False)])
def test_it_filters_the_hidden_regime_as_bayes_does(seed: int, blind: bool) -> None:
    for found in on_the_hidden_regime(COMPACT, seed, blind):
        assert found.value >= 0.95 * found.optimum
        assert found.value >= 1.5 * MARKET.memoryless


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "config", [PPOConfig(**SHORT_SIGHTED), COMPACT.model_copy(update={"memory": False})], ids=["ppo", "memory off"]
)
def test_without_memory_the_hidden_regime_pays_no_more_than_its_last_return(
    config: RecurrentPPOConfig | PPOConfig,
) -> None:
    """But shown its position, PPO keeps a bit of memory in it: it stays until a return says otherwise loudly."""
    blind, posed = (on_the_hidden_regime(config, 0, hidden)[0].value for hidden in (True, False))
    assert blind == pytest.approx(MARKET.memoryless, rel=0.05)
    assert 1.2 * MARKET.memoryless < posed < 1.5 * MARKET.memoryless
