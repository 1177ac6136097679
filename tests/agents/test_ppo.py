"""The contract of PPO: determinism, files, the frozen normaliser, moving weights, ends of episodes, errors."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regimen.agents import PPO, PPOConfig
from regimen.agents.ppo import ppo as algorithm
from regimen.envs import EnvSpec
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.learning import ActorCritic
from regimen.learning.storage import FILE
from regimen.proving import KnownMarketEnv
from regimen.simulators import HysteresisConfig
from regimen.tensorfile import read_tensors, write_tensors

MARKET = HysteresisConfig(cost=0.5)
PATH = MARKET.simulate(2000, seed=1)
LEVELS = (-1.0, 0.0, 1.0)
SMALL = PPOConfig(rollout_steps=8, minibatch_size=256, hidden=(16, 16))


def lanes(levels: tuple[float, ...] | None = LEVELS, n: int = 64, **more: Any) -> KnownMarketEnv:
    return KnownMarketEnv(MARKET, PATH, n, levels=levels, episode_length=20, **more)


@pytest.fixture(params=[LEVELS, None], ids=["discrete", "continuous"])
def env(request: pytest.FixtureRequest) -> KnownMarketEnv:
    return lanes(request.param)


def state(agent: PPO) -> dict[str, bytes]:
    weights = {name: tensor.numpy().tobytes() for name, tensor in agent.network.state_dict().items()}
    return weights | {name: array.tobytes() for name, array in agent.observations.state().items()}


class Bandit:
    """One step of reward, then the end that is asked for, or none; the observation tells nothing."""

    def __init__(self, reward: float = 1.0, end: str = "none", final: float = 1.0, start: float = -1.0) -> None:
        self.n_envs, self.spec = 32, EnvSpec(columns=("x",), choices=2)
        self.reward, self.end, self.final, self.start = reward, end, final, start

    def reset(self, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        del seed
        return np.full((32, 1), self.start), {}

    def step(self, actions: Any) -> Any:
        assert actions.shape == (32,)
        flags = [np.full(32, self.end == name) for name in ("terminated", "truncated")]
        return (
            np.full((32, 1), self.start),
            np.full(32, self.reward),
            *flags,
            {"final_observation": np.full((32, 1), self.final)},
        )


def test_the_normaliser_learns_in_learn_and_is_frozen_in_predict(env: KnownMarketEnv) -> None:
    agent = SMALL.build(env)
    agent.learn(env, 600)
    learned = state(agent)
    agent.predict(np.full((10, 2), 50.0))
    agent.predict(np.full((10, 2), 50.0), deterministic=False)
    assert state(agent) == learned
    agent.learn(env, 600)
    assert agent.observations.count > 1000
    assert state(agent) != learned


@pytest.mark.parametrize(("rows", "size"), [(10, 64), (2048, 256), (8192, 1024), (65536, 2048)])
def test_a_minibatch_is_an_eighth_of_a_rollout_unless_it_is_said(rows: int, size: int) -> None:
    """Few lanes need several steps a pass; many lanes need no smaller ones than before."""
    assert PPOConfig().minibatch(rows) == size
    assert PPOConfig(minibatch_size=100).minibatch(rows) == 100


def test_one_update_moves_every_parameter(env: KnownMarketEnv) -> None:
    agent = PPOConfig(rollout_steps=8, minibatch_size=512, epochs=2, hidden=(16, 16)).build(env, seed=1)
    before = {name: parameter.detach().clone() for name, parameter in agent.network.named_parameters()}
    agent.learn(env, 512)
    for name, parameter in agent.network.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0.0, name
        assert not torch.equal(before[name], parameter), name


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rollout_steps", 16),
        ("epochs", 2),
        ("minibatch_size", 128),
        ("gamma", 0.5),
        ("gae_lambda", 0.2),
        ("clip", 0.01),
        ("entropy_coefficient", 0.5),
        ("value_coefficient", 2.0),
        ("gradient_clip", 1e-3),
        ("learning_rate", 1e-4),
        ("anneal", False),
        ("hidden", (16,)),
        ("activation", "relu"),
        ("normalise_observations", False),
        ("observation_clip", 0.1),
        ("value_share", 1.0),
    ],
)
def test_every_number_of_the_config_changes_what_is_learned(field: str, value: Any) -> None:
    assert learned(SMALL) != learned(SMALL.model_copy(update={field: value}))


@cache
def learned(config: PPOConfig) -> dict[str, bytes]:
    """What two iterations come to, or what is as long as two of `SMALL`."""
    agent = config.build(lanes())
    agent.learn(lanes(), 1024)
    return state(agent)


@pytest.mark.parametrize("kind", ["discrete", "continuous"])
def test_a_minibatch_has_the_loss_and_the_gradient_of_the_plain_formula(kind: str) -> None:
    """The oracle is written out in float64 on plain layers: equations 7 and 9 of the paper, to 1e-6."""
    config = PPOConfig(entropy_coefficient=0.02, value_coefficient=0.7, clip=0.1)
    columns = tuple("abcdef")
    spec = EnvSpec(columns=columns, choices=3) if kind == "discrete" else EnvSpec(columns=columns, size=2)
    agent, random = config.build(spec, seed=1), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in agent.network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    x, advantage, target = (torch.randn(*shape, generator=random) for shape in ((3000, 6), (3000,), (3000,)))
    if kind == "discrete":
        raw = torch.randint(0, 3, (3000,), generator=random)
    else:
        raw = torch.randn(3000, 2, generator=random)
    plain = copy.deepcopy(agent.network).double()
    output = plain.actor(x.double())
    if kind == "discrete":
        choices = torch.distributions.Categorical(logits=output)
        log_prob, entropy = choices.log_prob(raw), choices.entropy()
    else:
        density = torch.distributions.Normal(output, plain.log_std.exp().expand_as(output))
        log_prob, entropy = density.log_prob(raw.double()).sum(-1), density.entropy().sum(-1)
    old = (log_prob.detach() + 0.15 * torch.randn(3000, generator=random)).float()
    weight = (advantage.double() - advantage.double().mean()) / advantage.double().std(correction=0)
    ratio = (log_prob - old.double()).exp()
    policy_loss = -torch.minimum(ratio * weight, ratio.clamp(0.9, 1.1) * weight).mean() - 0.02 * entropy.mean()
    value_loss = 0.7 * 0.5 * (plain.critic(x.double())[..., 0] - target.double()).square().mean()
    oracle = torch.autograd.grad(policy_loss + value_loss, list(plain.parameters()))

    agent._adam.begin()
    found, surrogate = agent._clipped.actor_gradient(x, raw, old, advantage)
    assert found == pytest.approx(float(policy_loss.detach()), abs=1e-6)
    assert agent._clipped.critic_gradient(x, target) == pytest.approx(float(value_loss.detach()), abs=1e-6)
    assert 0.1 < float(surrogate.clip_fraction) < 0.9
    for truth, (name, parameter) in zip(oracle, agent.network.named_parameters(), strict=True):
        assert parameter.grad is not None
        assert float(truth.abs().max()) > 1e-4, name
        assert float((parameter.grad - truth).abs().max()) <= 1e-6, name


def test_two_threads_give_the_bytes_of_one(env: KnownMarketEnv) -> None:
    agents = [SMALL.model_copy(update={"threads": threads}).build(env, seed=3) for threads in (1, 2)]
    for agent in agents:
        agent.learn(env, 2000)
    assert state(agents[0]) == state(agents[1])


def test_the_first_spread_is_the_configs() -> None:
    env = lanes(None)
    assert float(PPOConfig(log_std=-1.5).build(env).network.log_std.detach()) == -1.5


@pytest.mark.parametrize(("end", "expected"), [("none", 2.0), ("terminated", 1.0), ("truncated", 1.0)])
def test_what_an_end_is_worth(end: str, expected: float) -> None:
    """γ = ½, reward 1: for ever is worth 2, an end 1. A cut episode is worth 1 + ½·V(final), V(final) held at 0."""
    bandit = Bandit(end=end)
    config = PPOConfig(rollout_steps=16, minibatch_size=128, gamma=0.5, epochs=8, learning_rate=1e-3, hidden=(16,))
    agent = config.model_copy(update={"normalise_observations": False}).build(bandit)
    agent.learn(bandit, 16 * 32)
    if end == "truncated":
        value = agent.network.value

        def known(x: torch.Tensor) -> torch.Tensor:
            return torch.where(x[..., 0] == 1.0, torch.zeros(()), value(x))

        agent.network.value = known  # type: ignore[method-assign]
    agent.learn(bandit, 16 * 32 * 30)
    got = float(agent.network.value(torch.tensor([[-1.0]])).detach())
    assert got == pytest.approx(expected, abs=0.03)


def test_a_cut_episode_is_worth_what_its_own_last_observation_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lane by lane and row by row, seen as the critic sees it: normalised and held within the clip."""
    env = lanes()
    agent = PPOConfig(rollout_steps=8, minibatch_size=256, hidden=(16, 16), observation_clip=1.5).build(env, seed=1)
    agent.learn(env, 8 * 64)
    step, rows, checked = env.step, [], []

    def recorded(actions: Any) -> Any:
        found = step(actions)
        rows.append((found[3].copy(), found[4]["final_observation"].copy()))
        return found

    def watched(rollout: Any, values: Any, after: Any, finals: Any, *numbers: float) -> Any:
        mean, scale = agent.observations.mean, agent.observations.scale
        for t, (cut, final) in enumerate(rows):
            seen = np.clip((final - mean) / scale, -1.5, 1.5)[cut].astype(np.float32)
            with torch.no_grad():
                expected = agent.network.value(torch.from_numpy(seen)).numpy()
            np.testing.assert_allclose(finals[t, cut], expected, rtol=1e-4, atol=1e-5)
            checked.append(len(np.unique(expected)))
        rows.clear()
        return original(rollout, values, after, finals, *numbers)

    original = algorithm.advantages
    monkeypatch.setattr(env, "step", recorded)
    monkeypatch.setattr(algorithm, "advantages", watched)
    agent.learn(env, 3 * 8 * 64)
    assert sum(checked) > 40  # they differ from lane to lane


