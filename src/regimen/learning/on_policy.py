"""What the agents that learn from rollouts do alike: collecting, advantages, and the numbers of an iteration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.envs import EnvSpec, VectorEnv
from regimen.errors import RunError
from regimen.learning.actor_critic import ActorCritic
from regimen.learning.agent import copy_observation
from regimen.learning.bonus.bonus import Bonus
from regimen.learning.rollout import Rollout
from regimen.ops import arrays


class Steps(Protocol):
    """What `advantages` reads of a rollout, each (time, lane)."""

    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


Cut = tuple[NDArray[np.int64], NDArray[np.int64], Tensor]
"""Rows and lanes (n,) of steps that cut an episode, and inputs (n, width) of what was seen last there."""


class Acted(Steps, Protocol):
    """What `reward_novelty` reads of a rollout besides.

    Attributes:
        inputs: (time + 1, lane, width) what the network was given, the last of it after the last step.
        raw: (time, lane, ...) actions as they were drawn.
    """

    inputs: Tensor
    raw: Tensor


def draw_noise(spec: EnvSpec, shape: tuple[int, int], random: np.random.Generator) -> Tensor:
    """Returns what a rollout's actions (time, lane) are drawn with: uniform for choices, else normal (..., size)."""
    if spec.choices is not None:
        return torch.from_numpy(random.random(shape, np.float32))
    return torch.from_numpy(random.standard_normal((*shape, spec.size), np.float32))


@final
@dataclass(frozen=True, eq=False)
class Normaliser:
    """What observations are normalised by, frozen.

    Attributes:
        shift, factor: (width,) subtracted, then multiplied.
        limit: of what comes out.
    """

    shift: Tensor
    factor: Tensor
    limit: float

    def write(self, rows: NDArray[np.float32], into: Tensor) -> None:
        """Writes rows (..., width), normalised, into a tensor of their shape."""
        torch.sub(torch.from_numpy(rows), self.shift, out=into).mul_(self.factor).clamp_(-self.limit, self.limit)


@torch.no_grad()
def collect(network: ActorCritic, env: VectorEnv, rollout: Rollout, noise: Tensor, normaliser: Normaliser) -> float:
    """Fills a rollout: steps every lane, from what ``observations[0]`` shows, as the policy draws.

    Args:
        network: acts.
        env: lanes with autoreset.
        rollout: of as many lanes.
        noise: of `draw_noise`.
        normaliser: of the observations.

    Returns:
        The mean reward.

    Raises:
        RunError: an observation or a reward that is not finite.
    """
    spec = env.spec
    rollout.begin()
    normaliser.write(rollout.observations[0], rollout.inputs[0])
    for t in range(rollout.shape[0]):
        output = network.actor(rollout.inputs[t])
        raw = network.sample(output, noise[t])
        rollout.outputs[t], rollout.raw[t] = output, raw
        seen, reward, terminated, truncated, info = env.step(network.to_env(raw).numpy())
        rollout.rewards[t], rollout.terminated[t], rollout.truncated[t] = reward, terminated, truncated
        if truncated.any():
            rollout.keep_final(t, info["final_observation"])
        copy_observation(spec, seen, rollout.observations[t + 1])
        normaliser.write(rollout.observations[t + 1], rollout.inputs[t + 1])
    return mean_reward(rollout.rewards)


def minibatches(random: np.random.Generator, batch: Sequence[Tensor], size: int) -> Iterator[tuple[Tensor, ...]]:
    """Yields all rows of a batch once, in random order, in pieces alike of at most so many rows."""
    rows = len(batch[0])
    order = torch.from_numpy(random.permutation(rows))
    for chosen in order.tensor_split(-(-rows // size)):
        yield tuple(part.index_select(0, chosen) for part in batch)


def mean_reward(rewards: NDArray[Any]) -> float:
    """Returns the mean of a rollout's rewards.

    Raises:
        RunError: it is not finite.
    """
    mean = float(rewards.mean(dtype=np.float64))
    if not math.isfinite(mean):
        raise RunError("env: reward", "must be finite", mean)
    return mean


def reward_novelty(bonus: Bonus, rollout: Acted, cut: Cut | None) -> Mapping[str, float]:
    """Adds what a bonus pays to a rollout's rewards, and lets it learn; an end in ruin is paid nothing.

    Args:
        bonus: what pays.
        rollout: as it was collected.
        cut: where episodes were cut, and the inputs of what was seen last there; None where none was.

    Returns:
        The numbers of the bonus.
    """
    successors = rollout.inputs[1:].clone()
    if cut is not None:
        rows, lanes, finals = cut
        successors[rows, lanes] = finals
    goes_on = torch.from_numpy(~rollout.terminated).flatten()
    batch = rollout.inputs[:-1].flatten(0, 1)[goes_on], rollout.raw.flatten(0, 1)[goes_on]
    reached = successors.flatten(0, 1)[goes_on]
    paid = torch.zeros(len(goes_on))
    paid[goes_on] = bonus.score(*batch, reached)
    rollout.rewards += paid.view(rollout.rewards.shape).numpy()
    return bonus.improve(*batch, reached)


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
    divergence: float,
    clipped: Sequence[float],
    explained: float,
    losses: Sequence[float],
    rate: float,
    norms: Sequence[float] = (),
) -> dict[str, float]:
    """Returns the numbers of an `Iteration`: of the last minibatch, of the last epoch, before the updates, of all.

    The norms of the gradients, before they were clipped, are of all updates; without them there is no such number.
    """
    return {
        "approximate_kl": divergence,
        "clip_fraction": float(np.mean(clipped)),
        "explained_variance": explained,
        "loss": float(np.mean(losses)),
        "learning_rate": rate,
        **({"gradient_norm": float(np.mean(norms))} if norms else {}),
    }
