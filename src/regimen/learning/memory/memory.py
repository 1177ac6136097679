"""`Memory`: what an off-policy agent asks of whatever keeps its transitions."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from regimen.stateful import Stateful


class Transitions(NamedTuple):
    """Transitions as they were stored, each (..., columns) or (...): views of one array.

    Attributes:
        observations: (..., width), raw.
        successors: (..., width), raw; of an episode that ended, its own last observation.
        actions: (..., size), or (..., 1) for a discrete one.
        rewards: (...), in the environment's unit.
        terminated: (...), 1 where nothing follows, else 0.
    """

    observations: Tensor
    successors: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor


class Memory(Stateful, Protocol):
    """Where an off-policy agent keeps what it did, and what it draws from."""

    @property
    def filled(self) -> int:
        """Transitions that it holds."""

    def begin(self, lanes: int) -> None:
        """Hears that so many lanes have been reset: episodes that were under way are over, without a flag.

        Raises:
            RunError: lanes that it cannot keep beside those of before.
        """

    def add(
        self,
        observations: NDArray[Any],
        successors: NDArray[Any],
        actions: NDArray[Any],
        rewards: NDArray[Any],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> None:
        """Takes in one transition of every lane; an episode ends where either flag is set; see `ReplayBuffer.add`."""

    def sample(self, random: np.random.Generator, updates: int, batch: int) -> Transitions:
        """Draws transitions (update, ..., batch)."""


def as_transitions(rows: Tensor, width: int, updates: int, batch: int) -> Transitions:
    """Returns rows (update · batch, 2 · width + size + 2), as `ReplayBuffer` writes them, as (update, ..., batch)."""
    parts = rows.view(updates, batch, -1).transpose(1, 2).contiguous()
    return Transitions(
        parts[:, :width], parts[:, width : 2 * width], parts[:, 2 * width : -2], parts[:, -2], parts[:, -1]
    )