def test_the_critic_keeps_its_values_when_its_unit_changes() -> None:
    network = ActorCritic(EnvSpec(columns=("x", "y"), choices=3), (8,), "tanh", 0.0)
    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    before = network.value(x).detach()
    targets = 50.0 + 7.0 * torch.randn(400, generator=torch.Generator().manual_seed(1))
    standard = network.follow_targets(targets, 1.0)
    torch.testing.assert_close(network.value(x).detach(), before, rtol=1e-4, atol=2e-4)
    assert abs(float(standard.mean())) < 1e-4
    assert float(standard.std(correction=0)) == pytest.approx(1.0, abs=1e-4)
    network.follow_targets(targets - 20.0, 0.25)
    torch.testing.assert_close(network.value(x).detach(), before, rtol=1e-4, atol=2e-4)
    assert float(network.value_shift) == pytest.approx(float(targets.mean()) - 5.0, abs=1e-3)


def test_continuous_actions_fill_the_range_and_stay_in_it() -> None:
    spec = EnvSpec(columns=("x",), size=2, low=0.0, high=4.0)
    network = ActorCritic(spec, (8,), "tanh", 0.0)
    raw = torch.tensor([[-1.0, 0.0], [1.0, 9.0], [-9.0, 0.5]])
    assert network.to_env(raw).tolist() == [[0.0, 2.0], [4.0, 4.0], [0.0, 3.0]]


