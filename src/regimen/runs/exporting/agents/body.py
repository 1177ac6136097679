"""`Body`: what stands between an agent's observation and the output that its action rule reads."""

from __future__ import annotations

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
