"""SAC of several objectives: gradients, what it is with one objective, known fronts, one preference, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.contracts.test_agent_contract import market

from regimen.agents import MOSACConfig, SACConfig, load_agent
from regimen.agents.mosac.mosac import MOSAC
from regimen.agents.soft.heads import ChoiceHead, SquashedHead
from regimen.envs import EnvSpec, VectorMarket
from regimen.errors import ConfigError, RunError
from regimen.learning import Checkpoint, Perceptrons, Trace
from regimen.metrics import hypervolume, undominated
from regimen.policies import Showing
from regimen.proving import KnownMarketEnv
from regimen.records import count_parameters
from regimen.simulators import HysteresisConfig
from regimen.stateful import state_of

MARKET = HysteresisConfig(cost=0.5)
PATH = MARKET.simulate(2000, seed=1)
LEVELS = (-1.0, 0.0, 1.0)
FIELDS: dict[str, Any] = {
    **{"rollout_steps": 4, "warmup_steps": 64, "update_ratio": 0.1, "batch_size": 32},
    **{"capacity": 600, "hidden": (16, 16)},
}


class Sea:
    """Deep Sea Treasure, the convex map: a diver goes down to one of ten treasures; each step costs one.

    Source: Vamplew et al. 2011; the values of the convex map are those of mo-gymnasium.
    """

    DEPTHS = np.array([1, 2, 3, 4, 4, 4, 7, 7, 9, 10])
    VALUES = np.array([0.7, 8.2, 11.5, 14.0, 15.1, 16.1, 19.6, 20.3, 22.4, 23.7])
    SCALES = np.array([23.7, 19.0])

    def __init__(self, lanes: int, preference: np.ndarray | None = None) -> None:
        self.n_envs, self.fixed, self.random = lanes, preference, np.random.default_rng(0)
        self.spec = EnvSpec(columns=("row", "column", "preference_treasure", "preference_time"), choices=4)
        self.row, self.column, self.left = (np.zeros(lanes, np.int64) for _ in range(3))
        self.preference = np.zeros((lanes, 2))

    def reset(self, seed: int | None = None, starts: Any = None) -> tuple[Any, dict[str, Any]]:
        del starts
        self.random = np.random.default_rng(seed)
        self.row[:], self.column[:], self.left[:] = 0, 0, 50
        self.preference = self._drawn(self.n_envs) if self.fixed is None else self.fixed
        return self._seen(), {}

    def step(self, actions: Any) -> Any:
        row = np.clip(self.row + (actions == 1) - (actions == 0), 0, 10)
        column = np.clip(self.column + (actions == 3) - (actions == 2), 0, 9)
        self.row, self.column = np.where(row > self.DEPTHS[column], self.row, row), column
        reached = self.row == self.DEPTHS[column]
        rewards = np.column_stack([np.where(reached, self.VALUES[column], 0.0), np.full(self.n_envs, -1.0)])
        self.left -= 1
        cut = (self.left == 0) & ~reached
        ended, final = reached | cut, self._seen()
        self.row[ended], self.column[ended], self.left[ended] = 0, 0, 50
        if self.fixed is None:
            self.preference[ended] = self._drawn(int(ended.sum()))
        info = {"final_observation": final, "rewards": rewards / self.SCALES}
        return self._seen(), (info["rewards"] * self.preference).sum(1), reached, cut, info

    def state(self) -> dict[str, np.ndarray]:
        return {name: np.array(getattr(self, name)) for name in ("row", "column", "left", "preference")}

    def restore(self, state: Any) -> None:
        for name, array in state.items():
            setattr(self, name, array.copy())

    def _drawn(self, lanes: int) -> np.ndarray:
        first = self.random.random(lanes)
        return np.column_stack([first, 1.0 - first])

    def _seen(self) -> np.ndarray:
        return np.column_stack([self.row / 10.0, self.column / 9.0, self.preference]).astype(np.float32)


def reached(agent: MOSAC) -> np.ndarray:
    """(preference, 2) treasure and minus the steps of one dive by each of 101 preferences."""
    first = np.linspace(0.0, 1.0, 101)
    sea, paid, under_way = Sea(101, np.column_stack([first, 1.0 - first])), np.zeros((101, 2)), np.ones(101, np.bool_)
    seen, _ = sea.reset()
    for _ in range(50):
        seen, _, terminated, truncated, info = sea.step(agent.predict(seen)[0])
        paid += info["rewards"] * Sea.SCALES * under_way[:, None]
        under_way &= ~(terminated | truncated)
    return paid


def whole(agent: Any) -> dict[str, bytes]:
    return {name: each.numpy(force=True).tobytes() for name, each in state_of(agent, agent.saved).items()}


def autograd(module: Perceptrons, loss: torch.Tensor) -> torch.Tensor:
    slopes = torch.autograd.grad(loss, list(module.parameters()))
    return torch.cat([slope.flatten() for slope in slopes])


def case(kind: str) -> tuple[Any, Any, Perceptrons, Perceptrons, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A head of two objectives with its twin of one, networks, rows, noise and actions that were taken."""
    torch.manual_seed(0)
    choices = kind == "choices"
    head: Any = ChoiceHead(3, 2) if choices else SquashedHead(2, 2)
    actor = Perceptrons(1, 3, 3 if choices else 4, (8, 8), 1.0)
    critics = Perceptrons(2, 3 if choices else 5, head.outputs, (8, 8), 1.0)
    taken = torch.randint(0, 3, (1, 40)).float() if choices else torch.rand(2, 40) * 2.0 - 1.0
    return (
        head,
        ChoiceHead(3) if choices else SquashedHead(2),
        actor,
        critics,
        torch.randn(3, 40),
        torch.randn(2, 40),
        taken,
    )


