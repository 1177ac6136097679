"""What the agents that learn from rollouts do alike: noise, advantages, and the numbers of an iteration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.envs import EnvSpec
from regimen.errors import RunError
from regimen.ops import arrays


class Steps(Protocol):
    """What `advantages` reads of a rollout, each (time, lane)."""

    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


def draw_noise(spec: EnvSpec, shape: tuple[int, int], random: np.random.Generator) -> Tensor:
    """Returns what a rollout's actions (time, lane) are drawn with: uniform for choices, else normal (..., size)."""
    if spec.choices is not None:
        return torch.from_numpy(random.random(shape, np.float32))
    return torch.from_numpy(random.standard_normal((*shape, spec.size), np.float32))


def mean_reward(rewards: NDArray[np.float32]) -> float:
    """Returns the mean of a rollout's rewards.

    Raises:
        RunError: it is not finite.
    """
    mean = float(rewards.mean(dtype=np.float64))
    if not math.isfinite(mean):
        raise RunError("env: reward", "must be finite", mean)
    return mean


def advantages(
    rollout: Steps,
    values: NDArray[np.float32],
    after: NDArray[np.float32],
    finals: NDArray[np.float32],
    gamma: float,
    gae_lambda: float,
) -> NDArray[np.float32]:
    """Returns generalised advantages (time, lane).

    Args:
        rollout: rewards and flags.
        values: (time, lane) of what was acted on.
        after: (lane,) of what was seen after the last step.
        finals: (time, lane) of the last observation where an episode was cut; elsewhere not read.
        gamma: discount of a step.
        gae_lambda: λ.
    """
    values = np.ascontiguousarray(values)
    successors = arrays.successor_values(values, after, rollout.truncated, finals)
    flags = rollout.terminated, rollout.truncated
    return arrays.gae(rollout.rewards, values, successors, *flags, gamma, gae_lambda)


def iteration_numbers(
    divergence: float, clipped: Sequence[float], explained: float, losses: Sequence[float], rate: float
) -> dict[str, float]:
    """Returns the numbers of an `Iteration`: of the last minibatch, of the last epoch, before the updates, of all."""
    return {
        "approximate_kl": divergence,
        "clip_fraction": float(np.mean(clipped)),
        "explained_variance": explained,
        "loss": float(np.mean(losses)),
        "learning_rate": rate,
    }
