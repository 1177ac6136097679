"""All states that were visited and what the expert did there, as a uniform sample of bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@final
class Aggregate:
    """A reservoir: every row that was ever added is in it with the same probability.

    Args:
        capacity: rows that it keeps.
        width: of an observation.
        size: numbers of an action.
        discrete: whether an action is a choice.

    Attributes:
        visited: rows that were added so far.

    Source: Vitter 1985, algorithm R.
    """

    def __init__(self, capacity: int, width: int, size: int, discrete: bool) -> None:
        self.capacity, self.visited = capacity, 0
        kind = np.int64 if discrete else np.float32
        self._observations: Floats = np.empty((0, width), np.float32)
        self._actions: NDArray[Any] = np.empty((0, size), kind)

    def __len__(self) -> int:
        return len(self._observations)

    def add(self, observations: Floats, actions: NDArray[Any], random: np.random.Generator) -> None:
        """Takes in rows (n, width) and the expert's actions (n, size).

        Args:
            observations: as they were shown.
            actions: of the expert.
            random: who decides what goes.
        """
        room = min(self.capacity - len(self), len(observations))
        if room > 0:
            self._observations = np.concatenate([self._observations, observations[:room]])
            self._actions = np.concatenate([self._actions, actions[:room].astype(self._actions.dtype)])
        later = np.arange(room, len(observations))
        places = (random.random(len(later)) * (self.visited + later + 1)).astype(np.int64)
        stays = places < self.capacity
        self._observations[places[stays]] = observations[later[stays]]
        self._actions[places[stays]] = actions[later[stays]]
        self.visited += len(observations)

    def draw(self, rows: int, random: np.random.Generator) -> tuple[Floats, NDArray[Any]]:
        """Returns observations (n, width) and actions (n, size), drawn with replacement."""
        chosen = random.integers(0, len(self), rows)
        return self._observations[chosen], self._actions[chosen]

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns all that changes."""
        return {
            "observations": self._observations,
            "actions": self._actions,
            "visited": np.array([self.visited]),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`."""
        self._observations, self._actions = state["observations"].copy(), state["actions"].copy()
        self.visited = int(state["visited"][0])