def test_predict_answers_one_lane_and_many(env: KnownMarketEnv) -> None:
    agent = SMALL.build(env)
    many, memory = agent.predict(np.zeros((5, 2)), "kept")
    one, _ = agent.predict(np.zeros(2))
    assert memory == "kept"
    np.testing.assert_array_equal(many[0], one)


def one_line(caught: pytest.ExceptionInfo[RegimenError], *words: str) -> None:
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_errors_of_use(tmp_path: Path) -> None:
    env = lanes()
    agent = SMALL.build(env)
    with pytest.raises(RunError) as caught:
        agent.predict(np.zeros((4, 3)))
    one_line(caught, "observation", "2 columns", "(4, 3)")
    with pytest.raises(RunError) as caught:
        agent.predict(np.array([[0.0, np.nan]]))
    one_line(caught, "position", "finite")
    with pytest.raises(RunError) as caught:
        agent.learn(lanes(None), 100)
    one_line(caught, "actions.choices")
    with pytest.raises(RunError) as caught:
        agent.learn(Bandit(), 100)
    one_line(caught, "2 columns")
    with pytest.raises(ConfigError) as configured:
        agent.learn(env, 0)
    one_line(configured, "steps")
    with pytest.raises(ConfigError) as configured:
        PPOConfig(gamma=1.5)
    one_line(configured, "agents.gamma")
    with pytest.raises(RunError) as caught:
        PPO.load(tmp_path)
    one_line(caught, "must exist")


@pytest.mark.parametrize("bad", ["reward", "start"])
def test_numbers_that_are_not_finite_stop_learning(bad: str) -> None:
    bandit = Bandit(**{bad: np.nan})
    with pytest.raises(RunError) as caught:
        SMALL.build(bandit).learn(bandit, 1000)
    one_line(caught, "must be finite")


def test_a_loss_that_is_not_finite_stops_learning() -> None:
    env = lanes()
    agent = SMALL.build(env)
    agent.learn(env, 512)
    with torch.no_grad():
        agent.network.critic[0].weight.fill_(float("nan"))  # type: ignore[union-attr, operator]
    with pytest.raises(RunError) as caught:
        agent.learn(env, 512)
    one_line(caught, "loss", "iteration 2")


def test_files_of_another_agent_are_refused(tmp_path: Path) -> None:
    env = lanes()
    SMALL.build(env).save(tmp_path)
    other = EnvSpec(columns=("signal", "equity"), choices=3)
    with pytest.raises(RunError) as caught:
        PPO.load(tmp_path, other)
    one_line(caught, "column 1", "position", "equity")
    tensors, document = read_tensors(tmp_path / FILE)
    document["config"]["hidden"] = [8, 8]
    write_tensors(tmp_path / "narrow" / FILE, tensors, document)
    with pytest.raises(RunError) as caught:
        PPO.load(tmp_path / "narrow")
    one_line(caught, "actor.0.bias", "(8,)", "(16,)")
    document["config"]["kind"] = "sac"
    write_tensors(tmp_path / "sac" / FILE, tensors, document)
    with pytest.raises(RunError) as caught:
        PPO.load(tmp_path / "sac")
    one_line(caught, "'ppo'", "'sac'")
    file = tmp_path / "agent.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(RunError) as caught:
        PPO.load(tmp_path)
    one_line(caught, "checksum")
