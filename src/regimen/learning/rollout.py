"""The arrays of one rollout, made once and filled in place; torch and numpy look at the same memory."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.envs import EnvSpec


@final
class Rollout:
    """``steps`` transitions of ``lanes`` environments, (time, lane, ...).

    Row t: the raw observation and the network's input, the actor's output, the raw action drawn from it, then the
    reward and the flags of the step. ``inputs`` has one row more, for the observation after the last step. The last
    observations of cut episodes, which are few, are kept in a list beside the row and lanes they belong to.

    Args:
        spec: of the environment.
        steps: rows.
        lanes: columns.
    """

    def __init__(self, spec: EnvSpec, steps: int, lanes: int) -> None:
        self.shape = (steps, lanes)
        actions = () if spec.choices is not None else (spec.size,)
        kind = torch.int64 if spec.choices is not None else torch.float32
        self.observations: NDArray[np.float32] = np.empty((steps + 1, lanes, spec.width), np.float32)
        self.inputs = torch.empty((steps + 1, lanes, spec.width))
        self.outputs = torch.empty((steps, lanes, spec.choices or spec.size))
        self.raw = torch.empty((steps, lanes, *actions), dtype=kind)
        self.rewards: NDArray[np.float32] = np.empty((steps, lanes), np.float32)
        self.terminated: NDArray[np.bool_] = np.empty((steps, lanes), np.bool_)
        self.truncated: NDArray[np.bool_] = np.empty((steps, lanes), np.bool_)
        self._cut: list[tuple[int, NDArray[np.int64], NDArray[np.float32]]] = []

    def begin(self) -> None:
        """Forgets the final observations of the last rollout."""
        self._cut.clear()

    def keep_final(self, t: int, observations: NDArray[Any]) -> None:
        """Copies the final observations (lane, ...) of the lanes that row t cut without ruin."""
        lanes = np.flatnonzero(self.truncated[t] & ~self.terminated[t])
        if len(lanes):
            rows = observations.reshape(self.shape[1], -1)[lanes].astype(np.float32)
            self._cut.append((t, lanes, rows))

    def finals(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Returns rows, lanes (n,) and observations (n, width) of the cut episodes."""
        width = self.observations.shape[2]
        if not self._cut:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, width), np.float32)
        rows = np.concatenate([np.full(len(lanes), t) for t, lanes, _ in self._cut])
        lanes = np.concatenate([lanes for _, lanes, _ in self._cut])
        return rows, lanes, np.concatenate([seen for _, _, seen in self._cut])

    def flat(self, array: Tensor | NDArray[Any]) -> Tensor:
        """Returns (time · lane, ...) without a copy, and without the row after the last step."""
        tensor = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
        return tensor[: self.shape[0]].flatten(0, 1)
