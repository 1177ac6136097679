"""CGDT: what a logit may see, where luck leads it, what moves, and how it remembers."""

from __future__ import annotations

import dataclasses
import itertools
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from regimen.agents import CGDT, CGDTConfig
from regimen.agents.cgdt.networks import (
    DecisionTransformer,
    GuidedTransformer,
    activations,
    asymmetric,
    critic_loss,
    guidance_loss,
)
from regimen.envs import EnvSpec
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.proving import KnownMarketEnv, evaluate
from regimen.replay import Trajectories, noisy, record, uniform
from regimen.simulators import Ar1Config

SMALL: dict[str, Any] = {
    "context": 6,
    "width": 16,
    "layers": 2,
    "heads": 2,
    "hidden": 32,
    "critic_hidden": 16,
    "dropout": 0.0,
    "learning_rate": 3e-3,
    "critic_learning_rate": 3e-3,
}
SPEC = EnvSpec(columns=("a", "b", "c"), choices=3)


def random_data(lengths: tuple[int, ...] = (9, 1, 14, 6, 30), seed: int = 0) -> Trajectories:
    rng = np.random.default_rng(seed)
    steps = sum(lengths)
    cut = np.zeros(steps, bool)
    cut[np.cumsum(lengths) - 1] = True
    return Trajectories(
        observations=rng.standard_normal((steps, 3)) + 2.0,
        actions=rng.integers(0, 3, steps),
        rewards=rng.standard_normal(steps),
        terminated=np.zeros(steps, bool),
        truncated=cut,
        final_observations=rng.standard_normal((len(lengths), 3)),
        columns=SPEC.columns,
        choices=3,
    )


def agent_of(**fields: Any) -> CGDT:
    return CGDTConfig(**{**SMALL, "updates": 12, "report_updates": 6, "batch_size": 16, **fields}).build(SPEC, seed=1)


def one_line(caught: pytest.ExceptionInfo[RegimenError], *words: str) -> None:
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


# What the network is


@pytest.mark.parametrize("critic", ["state_action", "state"])
def test_the_default_has_exactly_the_parameters_of_the_recommended_design(critic: str) -> None:
    config = CGDTConfig(critic=critic, guidance=0.0 if critic == "state" else CGDTConfig().guidance)
    with torch.device("meta"):
        network = GuidedTransformer(config, 60, 3)
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_822_276
    assert sum(parameter.numel() for parameter in network.critic.parameters()) == 61 * 256 + 257 * 128 + 129


def test_the_critic_with_its_own_deviation_has_one_output_more() -> None:
    with torch.device("meta"):
        network = GuidedTransformer(CGDTConfig(critic="gaussian"), 60, 3)
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_822_276 + 129


