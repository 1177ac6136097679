"""`TransitionTable`: recorded steps as an offline learner draws them, normalised once, on its device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.replay import Trajectories


class TransitionBatch(NamedTuple):
    """Batches of several updates.

    Attributes:
        observations, successors: (update, width, batch), as the networks take them; the successor is that after the
            last reward.
        actions: (update, batch) int64.
        rewards: (update, batch), discounted sums of n rewards, fewer at the end of an episode.
        discounts: (update, batch), γⁿ of as many rewards.
        terminated: (update, batch) bool, nothing follows.
    """

    observations: Tensor
    successors: Tensor
    actions: Tensor
    rewards: Tensor
    discounts: Tensor
    terminated: Tensor


@final
class TransitionTable:
    """Every step of some trajectories with the n rewards from it on.

    An observation is kept once: episodes lie end to end, each followed by its final observation, so that a successor
    is some rows further down.

    Args:
        trajectories: with choices.
        normalise: what the networks are given for observations (row, width).
        scale: unit of the rewards.
        gamma: discount of a step.
        n_step: rewards before the bootstrap.
        device: where the arrays are.
    """

    def __init__(
        self,
        trajectories: Trajectories,
        normalise: Callable[[NDArray[np.float32]], NDArray[np.float32]],
        scale: float,
        gamma: float,
        n_step: int,
        device: torch.device,
    ) -> None:
        steps, episodes = len(trajectories), trajectories.episodes
        number = np.arange(steps)
        episode = np.repeat(np.arange(episodes), trajectories.lengths)
        left = trajectories.offsets[1:][episode] - number
        reach = np.minimum(n_step, left)
        rows = np.empty((steps + episodes, trajectories.observations.shape[1]), np.float32)
        rows[number + episode] = normalise(trajectories.observations)
        rows[trajectories.offsets[1:] + np.arange(episodes)] = normalise(trajectories.final_observations)
        rewards, discount = np.zeros(steps), 1.0
        for ahead in range(int(reach.max())):
            some = reach > ahead
            rewards[some] += discount * trajectories.rewards[number[some] + ahead]
            discount *= gamma

        def on_device(array: NDArray[Any], kind: torch.dtype) -> Tensor:
            return torch.from_numpy(array).to(device, kind)

        self._device = device
        self._rows = on_device(rows, torch.float32)
        self._from, self._reach = on_device(number + episode, torch.int64), on_device(reach, torch.int64)
        self._actions = on_device(trajectories.actions[:, 0].copy(), torch.int64)
        self._rewards = on_device(rewards / scale, torch.float32)
        self._discounts = on_device(gamma ** reach.astype(np.float64), torch.float32)
        self._terminated = on_device(trajectories.terminated[number + reach - 1], torch.bool)

    def __len__(self) -> int:
        """Number of steps."""
        return len(self._actions)

    def take(self, chosen: NDArray[np.int64]) -> TransitionBatch:
        """Returns the steps (update, batch), copied."""
        picked = torch.from_numpy(chosen).to(self._device)
        flat = picked.flatten()
        at = self._from[flat]

        def seen(rows: Tensor) -> Tensor:
            return self._rows.index_select(0, rows).view(*picked.shape, -1).transpose(1, 2)

        return TransitionBatch(
            seen(at),
            seen(at + self._reach[flat]),
            *(
                array[flat].view(picked.shape)
                for array in (self._actions, self._rewards, self._discounts, self._terminated)
            ),
        )
