"""The contract of V-trace: the ratio, the fixed lag, bytes under any scheduling, kill and resume, the optimum."""

from __future__ import annotations

import os
import signal
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regimen import ops
from regimen.agents.vtrace import vtrace
from regimen.agents.vtrace.collector import LaneCollector
from regimen.agents.vtrace.config import VTraceConfig
from regimen.agents.vtrace.vtrace import VTraceAgent, joined
from regimen.envs import EnvSpec, ShapedConfig, wrapped
from regimen.errors import ConfigError, RunError
from regimen.learning import Checkpoint
from regimen.proving import KnownMarketEnv, evaluate
from regimen.simulators import HysteresisConfig
from regimen.stateful import state_of

MARKET = HysteresisConfig(cost=0.5)
PATH = MARKET.simulate(2000, seed=1)
SMALL = VTraceConfig(lag=1, rollout_steps=8, minibatch_size=64, epochs=2, hidden=(8,))
ROUND = 8 * 16


def lanes(levels: tuple[float, ...] | None = (-1.0, 0.0, 1.0)) -> KnownMarketEnv:
    return KnownMarketEnv(MARKET, PATH, 16, levels=levels, episode_length=11)


def weights(agent: VTraceAgent) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in state_of(agent, agent.saved).items()}


def learned(config: VTraceConfig, env: Any = None, rounds: int = 5) -> VTraceAgent:
    agent = config.build(env or lanes(), seed=2)
    assert isinstance(agent, VTraceAgent)
    agent.learn(env or lanes(), rounds * ROUND)
    return agent


def test_the_ratio_is_of_the_policy_that_learns_to_the_one_that_acted(monkeypatch: pytest.MonkeyPatch) -> None:
    """At lag 0 it is exactly 1; at lag k the policy that acted is, weight for weight, that of k updates ago."""
    for lag in (0, 2):
        agent = SMALL.model_copy(update={"lag": lag}).build(lanes(), seed=2)
        assert isinstance(agent, VTraceAgent)
        known: list[bytes] = []
        acted: list[bytes] = []
        answers = agent._rounds.answers

        def answered(agent: Any = agent, answers: Any = answers, known: Any = known, acted: Any = acted) -> Any:
            known.append(agent._adam.values.detach().numpy().tobytes())
            behaviour, experience = answers()
            acted.append(behaviour.values.tobytes())
            assert behaviour.number == agent.iterations
            return behaviour, experience

        monkeypatch.setattr(agent._rounds, "answers", answered)
        ratios = [each.numbers["log_ratio"] for each in agent.learn(lanes(), 6 * ROUND)]
        assert acted == [known[max(0, number - lag)] for number in range(6)]
        assert [ratio == 0.0 for ratio in ratios] == [lag == 0 or number == 0 for number in range(6)]


@pytest.mark.parametrize("levels", [(-1.0, 0.0, 1.0), None], ids=["choices", "continuous"])
def test_targets_and_advantages_are_the_papers(levels: tuple[float, ...] | None) -> None:
    """Oracle: `ops.vtrace` on tensors, with chances and values asked of the networks row by row."""
    agent = learned(SMALL, lanes(levels), 2)
    actor = LaneCollector(agent.config, 2, 0, lanes(levels), 0)
    behaviour = agent._behaviour(7)
    with torch.no_grad():
        experience = actor(behaviour)
        assert not isinstance(experience, np.ndarray)
        agent.network.get_parameter(f"actor.{len(agent.network.actor) - 1}.bias").add_(
            torch.linspace(-0.5, 0.5, experience.outputs.shape[-1])
        )
        x = agent.observations.network_input(experience.observations, agent.config)
        raw = torch.from_numpy(experience.raw)
        values = torch.stack([agent.network.value(row) for row in x])
        now = torch.stack([agent.network.log_prob(agent.network.actor(r), a) for r, a in zip(x[:-1], raw, strict=True)])
        acted = agent.network.log_prob(torch.from_numpy(experience.outputs), raw)
        successors = values[1:].clone()
        for row, lane, seen in zip(*experience.cut, strict=True):
            successors[row, lane] = agent.network.value(agent.observations.network_input(seen[None], agent.config))[0]
    assert len(experience.cut[0]) > 3
    flags = [torch.from_numpy(each) for each in (experience.terminated, experience.truncated)]
    config = agent.config
    limits = config.gamma, config.trace_lambda, config.rho_bar, config.c_bar
    rewards = torch.from_numpy(experience.rewards)
    expected = ops.vtrace(now - acted, rewards, values[:-1], successors, flags[0], flags[1], *limits)
    traced = agent._traced(experience, (now - acted).numpy(), values.numpy())
    np.testing.assert_allclose(traced.targets, expected.targets, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(traced.advantages, expected.advantages, rtol=1e-4, atol=1e-5)


def test_lanes_of_all_actors_stand_side_by_side() -> None:
    actors = [LaneCollector(SMALL, 2, 0, KnownMarketEnv(MARKET, PATH, 8, episode_length=5), k) for k in range(2)]
    agent = SMALL.build(lanes(), seed=2)
    assert isinstance(agent, VTraceAgent)
    answers = [actor(agent._behaviour(0)) for actor in actors]
    both = joined([each for each in answers if not isinstance(each, np.ndarray)])
    assert both.observations.shape == (9, 16, 2)
    assert not np.array_equal(both.observations[:, :8], both.observations[:, 8:])
    assert sorted(zip(*both.cut[:2], strict=True)) == sorted(zip(*np.nonzero(both.truncated), strict=True))
    np.testing.assert_array_equal(both.cut[2].shape, (both.truncated.sum(), 2))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("actors", 1), ("lag", 0), ("lag", 3), ("rollout_steps", 4), ("epochs", 1), ("minibatch_size", 32)),
        *(("gamma", 0.5), ("trace_lambda", 0.2), ("rho_bar", 1.02), ("c_bar", 0.5), ("clip", 0.001)),
        *(("entropy_coefficient", 0.5), ("value_coefficient", 2.0), ("gradient_clip", 1e-3), ("learning_rate", 1e-4)),
        *(("anneal", False), ("hidden", (4,)), ("activation", "relu"), ("normalise_observations", False)),
        *(("observation_clip", 0.1), ("value_share", 1.0)),
    ],
)
def test_every_number_of_the_config_changes_what_is_learned(field: str, value: Any) -> None:
    assert usual() != weights(learned(SMALL.model_copy(update={field: value})))


