"""The memory of an off-policy agent: transitions of all lanes in one array, drawn uniformly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.learning.memory.memory import Transitions, as_transitions


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
        rows: (capacity, 2 · width + size + 2) observation, successor, action, reward, terminated.
    """

    def __init__(self, capacity: int, width: int, size: int) -> None:
        self.capacity, self.filled = capacity, 0
        self._width, self._size, self._next = width, size, 0
        self.rows: NDArray[np.float32] = np.empty((capacity, 2 * width + size + 2), np.float32)
        self._tensor = torch.from_numpy(self.rows)

    def begin(self, lanes: int) -> None:
        """Does nothing: single transitions have no beginning."""
        del lanes

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
            rows, part = self.rows[self._next : self._next + count], slice(done, done + count)
            rows[:, :width], rows[:, width : 2 * width] = observations[part], successors[part]
            rows[:, 2 * width : -2] = actions[part].reshape(count, size)
            rows[:, -2], rows[:, -1] = rewards[part], terminated[part]
            self._next = (self._next + count) % self.capacity
            self.filled = min(self.filled + count, self.capacity)
            done += count

    def sample(self, random: np.random.Generator, updates: int, batch: int) -> Transitions:
        """Draws transitions uniformly, with replacement, in an array of this shape; copies."""
        chosen = torch.from_numpy(random.integers(0, self.filled, updates * batch))
        return as_transitions(self._tensor.index_select(0, chosen), self._width, updates, batch)

    def state(self) -> dict[str, Tensor]:
        """Returns the rows that are filled, without a copy, and where the next one goes."""
        return {"rows": self._tensor[: self.filled], "next": torch.tensor(self._next)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state` of a buffer of the same shape."""
        rows = state["rows"]
        self.filled, self._next = len(rows), int(state["next"])
        self._tensor[: self.filled] = rows