@pytest.mark.parametrize("kind", ["choices", "continuous"])
def test_gradients_are_those_of_the_losses(kind: str) -> None:
    """Oracle: autograd; the actor's loss is mean(α·log π − min Σ w·Q), the minimum over members of the weighted sum."""
    head, _, actor, critics, x, noise, taken = case(kind)
    first = torch.rand(40)
    weights, goals = torch.stack([first, 1.0 - first]), torch.randn(2, 40)

    def q(actions: torch.Tensor) -> torch.Tensor:  # (2, objective, [choice,] batch)
        if kind == "choices":
            return critics(x).view(2, 2, 3, -1)
        return critics(torch.cat([x, actions]))

    at = q(taken).gather(2, taken.long().expand(2, 2, 1, -1))[:, :, 0] if kind == "choices" else q(taken)
    expected = autograd(critics, 0.5 * (at - goals).square().mean(2).sum())
    with torch.no_grad():
        torch.testing.assert_close(head.critic_slope(critics, x, taken, goals), at.detach())
    torch.testing.assert_close(critics.slope, expected, rtol=1e-4, atol=1e-6)

    draw = head.draw(actor(x)[0], noise)
    if kind == "choices":
        best = (q(taken) * weights[:, None]).sum(1).amin(0)
        loss = (draw.actions * (0.3 * torch.log_softmax(actor(x)[0], 0) - best)).sum(0).mean()
    else:
        loss = (0.3 * draw.log_prob - (q(draw.actions) * weights).sum(1).amin(0)).mean()
    expected = autograd(actor, loss)
    with torch.no_grad():
        trace: Trace = []
        output = actor(x, trace)[0]
        before = critics.slope.clone()
        actor.gradients(
            trace, head.actor_slope(critics, x, output, noise, head.draw(output, noise), 0.3, weights)[None]
        )
    torch.testing.assert_close(actor.slope, expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(critics.slope, before)


@pytest.mark.parametrize("kind", ["choices", "continuous"])
def test_with_a_preference_for_one_objective_it_is_the_scalar_agent(kind: str) -> None:
    """Oracle: heads of one objective on critics that have the first objective's outputs only."""
    head, scalar, actor, critics, x, noise, _ = case(kind)
    outputs = head.outputs // 2
    one = Perceptrons(2, critics.get_parameter("weight_0").shape[2], outputs, (8, 8), 1.0)
    with torch.no_grad():
        for name, parameter in one.named_parameters():
            parameter.copy_(critics.get_parameter(name)[:, : parameter.shape[1]])
        weights = torch.stack([torch.ones(40), torch.zeros(40)])
        output = actor(x)[0]
        draw = head.draw(output, noise)
        values = head.values(critics, x, draw, weights)
        torch.testing.assert_close(values[0], scalar.values(one, x, draw)[0])
        slope = head.actor_slope(critics, x, output, noise, draw, 0.3, weights)
        torch.testing.assert_close(slope, scalar.actor_slope(one, x, output, noise, draw, 0.3))


@pytest.mark.parametrize("levels", [LEVELS, None], ids=["choices", "continuous"])
def test_with_one_objective_it_is_sac_bit_for_bit(levels: tuple[float, ...] | None) -> None:
    env = KnownMarketEnv(MARKET, PATH, 32, levels=levels, episode_length=20)
    mine, sac = MOSACConfig(**FIELDS).build(env, seed=1), SACConfig(**FIELDS).build(env, seed=1)
    assert isinstance(mine, MOSAC)
    assert mine.objectives == ()
    assert mine.parameter_counts == count_parameters(sac)
    histories = [agent.learn(env, 1500) for agent in (mine, sac)]
    ours, theirs = whole(mine), whole(sac)
    assert theirs["actor/weight_0"] == ours["soft/actor/weight_0"]
    assert theirs["targets/weight_1"] == ours["soft/targets/weight_1"]
    assert theirs["temperature/log"] == ours["soft/log_temperature"]
    for each, other in zip(*histories, strict=True):
        assert (each.reward, each.entropy) == (other.reward, other.entropy)
        assert each.numbers["value"] == pytest.approx(other.numbers["value"])


class Choice:
    """One objective is paid for the first choice, ten times as much of the other for the second."""

    def __init__(self, columns: tuple[str, ...] = ("x", "preference_a", "preference_b"), wide: int = 2) -> None:
        self.n_envs, self.wide, self.random = 32, wide, np.random.default_rng(0)
        self.spec = EnvSpec(columns=columns, choices=2)

    def reset(self, seed: int | None = None, starts: Any = None) -> tuple[Any, dict[str, Any]]:
        del starts
        self.random = np.random.default_rng(seed)
        return self._seen(), {}

    def step(self, actions: Any) -> Any:
        rewards = np.column_stack([actions == 0, 10.0 * (actions == 1)])[:, : self.wide]
        yes, no, seen = np.full(32, True), np.full(32, False), self._seen()
        return seen, rewards.mean(1), yes, no, {"final_observation": seen, "rewards": rewards}

    def state(self) -> dict[str, np.ndarray]:
        return {}

    def restore(self, state: Any) -> None:
        del state

    def _seen(self) -> np.ndarray:
        first = self.random.random(32)
        return np.column_stack([np.zeros(32), first, 1.0 - first])


def test_every_preference_gets_what_is_best_for_it(tmp_path: Path) -> None:
    """Each objective counts in its own deviations, so that the two are worth alike and a half is where it turns."""
    env = Choice()
    agent = MOSACConfig(rollout_steps=8, warmup_steps=64, batch_size=128, hidden=(16,), gamma=0.0).build(env)
    history = agent.learn(env, 6_000)
    assert history[-1].numbers["a"] + 0.1 * history[-1].numbers["b"] == pytest.approx(1.0)
    first = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], np.float32)
    actions, _ = agent.predict(np.column_stack([np.zeros(6), first, 1.0 - first]))
    assert actions.tolist() == [1, 1, 1, 0, 0, 0]
    agent.save(tmp_path)
    for shares, expected in (((0.9, 0.1), 0), ((0.1, 0.9), 1)):
        actor = Showing(load_agent(tmp_path), {"preference_a": shares[0], "preference_b": shares[1]})
        assert actor.spec == EnvSpec(columns=("x",), choices=2)
        assert actor.predict(np.zeros((3, 1)))[0].tolist() == [expected] * 3


