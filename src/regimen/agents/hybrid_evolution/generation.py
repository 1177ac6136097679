"""One generation walks: members, parent and learner on common starts, and what explores for the learner beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen import ops
from regimen.agents.evolution.shares import Shares
from regimen.agents.sac.sac import SAC
from regimen.envs import EnvSpec, VectorEnv
from regimen.learning import Perceptrons, copy_observation, mean_reward, successors_of


@dataclass(frozen=True, eq=False)
class Generation:
    """What a generation earned.

    Attributes:
        contestants: (contestant, lane) mean reward of a step, each on the same starts.
        reward: mean of a step, of all lanes.
    """

    contestants: NDArray[np.float64]
    reward: float


def modes(spec: EnvSpec, outputs: Tensor) -> NDArray[np.float32]:
    """Returns the actors' most probable actions, in SAC's own form, of outputs (contestant, output, lane).

    Returns:
        (contestant · lane, size) in [−1, 1], or choices (contestant · lane, 1).
    """
    if spec.choices is not None:
        return outputs.argmax(1).flatten()[:, None].float().numpy()
    actions: NDArray[np.float32] = ops.squashed_mode(outputs[:, : spec.size]).mT.flatten(0, 1).numpy()
    return actions


@torch.no_grad()
def walk(
    learner: SAC,
    contestants: Perceptrons,
    env: VectorEnv,
    shares: Shares,
    starts: NDArray[np.int64],
    random: np.random.Generator,
) -> Generation:
    """Steps every lane ``rollout_steps`` times; the learner remembers every step of everyone.

    A contestant is judged to the end of its first episode. The learner explores on the lanes that are left.

    Raises:
        RunError: an observation or reward that is not finite.
    """
    spec, steps, members = env.spec, learner.config.rollout_steps, len(next(contestants.parameters()))
    seen, _ = env.reset(starts=starts)
    learner.replay.begin(env.n_envs)
    rows = np.empty((env.n_envs, spec.width), np.float32)
    copy_observation(spec, seen, rows)
    learner.observations.merge(rows)
    acted = np.empty((env.n_envs, 1 if spec.choices else spec.size), np.float32)
    total, paid, going = np.zeros(env.n_envs), 0.0, np.ones(env.n_envs, np.bool_)
    for _ in range(steps):
        x = learner.inputs(torch.from_numpy(rows).T).T
        acted[shares.theirs] = modes(spec, contestants(x[shares.theirs].view(members, -1, spec.width).mT))
        acted[shares.rest] = learner.explore(rows[shares.rest], random)
        seen, reward, terminated, truncated, info = env.step(learner.soft.to_env(acted))
        after = np.empty_like(rows)
        copy_observation(spec, seen, after)
        ended = terminated | truncated
        successors = successors_of(after, ended, info)
        learner.remember(rows, successors, acted, reward, terminated, truncated)
        learner.observations.merge(after)
        total += np.where(going, reward, 0.0)
        going &= ~ended
        paid += mean_reward(np.asarray(reward)) / steps
        rows = after
    return Generation(total[shares.theirs].reshape(members, -1) / steps, paid)
