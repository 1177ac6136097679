"""The memory of an off-policy agent: transitions of all lanes in one array, drawn uniformly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, final

import numpy as np
import torch
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


@final
class ReplayBuffer:
    """A ring of the last ``capacity`` transitions, float32.

    One transition is one row: a batch is then one gather, whose rows each lie in a few lines of the cache. The rows are
    reserved at once and become memory when they are first written.

    Args:
        capacity: rows.
        width: columns of an observation.
        size: numbers in an action.

    Attributes:
        filled: rows that hold a transition.
    """

    def __init__(self, capacity: int, width: int, size: int) -> None:
        self.capacity, self.filled = capacity, 0
        self._width, self._size, self._next = width, size, 0
        self._rows: NDArray[np.float32] = np.empty((capacity, 2 * width + size + 2), np.float32)
        self._tensor = torch.from_numpy(self._rows)

    def add(
        self,
        observations: NDArray[Any],
        successors: NDArray[Any],
        actions: NDArray[Any],
        rewards: NDArray[Any],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_] | None = None,
    ) -> None:
        """Writes one transition of every lane, over the oldest ones where the buffer is full.

        Args:
            observations: (lane, width).
            successors: (lane, width).
            actions: (lane, size).
            rewards: (lane,).
            terminated: (lane,), ruin: nothing follows.
            truncated: (lane,), cut: the successor is the episode's own last observation. Single transitions need no
                more than that; a memory of whole episodes does.
        """
        del truncated
        width, size, lanes = self._width, self._size, len(rewards)
        done = 0
        while done < lanes:
            count = min(lanes - done, self.capacity - self._next)
            rows, part = self._rows[self._next : self._next + count], slice(done, done + count)
            rows[:, :width], rows[:, width : 2 * width] = observations[part], successors[part]
            rows[:, 2 * width : -2] = actions[part].reshape(count, size)
            rows[:, -2], rows[:, -1] = rewards[part], terminated[part]
            self._next = (self._next + count) % self.capacity
            self.filled = min(self.filled + count, self.capacity)
            done += count

    def sample(self, random: np.random.Generator, updates: int, batch: int) -> Transitions:
        """Draws transitions uniformly, with replacement, in an array of this shape; copies."""
        chosen = torch.from_numpy(random.integers(0, self.filled, updates * batch))
        rows = self._tensor.index_select(0, chosen).view(updates, batch, -1).transpose(1, 2).contiguous()
        width = self._width
        return Transitions(
            rows[:, :width], rows[:, width : 2 * width], rows[:, 2 * width : -2], rows[:, -2], rows[:, -1]
        )

    def state(self) -> dict[str, Tensor]:
        """Returns the rows that are filled, without a copy, and where the next one goes."""
        return {"rows": self._tensor[: self.filled], "next": torch.tensor(self._next)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state` of a buffer of the same shape."""
        rows = state["rows"]
        self.filled, self._next = len(rows), int(state["next"])
        self._tensor[: self.filled] = rows