def transformer(time: int = 6, batch: int = 3) -> tuple[DecisionTransformer, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    network = DecisionTransformer(CGDTConfig(**SMALL), 3, 3).double().eval()
    goals, states = torch.randn(batch, time).double(), torch.randn(batch, time, 3).double()
    return network, goals, states, torch.randint(0, 3, (batch, time))


@pytest.mark.parametrize("padded", [False, True])
def test_a_logit_sees_no_later_step_and_not_its_own_action(padded: bool) -> None:
    network, goals, states, actions = transformer()
    mask = torch.ones(3, 6, dtype=torch.bool)
    if padded:
        mask[0, :2] = False
    goals.requires_grad_()
    states.requires_grad_()
    before = network(goals, states, actions, mask)
    for t in range(2, 6):
        slopes = torch.autograd.grad(before[:, t].square().sum(), (goals, states), retain_graph=True)
        for slope in slopes:
            assert slope[:, t + 1 :].abs().max(dim=1).values.max() == 0.0 if t < 5 else True
            assert (slope[:, t].abs() > 0.0).all()
            assert (slope[1:, : t + 1].abs() > 0.0).all()
            assert not padded or (slope[0, :2] == 0.0).all()
        other = actions.clone()
        other[:, t:] = (other[:, t:] + 1) % 3
        assert torch.equal(network(goals, states, other, mask)[:, : t + 1], before[:, : t + 1])
        if t < 5:
            assert (network(goals, states, other, mask)[:, t + 1] != before[:, t + 1]).any(-1).all()


@pytest.mark.parametrize("there", [1, 2, 5])
def test_padding_in_front_changes_nothing(there: int) -> None:
    network, goals, states, actions = transformer()
    mask = torch.arange(6).expand(3, 6) >= 6 - there
    alone = network(goals[:, -there:], states[:, -there:], actions[:, -there:])
    filled = network(goals + 1e3 * ~mask, states + 1e3 * ~mask[..., None], actions * mask, mask)
    assert torch.isfinite(filled).all()
    np.testing.assert_allclose(filled[:, -there:].detach(), alone.detach(), atol=1e-12)


def test_returns_to_go_of_the_windows_are_the_sums() -> None:
    data, gamma = random_data(), 0.9
    windows = data.windows(6, gamma)
    context = windows.batch(np.arange(len(data)))
    for first, stop in itertools.pairwise(data.offsets):
        for row in range(first, stop):
            for back in range(min(6, row - first + 1)):
                t = row - back
                brute = sum(gamma ** (k - t) * data.rewards[k] for k in range(t, stop))
                assert context.returns_to_go[row, 5 - back] == pytest.approx(brute, abs=1e-12)


# The losses


def test_losses_are_the_equations() -> None:
    torch.manual_seed(0)
    values, goals = 0.5 * torch.randn(5, 3, 2), torch.randn(5)
    logits, actions = torch.randn(5, 3, requires_grad=True), torch.randint(0, 3, (5,))
    own = values.clone()
    scale, tau = torch.tensor(0.7), 0.8
    policy = torch.softmax(logits, -1).detach()
    plain, paper = guidance_loss(logits, own[..., :1], goals, scale, tau), guidance_loss(logits, own, goals, scale, tau)
    slope = torch.autograd.grad(plain.sum(), logits)[0]
    assert (slope.abs() > 0.0).all()
    plain, paper = plain.detach(), paper.detach()
    valued, spread = critic_loss(own[..., :1], actions, goals, tau), critic_loss(own, actions, goals, tau)
    for k in range(5):

        def weight(error: float) -> float:
            return 1.0 if error >= 0.0 else 0.25

        error = float((goals[k] - sum(policy[k, a] * values[k, a, 0] for a in range(3))) / 0.7)
        assert plain[k].item() == pytest.approx(weight(error) * error**2, rel=1e-5)
        errors = [float((goals[k] - values[k, a, 0]) / values[k, a, 1].exp()) for a in range(3)]
        found = sum(float(policy[k, a]) * weight(errors[a]) * errors[a] ** 2 for a in range(3))
        assert paper[k].item() == pytest.approx(found, rel=1e-5)
        a = int(actions[k])
        error = float(goals[k] - values[k, a, 0])
        assert float(valued[k]) == pytest.approx(0.5 * weight(error) * error**2, rel=1e-5)
        found = weight(error) * (0.5 * errors[a] ** 2 + float(values[k, a, 1]))
        assert float(spread[k]) == pytest.approx(found, rel=1e-5)
    own.requires_grad_()
    again = guidance_loss(logits, own, goals, scale, tau).sum()
    assert torch.autograd.grad(again, own, retain_graph=True, allow_unused=True) == (None,)


def test_an_expectile_weighs_the_two_sides() -> None:
    error = torch.tensor([-1.0, 0.0, 1.0])
    assert asymmetric(error, 0.5).tolist() == [1.0, 1.0, 1.0]
    assert asymmetric(error, 0.8).tolist() == pytest.approx([0.25, 1.0, 1.0])
    assert asymmetric(error, 0.1).tolist() == pytest.approx([1.0, 1.0 / 9.0, 1.0 / 9.0])


# Luck


def bandit(pulls: int = 2000) -> Trajectories:
    """Arm 0 pays 0.5, arm 1 pays 1 with probability 0.3."""
    rng = np.random.default_rng(0)
    arms = rng.integers(0, 2, pulls)
    ones = np.ones((pulls, 1), np.float32)
    return Trajectories(
        observations=ones,
        actions=arms,
        rewards=np.where(arms == 0, 0.5, rng.random(pulls) < 0.3),
        terminated=np.ones(pulls, bool),
        truncated=np.zeros(pulls, bool),
        final_observations=ones,
        columns=("x",),
        choices=2,
    )


def share_of_safe_pulls(seed: int, **fields: Any) -> tuple[float, float]:
    config = CGDTConfig(**{**SMALL, "context": 1, "layers": 1, "gamma": 1.0, "updates": 200, **fields})
    agent = config.build(EnvSpec(columns=("x",), choices=2), seed)
    agent.learn_from(bandit())
    assert agent.target == 1.0
    rows = np.ones((2000, 1), np.float32)
    return tuple(float((agent.predict(rows, None, mode)[0] == 0).mean()) for mode in (True, False))  # type: ignore


def test_a_plain_decision_transformer_takes_luck_for_skill() -> None:
    assert share_of_safe_pulls(0, guidance=0.0) == (0.0, pytest.approx(0.0, abs=0.05))


@pytest.mark.parametrize("seed", range(3))
def test_a_guided_one_takes_the_safe_arm(seed: int) -> None:
    mode, drawn = share_of_safe_pulls(seed)
    assert mode == 1.0
    assert drawn >= 0.95


def test_a_deviation_of_each_action_makes_the_sure_arm_look_far_from_the_target() -> None:
    """((1 − 0.5)/σ)² of an arm without risk has no bound: the paper's unit does not know safe from worthless."""
    assert share_of_safe_pulls(0, critic="gaussian")[0] == 0.0


def test_a_critic_that_hopes_sees_the_risky_arm_above_the_safe_one() -> None:
    """The 0.8-expectile of Bernoulli(0.3) is 0.63; at 0.7 it is 0.5."""
    assert share_of_safe_pulls(0, critic_expectile=0.8)[0] == 0.0


# Learning


def test_every_parameter_moves_but_the_bias_of_keys() -> None:
    """A constant added to all keys adds the same to all scores of a query, and softmax takes it out: no gradient.

    Rounding leaves it some 1e-9 of one, which AdamW, dividing by its own size, turns into steps; so it is the
    gradient that is looked at.
    """
    agent = agent_of(weight_decay=0.0)
    before = {name: parameter.detach().clone() for name, parameter in agent.network.named_parameters()}
    agent.begin(random_data())
    agent.improve(0, 1, 10)
    largest = max(float(each.grad.abs().max()) for each in agent.network.parameters() if each.grad is not None)
    for name, parameter in agent.network.named_parameters():
        assert parameter.grad is not None, name
        slope = float(parameter.grad.abs().max())
        if name.endswith("attention.key.bias"):
            assert slope < 1e-6 * largest, name
        else:
            assert slope > 1e-6 * largest, name
            assert not torch.equal(parameter, before[name]), name


def test_the_critic_alone_is_not_moved_by_guidance() -> None:
    plain, guided = agent_of(guidance=0.0, gradient_clip=1e9), agent_of(guidance_ramp=0.0, gradient_clip=1e9)
    for agent in (plain, guided):
        agent.begin(random_data())
        agent.improve(0, 1, 10)
    pairs = zip(plain.network.critic.parameters(), guided.network.critic.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert not torch.equal(plain.network.policy.head.weight, guided.network.policy.head.weight)


def test_normalisers_and_target_are_of_the_first_data_only(tmp_path: Path) -> None:
    agent, first, second = agent_of(target_quantile=0.75, gamma=0.8), random_data(), random_data(seed=5)
    history = agent.learn_from(first)
    promised = first.returns_to_go(0.8)
    assert agent.target == pytest.approx(np.quantile(promised, 0.75))
    assert history[-1].numbers["target"] == agent.target
    np.testing.assert_allclose(agent.observations.mean, first.observations.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(agent.returns.scale, promised.std(), rtol=1e-9)
    agent.save(tmp_path)
    kept = agent.target, agent.observations.mean.copy()
    agent.learn_from(second, 3)
    assert agent.target == kept[0]
    np.testing.assert_array_equal(agent.observations.mean, kept[1])
    assert CGDT.load(tmp_path).target == kept[0]
    assert agent.updates == 12 + 3


def test_rates_rise_and_fall() -> None:
    agent = agent_of(updates=10, report_updates=1, warmup=0.2, learning_rate=1e-3)
    rates = [each.numbers["learning_rate"] for each in agent.learn_from(random_data())]
    np.testing.assert_allclose(rates[2:], 1e-3 * np.arange(8, 0, -1) / 8)
    assert 0.0 < rates[0] < rates[1] < rates[2]
    flat = agent_of(updates=4, report_updates=1, warmup=0.0, anneal=False).learn_from(random_data())
    assert {each.numbers["learning_rate"] for each in flat} == {3e-3}


def test_half_precision_and_dropout_learn_the_same_bytes_twice() -> None:
    found = []
    for _ in range(2):
        agent = agent_of(precision="bf16", dropout=0.2, device="cpu")
        history = agent.learn_from(random_data())
        assert np.isfinite(history[-1].numbers["loss"])
        found.append([each.detach().numpy().tobytes() for each in agent.network.parameters()])
    assert found[0] == found[1]


@pytest.mark.parametrize("critic", ["gaussian", "state"])
def test_other_critics_learn(critic: str) -> None:
    data = random_data((400,))
    paid = dataclasses.replace(data, rewards=data.observations[:, 0])
    guidance = 0.0 if critic == "state" else 5.0
    agent = agent_of(critic=critic, guidance=guidance, gamma=0.0, updates=60, report_updates=20)
    history = agent.learn_from(paid)
    assert history[-1].numbers["critic_loss"] < 0.5 * history[0].numbers["critic_loss"]


CHANGES: dict[str, Any] = {
    "updates": 16,
    "batch_size": 8,
    "gamma": 0.5,
    "context": 4,
    "width": 8,
    "layers": 1,
    "heads": 4,
    "hidden": 8,
    "dropout": 0.3,
    "critic": "gaussian",
    "critic_hidden": 4,
    "critic_expectile": 0.7,
    "guidance": 1.0,
    "guidance_expectile": 0.6,
    "guidance_ramp": 0.9,
    "target_quantile": 0.3,
    "learning_rate": 1e-3,
    "critic_learning_rate": 1e-4,
    "warmup": 0.5,
    "anneal": False,
    "weight_decay": 0.5,
    "gradient_clip": 0.01,
    "normalise_observations": False,
    "observation_clip": 0.5,
    "precision": "bf16",
}


@pytest.mark.parametrize("field", CHANGES)
def test_every_number_of_the_config_changes_what_is_answered(field: str) -> None:
    assert answered(**{field: CHANGES[field]}) != usual()


@cache
def usual() -> bytes:
    return answered()


def answered(**fields: Any) -> bytes:
    data, agent = random_data(), agent_of(device="cpu", **fields)
    agent.learn_from(data)
    return agent.logits(data.observations[:20], agent._memory.checked(None, 20)).numpy().tobytes()


def test_no_number_of_the_config_is_left_out_and_reports_change_nothing() -> None:
    assert set(CHANGES) == set(CGDTConfig.model_fields) - {"kind", "dataset", "report_updates", "device", "threads"}
    pair = agent_of(report_updates=6), agent_of(report_updates=5)
    for agent in pair:
        agent.learn_from(random_data())
    weights = zip(*(agent.network.parameters() for agent in pair), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)


# Acting


def walked(agent: CGDT, rows: np.ndarray, deterministic: bool = True) -> tuple[np.ndarray, np.ndarray]:
    memory, actions, logits = None, [], []
    for each in rows:
        logits.append(agent.logits(each, agent._memory.checked(memory, len(each))).numpy())
        action, memory = agent.predict(each, memory, deterministic)
        actions.append(action)
    return np.array(actions), np.array(logits)


def steep() -> CGDT:
    """An agent whose logits depend on everything that it sees."""
    agent = agent_of()
    agent.begin(random_data())
    torch.manual_seed(3)
    for parameter in agent.network.policy.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    return agent


def test_memory_is_the_context_of_the_transformer() -> None:
    """Against a brute force that keeps the whole episode and hands its last steps to the network."""
    agent, rng = steep(), np.random.default_rng(0)
    rows = rng.standard_normal((15, 4, 3)).astype(np.float32) + 2.0
    actions, logits = walked(agent, rows)
    assert len({tuple(each) for each in actions.T}) > 1
    for t in range(15):
        part = slice(max(0, t - 5), t + 1)
        states = agent._input(np.ascontiguousarray(rows[part].transpose(1, 0, 2)))
        goals = agent._goals(np.full(states.shape[:2], agent.target))
        with torch.no_grad():
            brute = agent.network.policy(goals, states, torch.from_numpy(actions[part].T.copy()))[:, -1]
        np.testing.assert_allclose(logits[t], brute, atol=2e-5)


def test_a_lane_alone_acts_as_among_others_and_zeros_begin_it_anew() -> None:
    agent, rng = steep(), np.random.default_rng(1)
    rows = rng.standard_normal((12, 5, 3)).astype(np.float32) + 2.0
    actions, logits = walked(agent, rows)
    for lane in range(5):
        alone, found = walked(agent, rows[:, lane : lane + 1])
        np.testing.assert_array_equal(alone[:, 0], actions[:, lane])
        np.testing.assert_allclose(found[:, 0], logits[:, lane], atol=2e-5)
    memory = None
    for each in rows[:7]:
        _, memory = agent.predict(each, memory)
    same = np.repeat(rows[0, :1], 5, axis=0)  # all see the same, and remember other things
    memory[2] = 0.0
    found = agent.logits(same, memory).numpy()
    assert len(np.unique(found.round(4), axis=0)) == 5
    for lane in range(5):
        np.testing.assert_allclose(found[lane], agent.logits(same[:1], memory[lane : lane + 1])[0], atol=2e-5)
    np.testing.assert_allclose(found[2], logits[0, 0], atol=2e-5)
    np.testing.assert_array_equal(agent.predict(same, memory)[1][2], agent.predict(same[:1])[1][0])


def test_equal_lanes_are_computed_once_and_drawn_apart() -> None:
    agent, rows = steep(), np.random.default_rng(2).standard_normal((3, 3)).astype(np.float32)
    asked = []
    agent.network.policy.register_forward_hook(lambda _module, given, _found: asked.append(len(given[0])))
    drawn, _ = agent.predict(np.repeat(rows, 400, axis=0), None, False)
    assert asked == [3]
    expected = torch.softmax(agent.logits(rows, agent._memory.checked(None, 3)), -1).numpy()
    counts = np.stack([np.bincount(part, minlength=3) for part in drawn.reshape(3, 400)]) / 400
    np.testing.assert_allclose(counts, expected, atol=0.1)


def test_a_context_of_one_step_needs_no_memory() -> None:
    agent = agent_of(context=1)
    agent.learn_from(random_data())
    actions, memory = agent.predict(np.ones((4, 3), np.float32))
    assert memory.shape == (4, 1)
    assert len(set(actions)) == 1


# What is refused


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"heads": 3}, ("agents", "heads must divide width; got 3 and 16")),
        ({"critic": "state"}, ("agents", "guidance must be 0 with the critic 'state'")),
        ({"critic_expectile": 1.0}, ("agents.critic_expectile", "less than 1")),
        ({"context": 0}, ("agents.context",)),
    ],
)
def test_configs_that_cannot_be(fields: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        CGDTConfig(**{**SMALL, **fields})
    one_line(caught, *words)


def test_environments_and_data_that_cannot_be() -> None:
    with pytest.raises(ConfigError) as caught:
        CGDTConfig(**SMALL).build(EnvSpec(columns=("a",)))
    one_line(caught, "agents.kind", "continuous actions", "'cgdt'")
    with pytest.raises(ConfigError) as caught:
        agent_of(context=31).learn_from(random_data())
    one_line(caught, "agents.context: must be at most 30, the longest trajectory; got 31")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError) as caught:
            agent_of(device="cuda")
        one_line(caught, "agents.device: must be auto or cpu on a machine without cuda; got 'cuda'")


