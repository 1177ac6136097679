"""The rule from an agent's output to the target exposure, inside the graph: `regimen.envs.actions` on tensors."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from regimen.envs import ActionConfig, ContinuousConfig, LevelsConfig, Verb, VerbsConfig

Rule = nn.Module
"""``forward(output, row, target) -> exposure``: the network's output (n, k) float32, the observation (n, width) and
the target in force (n,), both float64; returns the exposure (n,) float64."""


@final
class LevelsRule(nn.Module):
    """The exposure of the most probable level.

    Args:
        config: of the actions.
    """

    levels: Tensor

    def __init__(self, config: LevelsConfig) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor(config.levels, dtype=torch.float64))

    def forward(self, output: Tensor, row: Tensor, target: Tensor) -> Tensor:
        """See `Rule`; neither the observation nor the target in force matters."""
        del row, target
        return self.levels[output.argmax(-1)]


@final
class ContinuousRule(nn.Module):
    """`regimen.envs.actions.continuous_target`: the dead band, then the smoothing.

    Args:
        config: of the actions.
    """

    def __init__(self, config: ContinuousConfig) -> None:
        super().__init__()
        self.dead_band, self.smoothing = config.dead_band, config.smoothing

    def forward(self, output: Tensor, row: Tensor, target: Tensor) -> Tensor:
        """See `Rule`; the output (n, 1) is the action."""
        del row
        action = output[:, 0].double()
        moved = self.smoothing * target + (1.0 - self.smoothing) * action
        return torch.where((action - target).abs() < self.dead_band, target, moved)


@final
class VerbsRule(nn.Module):
    """`regimen.envs.actions.verb_target` of the most probable verb.

    Args:
        config: of the actions.
    """

    added: Tensor
    kept: Tensor

    def __init__(self, config: VerbsConfig) -> None:
        super().__init__()
        added, kept = torch.zeros(len(Verb), dtype=torch.float64), torch.ones(len(Verb), dtype=torch.float64)
        added[Verb.BUY_SMALL], added[Verb.BUY_MEDIUM], added[Verb.BUY_LARGE] = config.small, config.medium, config.large
        added[Verb.ADD_TO_WINNER] = config.add
        kept[Verb.SELL_PARTIAL], kept[Verb.SELL_ALL] = 1.0 - config.partial, 0.0
        self.register_buffer("added", added)
        self.register_buffer("kept", kept)

    def forward(self, output: Tensor, row: Tensor, target: Tensor) -> Tensor:
        """See `Rule`; the last column of the observation is the gain of the open position."""
        verb = output.argmax(-1)
        idle = (verb == Verb.ADD_TO_WINNER) & (row[:, -1] <= 0.0)
        added = torch.where(idle, torch.zeros_like(target), self.added[verb])
        return (target * self.kept[verb] + added).clamp(max=1.0)


def rule_of(actions: ActionConfig) -> Rule:
    """Returns the rule of a kind of actions."""
    if isinstance(actions, LevelsConfig):
        return LevelsRule(actions)
    if isinstance(actions, VerbsConfig):
        return VerbsRule(actions)
    return ContinuousRule(actions)
