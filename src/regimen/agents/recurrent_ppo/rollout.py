"""The arrays of one rollout of an agent with a memory, and the sequences that it is learned from."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.envs import EnvSpec


@final
class RecurrentRollout:
    """``steps`` transitions of ``lanes`` environments, (time, lane, ...), filled in place.

    Row t: the raw observation, the network's input, whether an episode begins with it, the features of the memory, the
    actor's output, the raw action drawn from it, then the reward and the flags of the step. ``observations``,
    ``inputs`` and ``begins`` have one row more, for the observation after the last step. ``states`` holds the memory
    before the first row of each sequence.

    Args:
        spec: of the environment.
        steps: rows.
        lanes: columns.
        length: rows of a sequence; divides ``steps``.
        hidden: features.
        memory: numbers in the state of a lane.
        tasks: auxiliary targets of a row.
    """

    def __init__(
        self, spec: EnvSpec, steps: int, lanes: int, length: int, hidden: int, memory: int, tasks: int = 0
    ) -> None:
        self.shape, self.length = (steps, lanes), length
        actions = () if spec.choices is not None else (spec.size,)
        kind = torch.int64 if spec.choices is not None else torch.float32
        self.observations: NDArray[np.float32] = np.empty((steps + 1, lanes, spec.width), np.float32)
        self.inputs = torch.empty((steps + 1, lanes, spec.width))
        self.begins: NDArray[np.bool_] = np.zeros((steps + 1, lanes), np.bool_)
        self.features = torch.empty((steps, lanes, hidden))
        self.outputs = torch.empty((steps, lanes, spec.choices or spec.size))
        self.raw = torch.empty((steps, lanes, *actions), dtype=kind)
        self.rewards: NDArray[np.float32] = np.empty((steps, lanes), np.float32)
        self.terminated: NDArray[np.bool_] = np.empty((steps, lanes), np.bool_)
        self.truncated: NDArray[np.bool_] = np.empty((steps, lanes), np.bool_)
        self.targets = torch.zeros((steps, lanes, max(tasks, 1)))
        self.states = torch.empty((steps // length, lanes, memory))
        self._cut: list[tuple[int, NDArray[np.int64], NDArray[np.float32], Tensor]] = []

    def begin(self) -> None:
        """Forgets the cut episodes of the last rollout."""
        self._cut.clear()

    def keep_final(self, t: int, observations: NDArray[Any], state: Tensor) -> None:
        """Copies the final observations (lane, ...) of the lanes that row t cut without ruin, and their memory.

        Args:
            t: row.
            observations: final where an episode ended.
            state: (lane, memory) after row t, before any reset.
        """
        lanes = np.flatnonzero(self.truncated[t] & ~self.terminated[t])
        if len(lanes):
            rows = observations.reshape(self.shape[1], -1)[lanes].astype(np.float32)
            self._cut.append((t, lanes, rows, state[torch.from_numpy(lanes)]))

    def finals(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], Tensor] | None:
        """Returns rows, lanes (n,), observations (n, width) and memory (n, memory) of the cut episodes, if any."""
        if not self._cut:
            return None
        rows = np.concatenate([np.full(len(lanes), t) for t, lanes, _, _ in self._cut])
        lanes = np.concatenate([lanes for _, lanes, _, _ in self._cut])
        return rows, lanes, np.concatenate([seen for _, _, seen, _ in self._cut]), torch.cat([s for *_, s in self._cut])

    def by_sequence(self, array: Tensor | NDArray[Any]) -> Tensor:
        """Returns (time, lane, ...) as (sequence, time of the sequence, ...), without a row after the last step."""
        tensor = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
        steps, lanes = self.shape
        rest = tensor.shape[2:]
        cut = tensor[:steps].reshape(steps // self.length, self.length, lanes, *rest)
        return cut.transpose(1, 2).reshape(-1, self.length, *rest)
