"""An agent's whole decision as one module, and as the graph that is traced of it: what the agent and its rule do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from tests.contracts.test_agent_contract import CASES, Case, market

from regimen.agents import OwnAgentConfig, PPOConfig, SACConfig
from regimen.envs import ActionConfig, ContinuousConfig, GoalConfig, LevelsConfig, VectorMarket, VectorMarketConfig
from regimen.envs.actions import continuous_target, verb_target
from regimen.errors import RunError
from regimen.policies import AgentPolicy, Showing
from regimen.runs.exporting.agents import AgentDecision, agent_decision
from regimen.runs.exporting.decision import decision_of
from regimen.runs.exporting.tracing import traced

Floats = NDArray[np.float64]
Ask = Callable[[Floats, Floats], tuple[Floats, ...]]
LANES, STEPS = 37, 300
BANDED = {"kind": "continuous", "smoothing": 0.3, "dead_band": 0.05}
QUICK = ("ppo-levels", "ppo-continuous", "sac-continuous", "recurrent_ppo-levels")
"""What decides as its agent in every run of the tests; all others in the slow ones."""
GRAPHS = ("cgdt-levels",)
"""Whose graphs are traced in every run of the tests, with that of verbs; the others' in the slow ones."""


def learned(config: Any, actions: Any = "levels") -> tuple[AgentPolicy, VectorMarket]:
    env = market(actions)
    agent = config.build(env, seed=3)
    agent.learn(env, 8 * 8 * 2)
    return AgentPolicy(agent, VectorMarketConfig(**{**dict(env.config), "n_envs": 1})), env


def observations(env: VectorMarket, steps: int, lanes: int) -> NDArray[np.float32]:
    """Returns (step, lane, width) of lanes whose actions are random: features, accounts, targets as they come."""
    rng = np.random.default_rng(5)
    seen, actions = [env.reset(seed=1)[0].reshape(env.n_envs, -1).copy()], env.config.actions
    while len(seen) * env.n_envs < steps * lanes:
        drawn = rng.uniform(actions.low, actions.high, env.n_envs)
        drawn = drawn[:, None].astype(np.float32) if actions.kind == "continuous" else np.round(drawn).astype(np.int64)
        seen.append(env.step(drawn)[0].reshape(env.n_envs, -1).copy())
    return np.concatenate(seen)[: steps * lanes].reshape(steps, lanes, -1).astype(np.float32)


def target_of(rule: ActionConfig, action: float, in_force: float, gain: float) -> float:
    """Returns what the compiled lanes make of an action."""
    if isinstance(rule, LevelsConfig):
        return rule.levels[int(action)]
    if isinstance(rule, ContinuousConfig):
        return continuous_target(action, in_force, rule.dead_band, rule.smoothing)
    return verb_target(int(action), in_force, gain > 0.0, *rule.sizes)


def eager(decision: AgentDecision) -> Ask:
    def ask(rows: Floats, state: Floats) -> tuple[Floats, ...]:
        with torch.inference_mode():
            return tuple(part.numpy() for part in decision(torch.tensor(rows), torch.tensor(state)))

    return ask


def graph(decision: AgentDecision) -> Ask:
    session = onnxruntime.InferenceSession(traced(decision), providers=["CPUExecutionProvider"])

    def ask(rows: Floats, state: Floats) -> tuple[Floats, ...]:
        fed = {"row": rows, "state": state} if decision.memory else {"row": rows}
        exposure, confidence, details, *after = session.run(None, fed)
        return exposure, confidence, after[0] if after else state, details

    return ask


def check(policy: AgentPolicy, env: VectorMarket, ask: Ask, steps: int = STEPS, lanes: int = LANES) -> set[float]:
    """Asserts that a decision that is fed its own state acts as the agent that is fed its own; returns the exposures.

    The state that is fed is once the agent's, and once what the decision itself answered last.
    """
    agent, rule, decision = policy.agent, env.config.actions, decision_of(policy)
    targets = int(rule.shows_target)
    memory, in_force = None, np.zeros(lanes)
    free, seen = np.zeros((lanes, decision.memory)), set()
    for rows in observations(env, steps, lanes):
        before = np.zeros((lanes, decision.memory - targets)) if memory is None else memory.astype(np.float64)
        fed = np.concatenate([in_force[:, None], before], axis=1) if targets else before
        actions, memory = agent.predict(rows, memory)
        gains = rows[:, -1] if targets else np.zeros(lanes)
        expected = np.array(
            [target_of(rule, float(a), t, g) for a, t, g in zip(actions.ravel(), in_force, gains, strict=True)]
        )
        exposure, confidence, after, details = ask(rows.astype(np.float64), fed)
        np.testing.assert_allclose(exposure, expected, atol=1e-6)
        if decision.memory:
            assert memory is not None or decision.memory == targets
            np.testing.assert_allclose(after[:, targets:], before if memory is None else memory, atol=2e-5)
        if agent.spec.choices:
            p = torch.softmax(torch.tensor(details) / decision.temperature, -1).numpy()
            entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(1) / np.log(agent.spec.choices)
            np.testing.assert_allclose(confidence, 1.0 - entropy, atol=1e-6)
            np.testing.assert_array_equal(details.argmax(1), actions)
        else:
            np.testing.assert_allclose(confidence, np.abs(exposure), atol=1e-12)
            np.testing.assert_allclose(details, actions, atol=1e-6)
        assert np.all((confidence >= 0.0) & (confidence <= 1.0))
        alone, _, free, _ = ask(rows.astype(np.float64), free)
        np.testing.assert_allclose(alone, expected, atol=1e-5)
        in_force = expected
        seen |= set(expected.tolist())
    return seen


