"""Evolution beside SAC: who is judged how, what a swap leaves behind, and never below the better of the two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from regimen.agents.evolution.config import ESConfig
from regimen.agents.hybrid_evolution.config import HybridESConfig
from regimen.agents.hybrid_evolution.hybrid_es import HybridES
from regimen.agents.sac.config import SACConfig
from regimen.errors import ConfigError, RunError
from regimen.proving import Evaluation, KnownMarketEnv, evaluate
from regimen.seeding import generator
from regimen.simulators import HysteresisConfig
from regimen.stateful import state_of

MARKET = HysteresisConfig(cost=0.5)
PATH = MARKET.simulate(2000, seed=1)
FIELDS: dict[str, Any] = {
    "population": 4, "rollout_steps": 8, "warmup_steps": 64, "batch_size": 32, "capacity": 2000, "hidden": (8,),
}  # fmt: skip
SMALL = HybridESConfig(**FIELDS)
LANES = 7 * 4 + 2
ROUND = 8 * LANES


def lanes(levels: tuple[float, ...] | None = (-1.0, 0.0, 1.0), n: int = LANES) -> KnownMarketEnv:
    return KnownMarketEnv(MARKET, PATH, n, levels=levels, episode_length=20)


def built(config: HybridESConfig = SMALL, levels: tuple[float, ...] | None = (-1.0, 0.0, 1.0)) -> HybridES:
    agent = config.build(lanes(levels), seed=2)
    assert isinstance(agent, HybridES)
    return agent


def whole(agent: HybridES) -> dict[str, bytes]:
    """All that learning changes."""
    parts = {**agent.saved, **agent.resumed}
    return {name: tensor.numpy().tobytes() for name, tensor in state_of(agent, parts).items()}


@pytest.mark.parametrize("levels", [(-1.0, 0.0, 1.0), None], ids=["choices", "continuous"])
def test_parent_and_learner_are_judged_by_what_they_earn_alone_from_the_same_starts(
    levels: tuple[float, ...] | None,
) -> None:
    """Oracle: `predict` as the one and as the other, on lanes that begin where theirs did."""
    agent = built(levels=levels)
    agent.learn(lanes(levels), 2 * ROUND)
    env = lanes(levels)
    agent.prepare(env)
    agent._spread()
    generation = agent._walk(env)
    names = ("starts", "own starts")
    starts = agent._shares.starts(*(generator(2, "hybrid es", name, agent.iterations) for name in names))[:4]
    alone = KnownMarketEnv(MARKET, PATH, 4, levels=levels, episode_length=20)
    for lead, row in ((1.0, -2), (-1.0, -1)):
        agent.lead = lead
        seen, _ = alone.reset(starts=starts)
        total = np.zeros(4)
        for _ in range(8):
            seen, reward, *_ = alone.step(agent.predict(seen)[0])
            total += reward / 8
        assert np.abs(generation.contestants[row] - total).max() < 0.35  # the normaliser went on meanwhile
    assert agent.learner.replay.filled == 3 * ROUND


@torch.no_grad()
def test_a_swap_leaves_no_moments_and_lets_the_critics_get_to_know_the_new_actor() -> None:
    agent = built()
    agent.learn(lanes(), 3 * ROUND)
    learner, parent = agent.learner, agent.parent
    better, worse = np.array([0.5, 0.6, 0.4, 0.5]), np.array([0.1, 0.3, 0.1, 0.2])
    assert agent._swap(better, worse + 0.35 * np.array([1.0, 0.0, 2.0, 1.0])) is None
    assert learner.soft.actor_adam.steps > 0
    assert agent._swap(better, worse) == "learner"
    assert torch.equal(learner.soft.actor.flat, parent.flat)
    assert (learner.soft.actor_adam.steps, learner.soft.critics_adam.steps) == (0, 0)
    critics, temperature = learner.soft.critics.flat.clone(), learner.soft.log_temperature.clone()
    agent._improve(8, 0.5)
    assert torch.equal(learner.soft.actor.flat, parent.flat)
    assert torch.equal(learner.soft.log_temperature, temperature)
    assert not torch.equal(learner.soft.critics.flat, critics)
    assert agent._swap(better, better) is None
    agent._improve(8, 0.5)
    assert not torch.equal(learner.soft.actor.flat, parent.flat)
    agent._evolve(torch.arange(4.0), agent._spread(), 0.01)
    assert agent._adam.steps > 0
    assert agent._swap(worse, better) == "parent"
    assert torch.equal(learner.soft.actor.flat, parent.flat)
    assert agent._adam.steps == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("population", 2 * 3), ("sigma", 0.5), ("evolution_rate", 0.3), ("weight_decay", 0.5), ("margin", 0.0)),
        *(("patience", 0.0), ("rollout_steps", 4), ("update_ratio", 0.05), ("anneal", False)),
    ],
)
def test_every_number_of_the_config_changes_what_is_learned(field: str, value: Any) -> None:
    agents = [built(config) for config in (SMALL, SMALL.model_copy(update={field: value}))]
    for agent in agents:
        agent.learn(lanes(), 4 * ROUND)
    assert whole(agents[0]) != whole(agents[1])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_it_is_never_below_the_better_parent() -> None:
    """Each alone gets the same steps and numbers; beside the other it may not be worse by more than an error."""
    market = HysteresisConfig(cost=1.0)
    path = market.simulate(100_000, seed=1)

    def score(config: Any, n: int) -> Evaluation:
        env = KnownMarketEnv(market, path, n)
        agent = config.build(env)
        agent.learn(env, 60_000)
        return evaluate(agent, market, 0, paths=64, bars=1000)

    numbers: dict[str, Any] = {"gamma": 0.95, "rollout_steps": 32}
    both = score(HybridESConfig(population=8, **numbers), 11 * 8)
    alone = [score(SACConfig(**numbers), 11 * 8), score(ESConfig(population=8, rollout_steps=32), 11 * 8)]
    best = max(alone, key=lambda each: each.score)
    assert both.score > best.score - best.error


def test_bad_input_is_one_clear_error() -> None:
    for population, words in ((5, "population must be even; got 5"), (2, "greater than or equal to 4")):
        with pytest.raises(ConfigError, match=words):
            HybridESConfig(population=population)
    with pytest.raises(ConfigError, match="must be below the lanes of an actor in one market, 6; "):
        built().learn(lanes(n=6), 1)

    class Bare:
        n_envs, spec = 7, lanes().spec

    with pytest.raises(RunError, match="env: must take starts, and say in possible_starts which there are"):
        built().learn(Bare(), 1)  # type: ignore[arg-type]
