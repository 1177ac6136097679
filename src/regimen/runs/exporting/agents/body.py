"""`Body`: what stands between an agent's observation and the output that its action rule reads."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Body(nn.Module):
    """``forward(row, memory) -> (output, memory)``, all float32; it shares nothing with the agent.

    Attributes:
        memory: numbers that are remembered of a lane.
        temperature: what outputs are divided by before the softmax whose entropy is the confidence.
    """

    memory: int = 0
    temperature: float = 1.0

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Returns logits or values of the choices (n, choices), or the action (n, 1), and the memory after it.

        Args:
            row: (n, width) observations.
            memory: (n, memory); zeros begin an episode.
        """
        raise NotImplementedError


@final
class ShowingBody(Body):
    """A body that sees constants behind each row.

    Args:
        body: of the actor.
        values: (column,) the constants.
    """

    values: Tensor

    def __init__(self, body: Body, values: NDArray[np.float32]) -> None:
        super().__init__()
        self.body, self.memory, self.temperature = body, body.memory, body.temperature
        self.register_buffer("values", torch.from_numpy(values.copy()))

    def forward(self, row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """See `Body.forward`."""
        shown: tuple[Tensor, Tensor] = self.body(torch.cat([row, self.values.expand(len(row), -1)], 1), memory)
        return shown