@cache
def usual() -> dict[str, bytes]:
    return weights(learned(SMALL))


class Late:
    """A collector that takes its time, another each time, and dies once in the middle."""

    def __init__(self, config: VTraceConfig, seed: int, begun: int, env: Any, k: int) -> None:
        self.k, self.collector = k, LaneCollector(config, seed, begun, env, k)
        self.state, self.restore = self.collector.state, self.collector.restore

    def __call__(self, behaviour: Any) -> Any:
        time.sleep(float(np.random.default_rng().uniform(0.0, 0.05)))
        place = Path(os.environ["LATE"]) / str(self.k)
        if behaviour is not None and behaviour.number == 2 + self.k and not place.exists():
            place.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.collector(behaviour)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_bytes_do_not_depend_on_where_actors_live_nor_on_who_is_late_or_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = wrapped(lanes(), [ShapedConfig(weights={"position": 0.1})])
    config = SMALL.model_copy(update={"lag": 2})
    first = weights(learned(config, env))
    assert weights(learned(config.model_copy(update={"compute": "processes:1"}), env)) == first
    monkeypatch.setenv("LATE", str(tmp_path))
    monkeypatch.setattr(vtrace, "LaneCollector", Late)
    assert weights(learned(config.model_copy(update={"compute": "processes:2"}), env)) == first
    assert len(list(tmp_path.iterdir())) == 2


class Killed(Exception):
    pass


def test_what_is_under_way_survives_a_checkpoint(tmp_path: Path) -> None:
    """With two rounds under way; the contract of all agents kills them with one."""
    config = SMALL.model_copy(update={"lag": 2})
    whole = learned(config, rounds=6)

    def kill(iteration: Any) -> None:
        if iteration.iteration == 4:
            raise Killed

    checkpoint = Checkpoint(tmp_path, seconds=0.0)
    with pytest.raises(Killed):
        config.build(lanes(), seed=2).learn(lanes(), 6 * ROUND, kill, checkpoint)
    again = config.build(lanes(), seed=2)
    assert isinstance(again, VTraceAgent)
    again.learn(lanes(), 6 * ROUND, None, checkpoint)
    assert weights(again) == weights(whole)


@pytest.mark.slow
@pytest.mark.parametrize("lag", [0, 1])
def test_a_lag_costs_little(lag: int) -> None:
    market = HysteresisConfig(cost=1.0)
    numbers: dict[str, Any] = {"gamma": 0.97, "trace_lambda": 0.7, "minibatch_size": 1024, "entropy_coefficient": 0.02}
    env = KnownMarketEnv(market, market.simulate(100_000, seed=1), 128)
    agent = VTraceConfig(lag=lag, **numbers).build(env)
    agent.learn(env, 250_000)
    assert evaluate(agent, market, 0, bars=1000).score > 0.97


def test_bad_input_is_one_clear_error() -> None:
    for fields, words in (
        ({"lag": -1}, "lag: must be greater than or equal to 0; got -1"),
        ({"actors": 0}, "actors: must be greater than or equal to 1"),
        ({"c_bar": 2.0}, "c_bar must be at most rho_bar; got 2 and 1"),
        ({"compute": "moon"}, "must be local, processes:N"),
    ):
        with pytest.raises(ConfigError, match=words):
            VTraceConfig(**fields)
    with pytest.raises(ConfigError, match="must be at most the lanes, 16; got 17"):
        learned(SMALL.model_copy(update={"actors": 17}))

    class Bare:
        n_envs, spec = 16, EnvSpec(columns=("x",), choices=2)

    with pytest.raises(RunError, match="env: must have a recipe, for actors to build lanes of their own; got 'Bare'"):
        learned(SMALL, Bare())
