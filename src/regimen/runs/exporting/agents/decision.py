"""`AgentDecision`: an agent's whole decision as one module: normaliser, network, memory, head and action rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from regimen.agents import (
    CGDT,
    CQL,
    ES,
    MOSAC,
    PPO,
    SAC,
    Analytic,
    Cloned,
    FlagTrader,
    HybridES,
    Options,
    RecurrentPPO,
    VTraceAgent,
)
from regimen.envs import LevelsConfig, Verb, VerbsConfig
from regimen.errors import RunError
from regimen.policies import Actor, AgentPolicy, Showing
from regimen.runs.exporting.agents.body import Body, ShowingBody
from regimen.runs.exporting.agents.options import OptionsBody
from regimen.runs.exporting.agents.perceptrons import (
    AnalyticBody,
    ClonedBody,
    CQLBody,
    ESBody,
    MOSACBody,
    PPOBody,
    SACBody,
)
from regimen.runs.exporting.agents.recurrent import RecurrentBody
from regimen.runs.exporting.agents.rules import rule_of
from regimen.runs.exporting.agents.transformers import CGDTBody, FlagTraderBody
from regimen.runs.exporting.decision import Answer, Decision, certainty, not_exportable, share_of_most

if TYPE_CHECKING:
    from regimen.envs import ActionConfig, EnvSpec


@final
class AgentDecision(Decision):
    """An agent's normaliser, network, memory and action rule.

    The row is the observation of `Seats`, the account included. The state is the target exposure in force, where the
    action rule reads it, and then the agent's memory. The accounts themselves stay outside.

    The confidence of a distribution is 1 − H(p)/log n; of a continuous action |exposure| over the largest that there
    is. The details are the logits, the values or the action.

    Args:
        body: the network.
        spec: columns and actions of the agent.
        actions: the rule from actions to exposures.
    """

    def __init__(self, body: Body, spec: EnvSpec, actions: ActionConfig) -> None:
        super().__init__()
        self.body, self.action = body, rule_of(actions)
        self.discrete, self.temperature = spec.choices is not None, body.temperature
        self.targets, self.dead_band = int(actions.shows_target), getattr(actions, "dead_band", 0.0)
        self.largest = max(abs(actions.low), abs(actions.high))
        self.width, self.memory = spec.width, self.targets + body.memory
        self.details = _details(actions)

    def forward(self, row: Tensor, state: Tensor) -> Answer:
        """Returns the answer for rows (n, width) and states (n, memory)."""
        output, after = self.body(row.float(), state[:, self.targets :].float())
        target = state[:, 0] if self.targets else torch.zeros_like(row[:, 0])
        exposure, details = self.action(output, row, target), output.double()
        if self.discrete:
            confidence = certainty(torch.softmax(details / self.temperature, -1))
        else:
            confidence = share_of_most(exposure, self.largest)
        following = torch.cat([exposure[:, None], after.double()], 1) if self.targets else after.double()
        return exposure, confidence, following, details

    def gap(self, row: Tensor, state: Tensor, details: Tensor) -> Tensor:
        """Returns how far (n,) the best score is above the next, or the action from the edge of the dead band."""
        if self.discrete:
            best = (details / self.temperature).topk(2, -1).values
            return best[:, 0] - best[:, 1]
        if not self.dead_band:
            return super().gap(row, state, details)
        return ((details[:, 0] - state[:, 0]).abs() - self.dead_band).abs()


def _details(actions: ActionConfig) -> tuple[str, ...]:
    if isinstance(actions, LevelsConfig):
        return tuple(f"score of {level:g}" for level in actions.levels)
    return tuple(f"score of {verb.name.lower()}" for verb in Verb) if isinstance(actions, VerbsConfig) else ("action",)


def agent_decision(policy: AgentPolicy) -> AgentDecision:
    """Returns the module of an agent's policy, on the CPU; nothing is shared with the agent.

    Raises:
        RunError: an agent that cannot be exported as a graph, by its name: a class of one's own, a policy that draws,
            half precision, a policy of Stable-Baselines3 whose layers are not known.
    """
    if policy.draws:
        raise RunError("export", "an agent that draws its actions is computed by no graph; take its most likely ones")
    return AgentDecision(_body(policy.agent), policy.agent.spec, policy.config.actions).eval()


def _body(agent: Actor) -> Body:
    match agent:
        case Showing():
            return ShowingBody(_body(agent.actor), agent.values)
        case PPO() | VTraceAgent():
            return PPOBody(agent)
        case RecurrentPPO():
            return RecurrentBody(agent)
        case SAC() | HybridES():
            return SACBody(agent)
        case MOSAC():
            return MOSACBody(agent)
        case Options():
            return OptionsBody(agent)
        case CQL():
            return CQLBody(agent)
        case ES():
            return ESBody(agent)
        case Cloned():
            return ClonedBody(agent)
        case Analytic():
            return AnalyticBody(agent)
        case CGDT():
            return CGDTBody(agent)
        case FlagTrader():
            return FlagTraderBody(agent)
    if getattr(getattr(agent, "config", None), "kind", None) == "sb3":
        from regimen.agents import SB3
        from regimen.runs.exporting.agents.sb3 import SB3Body

        assert isinstance(agent, SB3)
        return SB3Body(agent)
    raise not_exportable(agent)
