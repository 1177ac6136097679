"""What a lane remembers between two calls of `predict`: its last steps, as one row of numbers."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError

Singles = NDArray[np.float32]


@final
class ContextMemory:
    """Packs the last ``context`` − 1 steps of lanes into rows (lane, k) float32, k = 1 + (context − 1)·(width + 1).

    A row is the number of steps that it holds, then their raw observations, then their choices, the newest last and
    zeros in front. A row of zeros is a lane that begins.

    Args:
        context: steps that the agent sees, the present one included.
        width: columns of an observation.
        choices: of an action.
    """

    def __init__(self, context: int, width: int, choices: int) -> None:
        self.past, self.width, self.choices = context - 1, width, choices
        self.size = 1 + self.past * (width + 1)

    def checked(self, state: Any, lanes: int) -> Singles:
        """Returns a memory that was handed back, not copied; zeros for None.

        Raises:
            RunError: another shape, or numbers that no call of `after` returned.
        """
        shape = (lanes, self.size)
        if state is None:
            return np.zeros(shape, np.float32)
        if np.shape(state) != shape:
            raise RunError("state", f"must be {shape} (lane, memory)", np.shape(state))
        memory = np.asarray(state, np.float32)
        if not np.isfinite(memory).all():
            raise RunError("state", "must be finite")
        for numbers, most in ((memory[:, 0], self.past), (memory[:, 1 + self.past * self.width :], self.choices - 1)):
            bad = (numbers < 0) | (numbers > most) | (numbers != np.rint(numbers))
            if bad.any():
                raise RunError("state", "must be a memory that predict returned", float(numbers[bad][0]))
        return memory

    def context(self, memory: Singles, rows: Singles) -> tuple[Singles, NDArray[np.int64], NDArray[np.bool_]]:
        """Returns observations (lane, time, width), choices (lane, time − 1) and mask (lane, time).

        The last step is the present one, ``rows`` (lane, width); there are as many as the oldest lane needs.
        """
        counts = memory[:, 0].astype(np.int64)
        longest = int(counts.max(initial=0))
        edge = 1 + self.past * self.width
        before = memory[:, 1:edge].reshape(len(rows), self.past, self.width)[:, self.past - longest :]
        seen = np.concatenate([before, rows[:, None]], axis=1)
        taken = memory[:, edge + self.past - longest :].astype(np.int64)
        mask = np.arange(longest, -1, -1) <= counts[:, None]
        return seen, taken, mask

    def after(self, memory: Singles, rows: Singles, actions: NDArray[np.int64]) -> Singles:
        """Returns the memory after one more step."""
        following = np.empty_like(memory)
        following[:, 0] = np.minimum(memory[:, 0] + 1, self.past)
        if self.past:
            edge = 1 + self.past * self.width
            following[:, 1 : edge - self.width] = memory[:, 1 + self.width : edge]
            following[:, edge - self.width : edge] = rows
            following[:, edge:-1] = memory[:, edge + 1 :]
            following[:, -1] = actions
        return following


def unlike(rows: Singles, memory: Singles) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns which lanes differ from the one before them, and each lane's place among those."""
    new = np.ones(len(rows), np.bool_)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1) | (memory[1:] != memory[:-1]).any(axis=1)
    return np.flatnonzero(new), np.cumsum(new) - 1