def test_a_goal_is_a_constant_of_the_module() -> None:
    env, goals = market("levels"), GoalConfig(ranges={"position": (-1.0, 1.0)}, trading={"position": 0.5})
    agent = SACConfig(rollout_steps=8, warmup_steps=64, batch_size=16, hidden=(16,)).build(goals.wrap(env), seed=3)
    agent.learn(goals.wrap(env), 8 * 8 * 2)
    policy = AgentPolicy(Showing(agent, goals.shows), VectorMarketConfig(**{**dict(env.config), "n_envs": 1}))
    check(policy, env, eager(agent_decision(policy)), steps=20)


@pytest.mark.parametrize(
    "case",
    [each if each.id in QUICK else pytest.param(*each.values, id=each.id, marks=pytest.mark.slow) for each in CASES],
)
def test_every_kind_decides_as_its_agent(case: Case) -> None:
    policy, env = learned(case.config, case.actions)
    check(policy, env, eager(agent_decision(policy)), 60)


@pytest.mark.parametrize(
    "case", [pytest.param(*each.values, id=each.id, marks=each.marks) for each in CASES if each.id in GRAPHS]
)
def test_a_graph_decides_as_its_agent(case: Case) -> None:
    graphs_agree(case)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [pytest.param(*each.values, id=each.id, marks=each.marks) for each in CASES if each.id not in GRAPHS]
)
def test_the_graph_of_every_other_kind_decides_as_its_agent(case: Case) -> None:
    graphs_agree(case)


def graphs_agree(case: Case) -> None:
    policy, env = learned(case.config, case.actions)
    ask = graph(agent_decision(policy))
    for lanes, steps in ((1, 40), (2, 40), (LANES, STEPS)):
        check(policy, env, ask, steps, lanes)


@pytest.mark.parametrize(
    ("actions", "form"),
    [
        ("verbs", graph),
        (BANDED, eager),
        pytest.param({"kind": "continuous", "long_only": True}, eager, marks=pytest.mark.slow),
    ],
)
def test_the_rule_from_actions_to_exposures_is_in_it(actions: Any, form: Callable[[AgentDecision], Ask]) -> None:
    policy, env = learned(PPOConfig(rollout_steps=8, minibatch_size=32, hidden=(16,), learning_rate=0.1), actions)
    assert len(check(policy, env, form(agent_decision(policy)), 60)) > 5


def test_the_columns_say_what_they_are() -> None:
    config = PPOConfig(rollout_steps=8, minibatch_size=32, hidden=(4,))
    levels, verbs, banded = (agent_decision(learned(config, each)[0]) for each in ("levels", "verbs", BANDED))
    assert levels.details == ("score of -1", "score of 0", "score of 1")
    assert verbs.details[:2] == ("score of hold", "score of buy_small")
    assert banded.details == ("action",)
    assert (levels.memory, verbs.memory, banded.memory) == (0, 1, 1)
    assert (levels.width, verbs.width, banded.width) == (6, 8, 7)


def test_it_says_how_near_another_action_was() -> None:
    config = PPOConfig(rollout_steps=8, minibatch_size=32, hidden=(16,), learning_rate=0.1)
    for actions in ("levels", BANDED):
        policy, env = learned(config, actions)
        decision = agent_decision(policy)
        rows = torch.tensor(observations(env, 1, 64)[0].astype(np.float64))
        state = torch.zeros((64, decision.memory), dtype=torch.float64)
        exposure, _, _, details = decision(rows, state)
        gap = decision.gap(rows, state, details).detach().numpy()
        if actions == "levels":
            best = np.sort(details.detach().numpy())
            np.testing.assert_allclose(gap, best[:, 2] - best[:, 1])
        else:
            inside = exposure.detach().numpy() == 0.0
            np.testing.assert_allclose(np.where(inside, 0.05 - gap, 0.05 + gap), np.abs(details[:, 0].detach().numpy()))
            assert 0 < inside.sum() < 64
    policy, env = learned(config, "continuous")
    assert np.isinf(agent_decision(policy).gap(rows[:, :6], state[:, :0], details).detach().numpy()).all()


def test_a_decision_does_not_follow_an_agent_that_learns_on() -> None:
    policy, env = learned(PPOConfig(rollout_steps=8, minibatch_size=32, hidden=(16,), learning_rate=0.1))
    decision = agent_decision(policy)
    rows, state = observations(env, 1, 4)[0].astype(np.float64), np.zeros((4, 0))
    before = eager(decision)(rows, state)[3]
    policy.agent.learn(env, 256)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(eager(decision)(rows, state)[3], before)
    assert np.abs(eager(agent_decision(policy))(rows, state)[3] - before).max() > 1e-4


def test_what_no_graph_computes_is_refused_by_its_name() -> None:
    policy, env = learned(PPOConfig(rollout_steps=8, minibatch_size=32, hidden=(4,)))
    with pytest.raises(RunError) as caught:
        decision_of(policy.drawing())
    assert str(caught.value).startswith("export: an agent that draws its actions is computed by no graph")
    own = OwnAgentConfig(source="tests/agents/own_bins.py:Bins").build(env, seed=0)
    with pytest.raises(RunError) as caught:
        decision_of(AgentPolicy(own, policy.config))
    assert str(caught.value).startswith("export: OwnAgent is computed by no graph; its own files are shipped")
