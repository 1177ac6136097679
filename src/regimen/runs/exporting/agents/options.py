"""The chooser of options: what it remembers of a lane is the option in force, its bars and the lean."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from regimen.agents import Options
from regimen.runs.exporting.agents.body import Body
from regimen.runs.exporting.agents.inputs import Normalised


@final
class OptionsBody(Body):
    """The action, or one number for each choice: that of the choice, the others 0.

    It is by how much the logit of the option that was chosen now is above the next; where one went on, 10.
    """

    def __init__(self, agent: Options) -> None:
        super().__init__()
        config = agent.config
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.policy = agent.policy.copied(self.inputs)
        self.networks = nn.ModuleList(self.policy.networks)
        self.memory, self.flat, self.choices = agent.memory, agent.table.flat, agent.spec.choices

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        after, apart = self.policy.decided(row, memory)
        lean = after[:, -1:]
        if self.choices is None:
            return lean, after
        places = torch.arange(self.choices, dtype=lean.dtype) - self.flat
        return (places == lean).to(lean.dtype) * apart[:, None], after
