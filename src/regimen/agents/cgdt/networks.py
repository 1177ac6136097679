"""The networks of CGDT: a causal transformer over returns-to-go, states and actions, and a critic; and their losses."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from regimen.agents.cgdt.config import CGDTConfig
from regimen.nets import TransformerBlock

_REACH = 0.2
"""Largest number of fresh embeddings: small beside a state's token, felt by the critic's first layer."""


@final
class DecisionTransformer(nn.Module):
    """Tokens (R̂_t, s_t, a_t) for each step, and the logits of a_t read at s_t's token.

    The logits of step t depend on R̂ and s of steps ≤ t and on actions of steps < t, and on nothing else.

    Args:
        config: its sizes.
        columns: of a state.
        choices: actions.

    Source: Chen et al. 2021 (arXiv 2106.01345), with the step's place in the context in the place of its number in the
    episode: market episodes are longer than any table of embeddings.
    """

    def __init__(self, config: CGDTConfig, columns: int, choices: int) -> None:
        super().__init__()
        width = config.width
        self.context = config.context
        self.state = nn.Linear(columns, width)
        self.action = nn.Parameter(torch.empty(choices, width).uniform_(-_REACH, _REACH))
        self.goal = nn.Linear(1, width)
        self.place = nn.Parameter(torch.empty(config.context, width).uniform_(-_REACH, _REACH))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, config.heads, config.hidden, config.dropout) for _ in range(config.layers)
        )
        self.final_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, choices)

    def forward(self, goals: Tensor, states: Tensor, actions: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns logits (batch, time, choices).

        Args:
            goals: (batch, time) normalised returns-to-go.
            states: (batch, time, column) normalised.
            actions: (batch, time) or (batch, time − 1) int64; that of the last step is not looked at.
            mask: (batch, time) bool, the steps that are there, at the end; the logits of others mean nothing. None:
                all are, which is faster than a mask that says so. The last step stands at the last place of the
                context, however many there are.
        """
        batch, time, _ = states.shape
        places = self.place[self.context - time :]
        tokens = torch.stack(
            [
                self.goal(goals[..., None]) + places,
                self.state(states) + places,
                functional.pad(functional.embedding(actions[:, : time - 1], self.action), (0, 0, 0, 1)) + places,
            ],
            dim=2,
        )
        x = self.dropout(self.norm(tokens.reshape(batch, 3 * time, -1)[:, :-1]))
        seen = None if mask is None else mask.repeat_interleave(3, dim=1)[:, :-1]
        for block in self.blocks:
            x = block(x, seen)
        logits: Tensor = self.head(self.final_norm(x[:, 1::3]))
        return logits


@final
class ReturnCritic(nn.Module):
    """What an action in a state is expected to return: columns → width → hidden → 1, ReLU between.

    The action comes in by its token's embedding, added before the first ReLU: the map of a one-hot action, which costs
    no parameters of its own. A critic of the state alone is not given it.

    Args:
        config: its sizes and its kind.
        columns: of a state.
    """

    def __init__(self, config: CGDTConfig, columns: int) -> None:
        super().__init__()
        self.first = nn.Linear(columns, config.width)
        self.second = nn.Linear(config.width, config.critic_hidden)
        self.last = nn.Linear(config.critic_hidden, 2 if config.critic == "gaussian" else 1)

    def forward(self, states: Tensor, actions: Tensor) -> Tensor:
        """Returns (..., choices, 1), or (..., choices, 2) with log σ, of states (..., column).

        Args:
            states: normalised.
            actions: (choices, width) embeddings; of zeros: the critic of a state alone.
        """
        inner = functional.relu(self.first(states)[..., None, :] + actions)
        values: Tensor = self.last(functional.relu(self.second(inner)))
        return values


@final
class GuidedTransformer(nn.Module):
    """The policy and its critic, which reads actions by the policy's embedding."""

    def __init__(self, config: CGDTConfig, columns: int, choices: int) -> None:
        super().__init__()
        self.policy = DecisionTransformer(config, columns, choices)
        self.critic = ReturnCritic(config, columns)
        self.sees_actions = config.critic != "state"

    def values(self, states: Tensor) -> Tensor:
        """Returns the critic's value of every choice, (..., choices, 1 or 2)."""
        table = self.policy.action
        scores: Tensor = self.critic(states, table if self.sees_actions else torch.zeros_like(table))
        return scores


def activations(config: CGDTConfig, choices: int) -> int:
    """Returns about how many numbers one update keeps for its backward pass.

    Attention keeps its weights only with dropout, in four forms; without, they are never written out.
    """
    steps, tokens = config.batch_size * config.context, 3 * config.context
    block = 10 * config.width + 3 * config.hidden
    if config.dropout:
        block += 2 * config.width + 4 * config.heads * tokens
    transformer = 3 * (config.layers * block + 4 * config.width)
    return steps * (transformer + 2 * choices * (config.width + config.critic_hidden))


def asymmetric(error: Tensor, expectile: float) -> Tensor:
    """Returns |τ − 1(u < 0)| / max(τ, 1 − τ) for errors u: the weight of what lies above and of what lies below."""
    weight = torch.where(error < 0.0, 1.0 - expectile, expectile)
    return weight / max(expectile, 1.0 - expectile)


def critic_loss(values: Tensor, actions: Tensor, goals: Tensor, expectile: float) -> Tensor:
    """Returns the asymmetric negative log likelihood of returns-to-go, without its constant; of each step.

    w·½(R − μ)² for a critic of one number, w·(½u² + log σ) with u = (R − μ)/σ for one of two, w = `asymmetric`.

    Args:
        values: (step, choices, 1 or 2) the critic's.
        actions: (step,) int64 that were taken.
        goals: (step,) normalised returns-to-go.
        expectile: τ.

    Source: Wang et al. 2023, the asymmetric critic; the deviation of a critic of one number is the same everywhere.
    """
    taken = values[torch.arange(len(actions), device=actions.device), actions]
    error = goals - taken[:, 0]
    if values.shape[-1] == 1:
        return asymmetric(error, expectile) * 0.5 * error.square()
    spread = bounded(taken[:, 1])
    return asymmetric(error, expectile) * (0.5 * (error * torch.exp(-spread)).square() + spread)


def guidance_loss(logits: Tensor, values: Tensor, goals: Tensor, scale: Tensor, expectile: float) -> Tensor:
    """Returns how far the predicted action's expected return is from the return asked for, of each step.

    w·u², w = `asymmetric`. For a critic of one number u = (R̂ − Σ_a π(a)·μ(s, a)) / σ with one σ for all: it pulls the
    policy's expected return to the target. For one of two the mean over a ~ π of the paper's ((R̂ − μ(s, a))/σ(s, a))².

    Args:
        logits: (step, choices); gradients flow here only.
        values: (step, choices, 1 or 2) the critic's.
        goals: (step,) normalised returns-to-go.
        scale: the deviation σ of returns about the critic of one number, normalised.
        expectile: τ.
    """
    policy, values = torch.softmax(logits, dim=-1), values.detach()
    means = values[..., 0]
    if values.shape[-1] == 1:
        error = (goals - (policy * means).sum(-1)) / scale
        return asymmetric(error, expectile) * error.square()
    errors = (goals[:, None] - means) * torch.exp(-bounded(values[..., 1]))
    return (policy * asymmetric(errors, expectile) * errors.square()).sum(-1)


def bounded(log_deviation: Tensor) -> Tensor:
    """Returns log σ within [−5, 2]: a return that never varies has no finite likelihood."""
    return log_deviation.clamp(-5.0, 2.0)