def test_a_network_that_does_not_fit_is_refused_before_it_is_built() -> None:
    with pytest.raises(ConfigError) as caught:
        CGDTConfig(width=2**20, heads=8).build(SPEC)
    one_line(caught, "agents.cgdt: needs about", "MiB of memory", "are free")
    agent = agent_of(batch_size=2**30, context=30)
    with pytest.raises(ConfigError) as caught:
        agent.learn_from(random_data())
    one_line(caught, "agents.cgdt: needs about", "MiB of memory", "are free")
    small, large = (activations(CGDTConfig(batch_size=size), 3) for size in (32, 64))
    assert large == 2 * small


def test_a_memory_of_another_agent_is_refused() -> None:
    agent = agent_of()
    rows = np.ones((2, 3), np.float32)
    _, memory = agent.predict(rows)
    for spoilt, words in (
        (memory[:, :-1], ("state", "must be (2, 21)", "(2, 20)")),
        (memory + np.float32(np.nan), ("state", "finite")),
        (memory + 0.5, ("state", "must be a memory that predict returned", "1.5")),
        (np.where(np.arange(21) == 20, 7.0, memory), ("state", "must be a memory that predict returned", "7.0")),
    ):
        with pytest.raises(RunError) as caught:
            agent.predict(rows, spoilt)
        one_line(caught, *words)


