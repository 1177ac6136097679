"""PPO with a memory: what its rollouts and updates are made of, its likeness to PPO, its contract, and a cue."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from regimen.agents import PPOConfig
from regimen.agents.recurrent_ppo.actor_critic import RecurrentActorCritic
from regimen.agents.recurrent_ppo.config import RecurrentPPOConfig
from regimen.agents.recurrent_ppo.recurrent_ppo import RecurrentPPO
from regimen.agents.recurrent_ppo.rollout import RecurrentRollout
from regimen.envs import EnvSpec
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.proving import KnownMarketEnv
from regimen.simulators import HiddenRegimeConfig

MARKET = HiddenRegimeConfig()
PATH = MARKET.simulate(2000, seed=1)
LEVELS = (-1.0, 0.0, 1.0)
SMALL = RecurrentPPOConfig(
    rollout_steps=16, sequence_length=8, minibatch_size=128, hidden=8, layers=2, head=8, entropy_coefficient=0.01
)


def lanes(levels: tuple[float, ...] | None = LEVELS, n: int = 32) -> KnownMarketEnv:
    return KnownMarketEnv(MARKET, PATH, n, levels=levels, episode_length=7)


@pytest.fixture(params=[LEVELS, None], ids=["discrete", "continuous"])
def env(request: pytest.FixtureRequest) -> KnownMarketEnv:
    return lanes(request.param)


def weights(agent: RecurrentPPO) -> dict[str, bytes]:
    tensors = {name: tensor.numpy().tobytes() for name, tensor in agent.network.state_dict().items()}
    return tensors | {name: array.tobytes() for name, array in agent.observations.state().items()}


class Recall:
    """A cue of ±1 at the first step, nothing afterwards; the last of ``length`` steps pays for the cue's own action.

    Episodes end by ``terminated``, or in every third lane by ``truncated``, at lengths that differ by lane if ragged.
    """

    def __init__(self, length: int, n: int = 64, ragged: bool = False) -> None:
        self.n_envs, self.spec = n, EnvSpec(columns=("cue", "clock"), choices=2)
        self.length = length - (np.arange(n) % length if ragged else 0)
        self.cut = (np.arange(n) % 3 == 2) & ragged

    def reset(self, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        self.random = np.random.default_rng(seed)
        self.clock, self.cue = np.zeros(self.n_envs, int), self.random.integers(0, 2, self.n_envs)
        return self._seen(), {}

    def _seen(self) -> Any:
        cue = np.where(self.clock == 0, 2.0 * self.cue - 1.0, 0.0)
        return np.stack([cue, self.clock / self.length], axis=1).astype(np.float32)

    def step(self, actions: Any) -> Any:
        self.clock += 1
        ended = self.clock == self.length
        reward = (ended & (actions == self.cue)).astype(np.float32)
        final = self._seen()
        self.clock[ended], self.cue[ended] = 0, self.random.integers(0, 2, int(ended.sum()))
        return self._seen(), reward, ended & ~self.cut, ended & self.cut, {"final_observation": final}


def collected(config: RecurrentPPOConfig, env: Any, seed: int = 0) -> tuple[RecurrentPPO, RecurrentRollout]:
    """Returns an agent that has learned for three iterations, and the rollout of a fourth."""
    agent = config.build(env, seed)
    agent.learn(env, 3 * config.rollout_steps * env.n_envs)
    rollout = RecurrentRollout(
        agent.spec, config.rollout_steps, env.n_envs, config.sequence_length, config.hidden, agent.network.memory
    )
    agent._collect(env, rollout)
    return agent, rollout


# Rollout and update


@pytest.mark.parametrize("length", [2, 16])
def test_the_updates_first_pass_finds_the_rollouts_probabilities(env: KnownMarketEnv, length: int) -> None:
    config = SMALL.model_copy(update={"sequence_length": length})
    for world in (env, Recall(5, 32, ragged=True)):
        agent, rollout = collected(config, world)
        assert rollout.begins[1:-1].any()
        assert bool((rollout.states != 0).any())
        heads = agent.network.heads
        old, _ = heads.log_prob_and_entropy(rollout.outputs, rollout.raw)
        features = agent.network.sequences(
            rollout.by_sequence(rollout.inputs),
            rollout.by_sequence(rollout.begins).numpy(),
            rollout.states.flatten(0, 1),
        )
        new, _ = heads.log_prob_and_entropy(heads.actor(features), rollout.by_sequence(rollout.raw))
        ratio = (new - rollout.by_sequence(old)).exp().detach()
        torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=0, atol=1e-6)


def test_what_an_end_is_worth_is_asked_with_the_memory_before_the_reset() -> None:
    """λ = 0: A = r + γV(next) − V, with every V from a replay of its lane alone, observation by observation."""
    config = SMALL.model_copy(update={"gae_lambda": 0.0, "gamma": 0.7})
    agent, rollout = collected(config, Recall(5, 6, ragged=True))
    network = agent.network
    finals = rollout.finals()
    assert finals is not None
    last = {(int(t), int(lane)): seen for t, lane, seen in zip(*finals[:3], strict=True)}
    assert set(last) == set(zip(*np.nonzero(rollout.truncated), strict=True))
    assert rollout.terminated.any()
    values, advantages = agent._advantages(rollout)
    with torch.no_grad():
        for lane in range(6):
            state = rollout.states[0, lane][None]
            for t in range(config.rollout_steps):
                features, state = network.step(rollout.inputs[t, lane][None], state)
                after = rollout.inputs[t + 1, lane][None]
                if (t, lane) in last:
                    after = agent._input(last[t, lane][None])
                worth = float(network.heads.value(network.step(after, state)[0]))
                if rollout.terminated[t, lane]:
                    worth = 0.0
                value = float(network.heads.value(features))
                assert values[t, lane] == pytest.approx(value, abs=1e-5)
                expected = float(rollout.rewards[t, lane]) + 0.7 * worth - value
                assert advantages[t, lane] == pytest.approx(expected, abs=1e-5)
                if rollout.terminated[t, lane] or rollout.truncated[t, lane]:
                    state = torch.zeros_like(state)


def without_memory(network: RecurrentActorCritic) -> None:
    """Zeroes what comes from before: recurrent weights, and the forget gates by a bias that closes them."""
    with torch.no_grad():
        for name, parameter in network.lstm.named_parameters():
            if name.startswith("weight_hh"):
                parameter.zero_()
            if name.startswith("bias_hh"):
                parameter.chunk(4)[1].fill_(-1e4)


@pytest.mark.parametrize("zeroed", [True, False], ids=["zeroed", "memory off"])
@pytest.mark.parametrize("discrete", [True, False], ids=["discrete", "continuous"])
def test_without_memory_it_is_ppo(zeroed: bool, discrete: bool) -> None:
    """Loss and gradients equal those of the plain formulae on the same rows, flat and in another order; float64."""
    config = SMALL.model_copy(update={"memory": zeroed, "clip": 0.1, "value_coefficient": 0.7})
    env = lanes(LEVELS if discrete else None)
    agent, rollout = collected(config, env)
    network = agent.network.double()
    if zeroed:
        without_memory(network)
    random = np.random.default_rng(3)
    begins = rollout.by_sequence(rollout.begins).numpy()
    assert begins.all() != zeroed
    x, raw = rollout.by_sequence(rollout.inputs).double(), rollout.by_sequence(rollout.raw)
    raw = raw if discrete else raw.double()
    size = begins.shape
    old, advantages, targets = (torch.from_numpy(random.normal(-1.0, 0.3, size)) for _ in range(3))
    state = (
        torch.from_numpy(random.normal(size=(len(x), network.memory))) if zeroed else torch.zeros(len(x), 32).double()
    )

    def gradients(loss: Tensor) -> dict[str, Tensor]:
        network.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}

    mine, surrogate = agent._loss(begins, x, raw, old, advantages, targets, torch.empty((*size, 0)), state)
    got = gradients(mine)
    assert 0.1 < float(surrogate.clip_fraction) < 0.95

    order = torch.from_numpy(random.permutation(old.numel()))
    x, raw, old, advantages, targets = (part.flatten(0, 1)[order] for part in (x, raw, old, advantages, targets))
    features = network.encoder(x)
    for layer in range(network.layers):  # an LSTM whose past is zero, in full
        weight, bias = (getattr(network.lstm, f"{name}_ih_l{layer}") for name in ("weight", "bias"))
        i, _, g, o = (features @ weight.T + bias + getattr(network.lstm, f"bias_hh_l{layer}")).chunk(4, 1)
        features = o.sigmoid() * (i.sigmoid() * g.tanh()).tanh()
    features = network.norm(features)
    output = network.heads.actor(features)
    if discrete:
        distribution: Any = torch.distributions.Categorical(logits=output)
        log_prob, entropy = distribution.log_prob(raw), distribution.entropy()
    else:
        distribution = torch.distributions.Normal(output, network.heads.log_std.exp())
        log_prob, entropy = distribution.log_prob(raw).sum(-1), distribution.entropy().sum(-1)
    ratio = (log_prob - old).exp()
    scaled = (advantages - advantages.mean()) / advantages.std(correction=0)
    surrogate_loss = -torch.min(ratio * scaled, ratio.clamp(0.9, 1.1) * scaled).mean()
    value_loss = 0.5 * (network.heads.critic(features)[:, 0] - targets).square().mean()
    plain = surrogate_loss + 0.7 * value_loss - 0.01 * entropy.mean()
    assert float(mine.detach()) == pytest.approx(float(plain.detach()), abs=1e-9)
    wanted = gradients(plain)
    past = {name for name in got if name.startswith("lstm.weight_hh")}
    if not zeroed:  # what is multiplied by zero has no gradient; weights that are zero do have one
        assert all(not got[name].any() for name in past)
    assert set(got) - past == set(wanted)
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, rtol=0, atol=1e-9)


def test_one_update_moves_every_parameter(env: KnownMarketEnv) -> None:
    agent = SMALL.build(env, seed=1)
    before = {name: parameter.detach().clone() for name, parameter in agent.network.named_parameters()}
    agent.learn(env, 512)
    for name, parameter in agent.network.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0.0, name
        assert not torch.equal(before[name], parameter), name


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rollout_steps", 24),
        ("sequence_length", 4),
        ("epochs", 2),
        ("minibatch_size", 64),
        ("gamma", 0.5),
        ("gae_lambda", 0.2),
        ("clip", 0.001),
        ("entropy_coefficient", 0.5),
        ("value_coefficient", 2.0),
        ("gradient_clip", 1e-3),
        ("learning_rate", 1e-4),
        ("anneal", False),
        ("hidden", 4),
        ("layers", 1),
        ("head", 4),
        ("activation", "relu"),
        ("memory", False),
        ("normalise_observations", False),
        ("observation_clip", 0.1),
        ("value_share", 1.0),
    ],
)
def test_every_number_of_the_config_changes_what_is_learned(field: str, value: Any) -> None:
    assert learned(SMALL) != learned(SMALL.model_copy(update={field: value}))


@cache
def learned(config: RecurrentPPOConfig) -> dict[str, bytes]:
    """What two iterations come to, or what is as long as two of `SMALL`."""
    agent = config.build(lanes())
    agent.learn(lanes(), 1024)
    return weights(agent)


# Acting


def test_predict_goes_the_way_of_the_rollout(env: KnownMarketEnv) -> None:
    """Fed with a rollout's observations, with rows set to zero where an episode begins, it comes to the same memory."""
    agent, rollout = collected(SMALL, env)
    inputs = [agent._input(row) for row in rollout.observations]
    torch.testing.assert_close(torch.stack(inputs), rollout.inputs)
    state = rollout.states[0].numpy().copy()
    for t in range(SMALL.rollout_steps):
        state[rollout.begins[t]] = 0.0
        if t % SMALL.sequence_length == 0:
            np.testing.assert_array_equal(state, rollout.states[t // SMALL.sequence_length].numpy())
        given = state.copy()
        actions, after = agent.predict(rollout.observations[t], state)
        np.testing.assert_array_equal(given, state)  # not written to
        mode = agent.network.heads.mode(rollout.outputs[t])
        np.testing.assert_array_equal(actions, agent.network.heads.to_env(mode).numpy())
        assert after.dtype == np.float32
        assert after.shape == (32, 32)
        state = after


def test_predict_answers_one_lane_and_many(env: KnownMarketEnv) -> None:
    agent = SMALL.build(env)
    learned = weights(agent)
    many, memory = agent.predict(np.ones((5, 2)))
    one, own = agent.predict(np.ones(2))
    np.testing.assert_allclose(many[0], one, atol=1e-6)
    np.testing.assert_allclose(own, memory[:1], atol=1e-6)
    np.testing.assert_array_equal(agent.predict(np.ones((5, 2)), np.zeros((5, 32)))[1], memory)
    assert not np.allclose(agent.predict(np.ones((5, 2)), memory)[1], memory, atol=1e-3)
    assert weights(agent) == learned
    forgetful = SMALL.model_copy(update={"memory": False}).build(env)
    assert not forgetful.predict(np.ones((5, 2)))[1].any()


def test_the_first_spread_is_the_configs() -> None:
    assert float(RecurrentPPOConfig(log_std=-1.5).build(lanes(None)).network.heads.log_std.detach()) == -1.5


def one_line(caught: pytest.ExceptionInfo[RegimenError], *words: str) -> None:
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_errors_of_use(tmp_path: Path) -> None:
    env = lanes()
    agent = SMALL.build(env)
    for given, words in (
        ((np.zeros((4, 3)),), ("observation", "2 columns", "(4, 3)")),
        ((np.array([[0.0, np.nan]]),), ("position", "finite")),
        ((np.zeros((4, 2)), np.zeros((3, 32))), ("state", "(4, 32)", "(3, 32)")),
        ((np.zeros((4, 2)), np.full((4, 32), np.nan)), ("state", "finite")),
    ):
        with pytest.raises(RunError) as caught:
            agent.predict(*given)
        one_line(caught, *words)
    with pytest.raises(RunError) as caught:
        agent.learn(lanes(None), 100)
    one_line(caught, "actions.choices")
    with pytest.raises(ConfigError) as configured:
        agent.learn(env, 0)
    one_line(configured, "steps")
    with pytest.raises(ConfigError) as configured:
        RecurrentPPOConfig(rollout_steps=64, sequence_length=48)
    one_line(configured, "sequence_length must divide rollout_steps", "48", "64")
    SMALL.model_copy(update={"hidden": 16}).build(env).save(tmp_path)
    agent.save(tmp_path / "own")
    with pytest.raises(RunError) as caught:
        RecurrentPPO.load(tmp_path / "own", lanes(None))
    one_line(caught, "actions.choices")
    agent.learn(env, 512)
    with torch.no_grad():
        agent.network.heads.critic[0].weight.fill_(float("nan"))  # type: ignore[operator]
    with pytest.raises(RunError) as caught:
        agent.learn(env, 512)
    one_line(caught, "loss", "iteration 2")


# What it remembers


def test_a_cue_is_remembered_and_ppo_cannot() -> None:
    """The cue is shown once and paid for six steps later: all of it with a memory, a coin's share without."""
    shares = []
    recurrent = RecurrentPPOConfig(hidden=16, layers=1, head=16, rollout_steps=28, sequence_length=28)
    for config in (recurrent, recurrent.model_copy(update={"memory": False}), PPOConfig(rollout_steps=28)):
        env: Any = Recall(7, 128)
        history = config.build(env, seed=0).learn(env, 90_000)
        shares.append(7.0 * history[-1].reward)
    assert shares[0] > 0.97
    assert shares[1:] == pytest.approx([0.5, 0.5], abs=0.06)
