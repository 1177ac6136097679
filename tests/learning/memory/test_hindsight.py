"""Hindsight: goals that were reached after a step, rewards paid anew, what is stored left alone, and luck corrected."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from tests.contracts.test_agent_contract import market
from tests.learning.bit_flip import BitFlip, share_solved

from regimen.agents import SACConfig
from regimen.envs import EnvSpec, GoalConfig, GoalSpace
from regimen.errors import ConfigError, RunError
from regimen.learning import Checkpoint, HindsightConfig, HindsightReplay, Transitions
from regimen.stateful import state_of

LANES, LENGTH = 3, 5
STEPS = EnvSpec(
    columns=("at", "other", "goal"), size=1, goal=GoalSpace(goal=("goal",), achieved=("at",), tolerance=0.25, ends=True)
)


def walked(config: HindsightConfig, steps: int = 13, capacity: int = 1000) -> HindsightReplay:
    """A memory of lanes that are at 10·lane + t after step t, in episodes of five steps, with goals out of reach.

    What the market paid is t/8, beside −1 for the goal that is missed.
    """
    memory = config.build(STEPS, capacity, seed=0)
    memory.begin(LANES)
    lanes, goals = 10.0 * np.arange(LANES), np.full(LANES, -9.0)
    for t in range(steps):
        before, after = (np.stack([lanes + at, 0 * lanes + t, goals], 1) for at in (t - 1, t))
        cut = np.full(LANES, t % LENGTH == LENGTH - 1)
        memory.add(before, after, np.zeros((LANES, 1)), np.full(LANES, t / 8 - 1.0), np.zeros(LANES, np.bool_), cut)
    return memory


def digest(memory: HindsightReplay) -> str:
    assert memory.ring is not None
    return hashlib.sha256(memory.ring.rows[: memory.filled].tobytes()).hexdigest()


def columns(drawn: Transitions) -> dict[str, np.ndarray]:
    seen, after = drawn.observations[0].numpy(), drawn.successors[0].numpy()
    return {
        "step": after[1].astype(int),
        "lane": (after[0] // 10).astype(int),
        "reached": after[0],
        "goal": seen[2],
        "goal after": after[2],
        "reward": drawn.rewards[0].numpy(),
        "ended": drawn.terminated[0].numpy() > 0.5,
    }


@pytest.mark.parametrize("strategy", ["future", "episode", "final"])
def test_goals_are_those_of_the_strategy(strategy: Literal["future", "episode", "final"]) -> None:
    """Every goal that may be drawn is drawn and no other: of the own lane and episode, and as it was after its step."""
    memory = walked(HindsightConfig(strategy=strategy, fraction=1.0))
    before = digest(memory)
    drawn = columns(memory.sample(np.random.default_rng(1), 1, 4000))
    assert digest(memory) == before
    np.testing.assert_array_equal(drawn["goal"], drawn["goal after"])
    for step in range(13):
        first, last = step // LENGTH * LENGTH, min(step // LENGTH * LENGTH + LENGTH, 13) - 1
        possible = {"future": range(step, last + 1), "episode": range(first, last + 1), "final": [last]}[strategy]
        goals = {10.0 * lane + t for lane in range(LANES) for t in possible}
        if strategy == "final" and first == 10:  # under way: nobody knows its end
            goals = {-9.0}
        assert set(drawn["goal"][drawn["step"] == step]) == goals, step
    reached = drawn["reached"] == drawn["goal"]
    np.testing.assert_array_equal(drawn["reward"], drawn["step"] / 8 - ~reached)  # what the market paid stays
    np.testing.assert_array_equal(drawn["ended"], reached)


def test_a_share_keeps_its_goal_and_a_full_ring_forgets_the_oldest() -> None:
    memory = walked(HindsightConfig(fraction=0.25, strategy="episode"), capacity=4 * LANES - 1)
    assert memory.filled == 4 * LANES
    drawn = columns(memory.sample(np.random.default_rng(1), 1, 4000))
    assert set(drawn["step"]) == {9, 10, 11, 12}
    assert set(drawn["goal"][drawn["step"] == 9]) == {-9.0, 9.0, 19.0, 29.0}  # the rest of its episode is forgotten
    assert np.mean(drawn["goal"] != -9.0) == pytest.approx(0.25, abs=0.03)


def test_lanes_that_are_reset_begin_anew() -> None:
    """Without this, the goals of a call of `learn` would come from the episodes of the next."""
    memory = walked(HindsightConfig(fraction=1.0, strategy="final"))
    memory.begin(LANES)
    drawn = columns(memory.sample(np.random.default_rng(1), 1, 400))
    assert set(drawn["goal"][drawn["step"] > 9]) == {12.0, 22.0, 32.0}
    with pytest.raises(RunError, match=r"^env: must have 3 lanes: hindsight keeps the episodes of each; got 4"):
        memory.begin(4)


@pytest.mark.parametrize("correction", [False, True])
def test_it_goes_on_where_it_stood(correction: bool) -> None:
    config = HindsightConfig(correction=correction)
    whole, again = walked(config), config.build(STEPS, 1000, seed=0)
    whole.sample(np.random.default_rng(0), 1, 64)
    again.restore({name: tensor.clone() for name, tensor in whole.state().items()})
    assert again.state().keys() == whole.state().keys()
    for random in (np.random.default_rng(seed) for seed in (1, 2)):
        twin = np.random.default_rng()
        twin.bit_generator.state = random.bit_generator.state
        first, second = whole.sample(random, 2, 32), again.sample(twin, 2, 32)
        assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def chances(correction: bool, strategy: Literal["future", "final"] = "future") -> dict[tuple[int, int], float]:
    """How often draws of an arm with a goal reach it, where arm 0 leads up in 70 % of cases and arm 1 in half."""
    space = GoalSpace(goal=("goal",), achieved=("at",), ends=True)
    spec = EnvSpec(columns=("at", "goal"), choices=2, goal=space)
    memory, random = HindsightConfig(correction=correction, strategy=strategy).build(spec, 10_000, seed=0), np.random
    generator, lanes = random.default_rng(0), 8
    memory.begin(lanes)
    for _ in range(300):
        goals, arms = 2.0 * generator.integers(0, 2, lanes) - 1.0, generator.integers(0, 2, lanes)
        ends = np.where(generator.random(lanes) < np.where(arms == 1, 0.5, 0.7), 1.0, -1.0)
        met = ends == goals
        before, after = np.stack([0.0 * goals, goals], 1), np.stack([ends, goals], 1)
        memory.add(before, after, arms[:, None], np.where(met, 0.0, -1.0), met, ~met)
    for _ in range(150 * correction):
        memory.sample(generator, 1, 256)
    draws = [memory.sample(generator, 1, 256) for _ in range(40)]
    arms, goals, rewards = (
        torch.cat(parts).numpy()
        for parts in zip(
            *((each.actions[0, 0], each.observations[0, 1], each.rewards[0]) for each in draws), strict=True
        )
    )
    return {(arm, g): float((rewards[(arms == arm) & (goals == g)] == 0.0).mean()) for arm in (0, 1) for g in (1, -1)}


def test_luck_is_not_learned_from() -> None:
    """Plain hindsight asks how an arm ends from cases chosen by their end; corrected draws give the true chances."""
    true = {(0, 1): 0.7, (0, -1): 0.3, (1, 1): 0.5, (1, -1): 0.5}
    plain, corrected = chances(correction=False), chances(correction=True)
    for case, chance in true.items():
        assert plain[case] > chance + 0.15, case
        assert corrected[case] == pytest.approx(chance, abs=0.08), case


def test_a_draw_is_quick() -> None:
    memory, random = walked(HindsightConfig(), steps=2000, capacity=10_000), np.random.default_rng(0)
    times = []
    for _ in range(50):
        start = time.process_time()
        memory.sample(random, 1, 256)
        times.append(time.process_time() - start)
    assert np.median(times) < 1e-3


def test_lanes_without_a_goal_are_refused() -> None:
    rule = r"^agents\.replay: needs lanes with a goal: environment\.wrappers=\[{kind: goal, \.\.\.}\]; got 'hindsight'"
    with pytest.raises(ConfigError, match=rule):
        SACConfig(replay=HindsightConfig()).build(EnvSpec(columns=("a",)), 0)


def test_an_agent_with_hindsight_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    fields = {"rollout_steps": 7, "warmup_steps": 32, "batch_size": 16, "capacity": 60, "hidden": (8,)}
    config = SACConfig(**fields, replay=HindsightConfig(correction=True))
    whole = config.build(BitFlip(4, lanes=8).spec, seed=1)
    history = whole.learn(BitFlip(4, lanes=8), 4 * 56)

    def kill(iteration: Any) -> None:
        if iteration.iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        config.build(BitFlip(4, lanes=8), 1).learn(BitFlip(4, lanes=8), 224, kill, Checkpoint(tmp_path, seconds=0.0))
    again = config.build(BitFlip(4, lanes=8), seed=1)
    assert again.learn(BitFlip(4, lanes=8), 224, None, Checkpoint(tmp_path, seconds=0.0)) == history
    for parts in (whole.saved, whole.resumed):
        mine, theirs = state_of(again, parts), state_of(whole, parts)
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


BITS: dict[str, Any] = {
    "gamma": 0.98,
    "normalise_rewards": False,
    "normalise_observations": False,
    "rollout_steps": 15,
    "update_ratio": 0.25,
    "learning_rate": 1e-3,
    "anneal": False,
    "hidden": (256,),
    "temperature": 0.2,
    "tau": 0.01,
    "capacity": 320_000,
}
"""The temperature is fixed: a target entropy that falls would end exploring before there is anything to learn from."""


@pytest.mark.slow
def test_bits_are_flipped_to_a_goal_that_chance_does_not_reach() -> None:
    """One of 32,768 patterns pays: with hindsight it is reached nearly always, without it nearly never."""
    for replay, low, high in ((HindsightConfig(), 0.95, 1.0), (None, 0.0, 0.05)):
        env = BitFlip(15, lanes=32)
        agent = SACConfig(replay=replay, **BITS).build(env, seed=0)
        agent.learn(env, 48_000)
        assert low <= share_solved(agent, 15, episodes=500) <= high


@pytest.mark.slow
def test_an_account_is_brought_to_any_exposure() -> None:
    """In bars, after a thousand steps of each of eight lanes: nearly every step ends within 0.05 of its goal."""
    goals = GoalConfig(ranges={"position": (-1.0, 1.0)}, tolerance=0.05)
    fields: dict[str, Any] = {"gamma": 0.5, "rollout_steps": 8, "warmup_steps": 256, "hidden": (32,)}
    fields |= {"normalise_rewards": False, "temperature": 0.02, "update_ratio": 0.25, "replay": HindsightConfig()}
    env = goals.wrap(market("continuous"))
    agent = SACConfig(**fields).build(env, seed=0)
    agent.learn(env, 8000)
    env, hits = goals.wrap(market("continuous")), []
    seen, _ = env.reset(1)
    place = env.spec.columns.index("position")
    for _ in range(200):
        wanted = seen[:, -1].copy()
        seen, _, terminated, truncated, _ = env.step(agent.predict(seen)[0])
        goes_on = ~(terminated | truncated)
        hits += (np.abs(seen[:, place] - wanted) <= 0.05)[goes_on].tolist()
    assert np.mean(hits) > 0.8