def test_a_loss_that_is_not_finite_stops_learning() -> None:
    agent = agent_of()
    agent.begin(random_data())
    agent.network.policy.head.weight.data.fill_(np.inf)
    with pytest.raises(RunError) as caught:
        agent.improve(0, 1, 1)
    one_line(caught, "agents.cgdt: loss: must be finite (iteration 1; try a lower learning_rate)")


# Known markets


def momentum(bars: int, steps: int, phi: float, epsilon: float) -> tuple[Ar1Config, Trajectories]:
    """Half of the data is the best policy with ε random positions, half is random; no step looks ahead."""
    market = Ar1Config(phi=phi)
    path = market.simulate(bars, seed=1)

    def best(seen: np.ndarray, _info: Any, _random: Any) -> np.ndarray:
        return 1 + np.sign(seen[:, 0]).astype(np.int64)

    def lanes() -> KnownMarketEnv:
        return KnownMarketEnv(market, path, 32, episode_length=64)

    parts = [record(noisy(best, lanes(), epsilon), lanes(), steps, 2), record(uniform(lanes()), lanes(), steps, 3)]
    return market, Trajectories.joined(parts)


KNOWN: dict[str, Any] = {**SMALL, "context": 8, "width": 32, "heads": 4, "hidden": 64, "critic_hidden": 32}


def test_momentum_is_learned_beyond_its_behaviour() -> None:
    market, data = momentum(5000, 200, 0.6, 0.3)
    agent = CGDTConfig(**KNOWN, gamma=0.5, updates=100).build(EnvSpec(columns=data.columns, choices=3))
    agent.learn_from(data)
    assert data.rewards.mean() / market.optimum < 0.45
    assert evaluate(agent, market, 7, paths=8, bars=100).score >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_faint_momentum_is_learned_beyond_its_behaviour(seed: int) -> None:
    """§5b: φ = 0.2 explains 4 % of a return's variance."""
    market, data = momentum(50_000, 2000, 0.2, 0.3)
    agent = CGDTConfig(**KNOWN, gamma=0.5, updates=800).build(EnvSpec(columns=data.columns, choices=3), seed)
    agent.learn_from(data)
    assert data.rewards.mean() / market.optimum < 0.45
    for mode in (True, False):
        assert evaluate(agent, market, 7, paths=16, bars=500, deterministic=mode).score >= 0.9
