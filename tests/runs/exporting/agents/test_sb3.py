"""The heads of Stable-Baselines3's policies: squashed ones, plain rows, noise that depends on the state, and others."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("stable_baselines3")

from stable_baselines3.common.policies import ActorCriticPolicy
from tests.contracts.test_agent_contract import REPLAY
from tests.runs.exporting.agents.test_decision import check, eager, learned

from regimen.agents import SB3Config
from regimen.errors import RunError
from regimen.runs.exporting.agents import agent_decision

ROLLOUT = {"n_steps": 8, "batch_size": 32}
HEADS: list[tuple[str, dict[str, Any], bool]] = [
    ("sac", REPLAY, True),
    ("sac", {**REPLAY, "use_sde": True}, False),
    ("ddpg", REPLAY, False),
    ("a2c", {}, True),
    ("ppo", {**ROLLOUT, "use_sde": True, "policy_kwargs": {"squash_output": True}}, True),
]


@pytest.mark.parametrize(("algorithm", "parameters", "scaled"), HEADS)
def test_a_head_of_continuous_actions(algorithm: str, parameters: dict[str, Any], scaled: bool) -> None:
    config = SB3Config(
        algorithm=algorithm, parameters=parameters, hidden=(8,), normalise_observations=scaled, report_steps=64
    )
    policy, env = learned(config, {"kind": "continuous", "long_only": not scaled})
    check(policy, env, eager(agent_decision(policy)), 20, 5)


def test_contributed_algorithms() -> None:
    pytest.importorskip("sb3_contrib")
    for algorithm in ("tqc", "qrdqn", "trpo"):
        parameters = ROLLOUT if algorithm == "trpo" else {**REPLAY, "policy_kwargs": {"n_quantiles": 5}}
        config = SB3Config(algorithm=algorithm, parameters=parameters, hidden=(8,), report_steps=64)
        actions = {"kind": "continuous"} if algorithm == "tqc" else {"kind": "levels", "levels": (-1.0, 0.0, 1.0)}
        policy, env = learned(config, actions)
        check(policy, env, eager(agent_decision(policy)), 20, 5)


def test_a_policy_whose_layers_are_not_known_is_refused_by_its_name() -> None:
    class Stranger(ActorCriticPolicy):
        pass

    policy, _ = learned(SB3Config(algorithm="ppo", parameters=ROLLOUT, hidden=(8,)))
    policy.agent.model.policy.__class__ = Stranger  # type: ignore[attr-defined]
    with pytest.raises(RunError) as caught:
        agent_decision(policy)
    assert str(caught.value).startswith("export: Stranger is computed by no graph; its own files are shipped")
