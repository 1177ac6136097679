"""Novelty: it fades where nothing is new, leads an agent to a reward that chance never finds, and survives a kill."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.learning.chain import Chain
from torch import Tensor

from regimen.agents import PPOConfig, RecurrentPPOConfig, SACConfig
from regimen.envs import EnvSpec
from regimen.errors import ConfigError
from regimen.learning import RND, Checkpoint, RNDConfig
from regimen.stateful import state_of

COMMON: dict[str, Any] = {
    "rollout_steps": 20,
    "gamma": 0.9,
    "anneal": False,
    "normalise_observations": False,
}
PAIR = {"minibatch_size": 240, "learning_rate": 1e-2, "entropy_coefficient": 0.01}
EXPLORERS = {
    "ppo": PPOConfig(hidden=(32,), **(PAIR | {"entropy_coefficient": 0.1}), **COMMON),
    "recurrent_ppo": RecurrentPPOConfig(sequence_length=20, hidden=32, layers=1, head=32, **PAIR, **COMMON),
    "sac": SACConfig(hidden=(32,), warmup_steps=64, batch_size=64, capacity=30_000, **COMMON),
}
every = pytest.mark.parametrize("config", EXPLORERS.values(), ids=EXPLORERS)


def visits(config: Any, bonus: RNDConfig | None, steps: int) -> int:
    env = Chain()
    config.model_copy(update={"bonus": bonus}).build(env, 2).learn(env, steps)
    return env.visits


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(config, id=name, marks=[] if name == "sac" else pytest.mark.slow)
        for name, config in EXPLORERS.items()
    ],
)
def test_it_leads_to_a_goal_that_chance_does_not_find(config: Any) -> None:
    assert visits(config, None, 16_000) == 0
    assert visits(config, RNDConfig(weight=1.0, hidden=(32,), learning_rate=1e-2), 16_000) > 100


def test_what_is_known_is_worth_nothing() -> None:
    """States that are all seen again and again are worth a hundredth of what they were at first."""
    spec = EnvSpec(columns=("a", "b", "c"))
    bonus = RNDConfig(hidden=(32,), learning_rate=3e-3).build(spec, seed=2)
    rows = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    before = {name: tensor.clone() for name, tensor in bonus.state().items()}
    first = bonus.score(rows, rows, rows)
    assert (first > 0.0).all()
    for _ in range(600):
        bonus.improve(rows, rows, rows)
    known = float(bonus.score(rows, rows, rows).mean())
    assert known < 0.01 * float(first.mean())
    after = bonus.state()
    for name, tensor in before.items():
        if name.startswith(("target", "predictor")):
            assert torch.equal(after[name], tensor) is name.startswith("target"), name
    assert float(bonus.score(rows, rows, rows + 5.0).mean()) > 10.0 * known  # elsewhere is new


def test_only_the_named_columns_are_looked_at() -> None:
    spec = EnvSpec(columns=("price", "position"))
    bonus = RNDConfig(columns=("position",)).build(spec, seed=0)
    rows = torch.zeros(4, 2)
    moved = torch.tensor([[9.0, 0.0], [-9.0, 0.0], [3.0, 0.0], [0.0, 0.0]])
    assert torch.equal(bonus.score(rows, rows, rows), bonus.score(rows, rows, moved))
    single = bonus.score(rows[:1], rows[:1], rows[:1])
    assert torch.isfinite(single).all()
    with pytest.raises(ConfigError, match=r"^agents\.bonus\.columns: must be of columns .*; got 'luck'"):
        RNDConfig(columns=("luck",)).build(spec, seed=0)


@every
def test_a_bonus_that_pays_nothing_changes_nothing(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RND, "score", lambda *rows: torch.zeros(len(rows[-1])))
    agents = [config.model_copy(update={"bonus": bonus}).build(Chain(), 1) for bonus in (None, RNDConfig())]
    histories = [agent.learn(Chain(), 4 * 160) for agent in agents]
    plain, other = (state_of(agent, agent.saved) for agent in agents)
    assert all(torch.equal(plain[name], other[name]) for name in plain)
    for without, paid in zip(*histories, strict=True):
        assert without.reward == paid.reward
        assert math.isfinite(paid.numbers["novelty"])


@every
def test_it_is_paid_for_going_on_and_never_for_ruin(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is scored are the transitions that go on, each with what was seen next, also where an episode was cut."""
    scored: list[tuple[Tensor, Tensor]] = []

    def score(bonus: RND, x: Tensor, actions: Tensor, successors: Tensor) -> Tensor:
        del bonus
        assert len(x) == len(actions) == len(successors)
        scored.append((x.argmax(1), successors.argmax(1)))
        return torch.zeros(len(successors))

    monkeypatch.setattr(RND, "score", score)
    config.model_copy(update={"bonus": RNDConfig()}).build(Chain(), 1).learn(Chain(length=6, ruin=4), 8 * 160)
    before, after = (torch.cat(parts) for parts in zip(*scored, strict=True))
    assert int(after.max()) == 3  # the next state is ruin
    assert int((after - before).abs().max()) == 1  # an episode's own last observation, not the first of the next one


@every
def test_an_agent_with_a_bonus_goes_on_where_it_was_killed(config: Any, tmp_path: Path) -> None:
    config = config.model_copy(update={"rollout_steps": 20, "bonus": RNDConfig(hidden=(8,))})
    whole, env = config.build(Chain(), seed=1), Chain()
    history = whole.learn(env, 4 * 160)

    def kill(iteration: Any) -> None:
        if iteration.iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        config.build(env, seed=1).learn(Chain(), 4 * 160, kill, Checkpoint(tmp_path, seconds=0.0))
    again = config.build(env, seed=1)
    assert again.learn(Chain(), 4 * 160, None, Checkpoint(tmp_path, seconds=0.0)) == history
    for parts in (whole.saved, whole.resumed):
        mine, theirs = state_of(again, parts), state_of(whole, parts)
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert "bonus" not in type(config)().model_dump()  # a config without one is known as before
