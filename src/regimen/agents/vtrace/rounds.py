"""Rounds that are under way: what actors act with is always exactly as old, and survives a checkpoint."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.agents.vtrace.collector import BehaviourPolicy, Experience
from regimen.work import LastingActors


@final
class Rounds:
    """Asks all actors, and takes their answers in their order.

    Args:
        width: columns of an observation.

    Attributes:
        waiting: what was asked and is not answered yet, the oldest first.
    """

    def __init__(self, width: int) -> None:
        self.waiting: deque[BehaviourPolicy] = deque()
        self._width = width
        self._actors: LastingActors | None = None

    def begin(self, actors: LastingActors) -> NDArray[np.float32]:
        """Takes actors that were built; returns what all their lanes show (lane, width)."""
        self.waiting.clear()
        self._actors = actors
        for k in range(actors.n):
            actors.send(k, None)
        return np.concatenate([actors.recv(k) for k in range(actors.n)])

    def ask(self, behaviour: BehaviourPolicy) -> None:
        """Begins one more round."""
        assert self._actors is not None
        for k in range(self._actors.n):
            self._actors.send(k, behaviour)
        self.waiting.append(behaviour)

    def answers(self) -> tuple[BehaviourPolicy, list[Experience]]:
        """Waits for the oldest round; returns what was acted with, and what each actor did."""
        assert self._actors is not None
        experience = [self._actors.recv(k) for k in range(self._actors.n)]
        return self.waiting.popleft(), experience

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns where the lanes stood after the last round that was answered, and what was asked since."""
        if self._actors is None:
            return {}
        lanes = {
            f"{k}/{name}": array for k, state in enumerate(self._actors.states) for name, array in (state or {}).items()
        }
        rows = [np.concatenate([each.values, each.shift, each.factor]) for each in self.waiting]
        counts = np.array([(each.number, each.updates) for each in self.waiting], np.int64).reshape(-1, 2)
        return lanes | {"asked": np.stack(rows) if rows else np.empty((0, 0), np.float32), "counts": counts}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Puts the actors where they stood, and asks again what they had not answered."""
        assert self._actors is not None
        arrays = {name: np.asarray(array) for name, array in state.items()}
        asked, counts = arrays.pop("asked"), arrays.pop("counts")
        states: list[dict[str, NDArray[Any]]] = [{} for _ in range(self._actors.n)]
        for name, array in arrays.items():
            k, _, own = name.partition("/")
            states[int(k)][own] = array
        self._actors.restore(states)
        for row, (number, updates) in zip(asked, counts.tolist(), strict=True):
            values, shift, factor = np.split(row, [len(row) - 2 * self._width, len(row) - self._width])
            self.ask(BehaviourPolicy(values, shift, factor, number, updates))