def test_learning_that_was_stopped_ends_with_the_same_bytes(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(iteration: Any) -> None:
        if iteration.iteration == 4:
            raise Stopped

    config, steps = MOSACConfig(**FIELDS), 32 * 4 * 7
    checkpoint = Checkpoint(tmp_path, seconds=0.0)
    table = np.column_stack([np.linspace(0, 1, 32), np.linspace(1, 0, 32)])
    straight = config.build(Sea(32), seed=2)
    straight.learn(Sea(32, table.copy()), steps)
    with pytest.raises(Stopped):
        config.build(Sea(32), seed=2).learn(Sea(32, table.copy()), steps, stop, checkpoint)
    again = config.build(Sea(32), seed=2)
    again.learn(Sea(32, table.copy()), steps, None, checkpoint)
    assert whole(again) == whole(straight)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_front_of_deep_sea_treasure_is_reached() -> None:
    """Oracle: 994.3, the hypervolume of the known front above (0, −50); 99 % of it is asked for.

    The temperature is below what a step costs: above it, wandering about pays more than any treasure, which ends it.
    """
    front = np.column_stack([Sea.VALUES, -(np.arange(10) + Sea.DEPTHS)])
    assert hypervolume(front, (0.0, -50.0)) == pytest.approx(994.3)
    assert undominated(front).all()
    config = MOSACConfig(
        rollout_steps=16, warmup_steps=3200, update_ratio=1 / 32, batch_size=256, capacity=100_000, tau=0.01,
        learning_rate=1e-3, temperature=0.007, hidden=(128, 128), normalise_observations=False,
        normalise_rewards=False,
    )  # fmt: skip
    agent = config.build(Sea(32), seed=0)
    agent.learn(Sea(32), 256_000)
    assert isinstance(agent, MOSAC)
    assert hypervolume(reached(agent), (0.0, -50.0)) >= 0.99 * 994.3


def test_bad_lanes_and_settings_are_one_error() -> None:
    spec = EnvSpec(columns=("preference_a", "x"), choices=2)
    with pytest.raises(RunError, match=r"^env: observation: must show the preference in its last columns"):
        MOSACConfig().build(spec)
    short = Choice(wide=1)
    with pytest.raises(RunError, match=r"^env: info.rewards: must be a vector for each lane, \(32, 2\)"):
        MOSACConfig(**FIELDS).build(short).learn(short, 64)
    for given, message in (
        ({"names": ("luck",)}, "objectives.names.0: must be 'profit', 'risk'"),
        ({"preference": (0.4, 0.4)}, "preference must sum to 1, not to 0.8; got [0.4, 0.4]"),
    ):
        with pytest.raises(ConfigError) as caught:
            MOSACConfig(objectives=given)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"^environment.reward: must be left out: mosac .*; got 'mean_variance'"):
        MOSACConfig().wrap(VectorMarket(market("levels").bars, np.zeros((160, 1)), n_envs=2, reward="mean_variance"))
    assert MOSACConfig(objectives=["profit", "timing"]).objectives.names == ("profit", "timing")
    with pytest.raises(ConfigError, match="must be below"):
        MOSACConfig(target_entropy=0.7).build(EnvSpec(columns=("x",), choices=2))
