"""`Memoryless`: what an agent answers that remembers nothing from one observation to the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from numpy.typing import NDArray

from regimen.envs import EnvSpec
from regimen.learning.agent import observed_rows
from regimen.nets import torch_threads


class Memoryless(ABC):
    """An agent whose answer depends on the observation alone, and on a draw where it draws."""

    spec: EnvSpec

    @torch.no_grad()
    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns actions as the environment takes them, and the state, which this agent does not have.

        The normaliser is frozen here. Draws come from a stream of the agent's own, which begins anew on `load`. One
        thread computes them, so that they do not depend on how many there are.

        Args:
            observation: (lane, width), or (width,) for one lane; a panel's (lane, symbol, width) is flattened.
            state: handed back as it is.
            deterministic: what the agent holds best, instead of a draw; no difference where it never draws.

        Raises:
            RunError: another width, or a number that is not finite.
        """
        rows, single = observed_rows(self.spec, observation)
        with torch_threads(1):
            actions = self.answers(rows, deterministic)
        return actions[0] if single else actions, state

    @abstractmethod
    def answers(self, rows: NDArray[Any], deterministic: bool) -> NDArray[Any]:
        """Returns actions (lane, ...) as the environment takes them, of finite rows (lane, width) float32."""
