"""Novelty: it fades where nothing is new, leads an agent to a reward that chance never finds, and survives a kill."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regimen.agents import PPOConfig
from regimen.envs import EnvSpec
from regimen.errors import ConfigError
from regimen.learning import Checkpoint, RNDConfig
from regimen.stateful import state_of

STATES, LANES = 40, 8


class Chain:
    """Left or right along a chain from its first state; the goal is the last, and an episode too short for chance."""

    def __init__(self) -> None:
        self.n_envs, self.spec = LANES, EnvSpec(columns=tuple(f"s{k}" for k in range(STATES)), choices=2)
        self.at, self.age, self.visits = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64), 0

    def reset(self, seed: int | None = None, starts: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        del seed, starts
        self.at[:], self.age[:] = 0, 0
        return self.shown(), {}

    def shown(self) -> np.ndarray:
        return np.eye(STATES, dtype=np.float32)[self.at]

    def step(self, actions: np.ndarray) -> Any:
        self.at = np.clip(self.at + np.where(actions == 1, 1, -1), 0, STATES - 1)
        self.age += 1
        goal = self.at == STATES - 1
        self.visits += int(goal.sum())
        cut = self.age == 60
        final = self.shown()
        self.at, self.age = np.where(cut, 0, self.at), np.where(cut, 0, self.age)
        return self.shown(), goal.astype(float), np.zeros(LANES, np.bool_), cut, {"final_observation": final}

    def state(self) -> dict[str, np.ndarray]:
        return {"at": self.at.copy(), "age": self.age.copy()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.at, self.age = state["at"].copy(), state["age"].copy()


def visits(bonus: RNDConfig | None, seed: int) -> int:
    env = Chain()
    config = PPOConfig(
        rollout_steps=20,
        minibatch_size=240,
        gamma=0.9,
        hidden=(32,),
        learning_rate=1e-2,
        anneal=False,
        entropy_coefficient=0.01,
        normalise_observations=False,
        bonus=bonus,
    )
    config.build(env, seed).learn(env, 30_000)
    return env.visits


@pytest.mark.parametrize("seed", [1, 2])
def test_it_leads_to_a_goal_that_chance_does_not_find(seed: int) -> None:
    assert visits(None, seed) == 0
    assert visits(RNDConfig(weight=1.0, hidden=(32,), learning_rate=1e-2), seed) > 3000


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
    with pytest.raises(ConfigError, match=r"^agents\.bonus\.columns: must be columns that lanes show, not 'luck'"):
        RNDConfig(columns=("luck",)).build(spec, seed=0)


def test_an_agent_with_a_bonus_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    config = PPOConfig(rollout_steps=8, hidden=(8,), bonus=RNDConfig(hidden=(8,)))
    whole, env = config.build(Chain(), seed=1), Chain()
    history = whole.learn(env, 4 * 64)

    def kill(iteration: Any) -> None:
        if iteration.iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        config.build(env, seed=1).learn(Chain(), 4 * 64, kill, Checkpoint(tmp_path, seconds=0.0))
    again = config.build(env, seed=1)
    assert again.learn(Chain(), 4 * 64, None, Checkpoint(tmp_path, seconds=0.0)) == history
    for parts in (whole.saved, whole.resumed):
        mine, theirs = state_of(again, parts), state_of(whole, parts)
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert "bonus" not in PPOConfig().model_dump()  # a config without one is known as before
