"""PPO with a memory: the LSTM's state of a lane comes in and goes out."""

from __future__ import annotations

from copy import deepcopy
from typing import final

from torch import Tensor

from regimen.agents import RecurrentPPO
from regimen.runs.exporting.agents.body import Body
from regimen.runs.exporting.agents.inputs import Normalised


@final
class RecurrentBody(Body):
    """Logits of the choices, or the mean within the environment's bounds, and the LSTM's next state.

    An agent without a memory begins every bar with zeros, and has none here either.
    """

    def __init__(self, agent: RecurrentPPO) -> None:
        super().__init__()
        config = agent.config
        self.memory = agent.network.memory if config.memory else 0
        self.inputs = Normalised(agent.observations, config.observation_clip, config.normalise_observations)
        self.network = deepcopy(agent.network)

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        network = self.network
        before = memory if self.memory else row.new_zeros((row.shape[0], network.memory))
        features, after = network.step(self.inputs(row), before)
        return network.heads.to_env(network.heads.actor(features)), after if self.memory else memory
