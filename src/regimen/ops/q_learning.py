"""Targets of deep Q-learning, plain and double."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from regimen.errors import DataError
from regimen.ops.checks import require_alike, require_batch, require_flags, require_fraction

__all__ = ["double_dqn_target", "dqn_target"]


def dqn_target(
    rewards: Tensor, terminated: Tensor, next_q: Tensor, gamma: float, legal: Tensor | None = None
) -> Tensor:
    """Returns ``y = r + γ·max_a Q'(x', a)``, (batch,), without a gradient.

    Where the episode terminated, ``y = r`` and the successor is not read. A cut episode bootstraps from its own
    final observation.

    Args:
        rewards: (batch,).
        terminated: (batch,) bool.
        next_q: (batch, action), the target network at the successor.
        gamma: the discount.
        legal: (batch, action) bool, the actions that are allowed at the successor, or None. Where the episode
            terminated there may be none.

    Raises:
        DataError: where shapes differ, flags are not boolean, there is no row, or nothing is allowed.
        ConfigError: where γ is outside [0, 1].

    Source: Mnih et al. 2015, *Human-level control through deep reinforcement learning*, algorithm 1.
    """
    return double_dqn_target(rewards, terminated, next_q, next_q, gamma, legal)


@torch.no_grad()
def double_dqn_target(
    rewards: Tensor,
    terminated: Tensor,
    next_q_online: Tensor,
    next_q_target: Tensor,
    gamma: float,
    legal: Tensor | None = None,
) -> Tensor:
    """Returns ``y = r + γ·Q'(x', argmax_a Q(x', a))``, (batch,): one network chooses, the other values.

    Args:
        rewards: (batch,).
        terminated: (batch,) bool.
        next_q_online: (batch, action), the learner at the successor.
        next_q_target: (batch, action), the target network there.
        gamma: the discount.
        legal: (batch, action) bool, or None; see `dqn_target`.

    Raises:
        DataError: where shapes differ, flags are not boolean, there is no row, or nothing is allowed.
        ConfigError: where γ is outside [0, 1].

    Source: van Hasselt et al. 2016, arXiv 1509.06461, equation 4 and section "Double DQN".
    """
    require_batch(rewards=rewards, terminated=terminated)
    require_batch(next_q_online=next_q_online, next_q_target=next_q_target)
    require_flags(terminated=terminated)
    require_fraction(gamma=gamma)
    if next_q_online.ndim != rewards.ndim + 1:
        raise DataError("next_q", "must be (batch, action)", tuple(next_q_online.shape))
    require_alike(**{"rewards": rewards, "next_q[..., 0]": next_q_online[..., 0]})
    chosen = next_q_online
    if legal is not None:
        require_alike(next_q_online=next_q_online, legal=legal)
        require_flags(legal=legal)
        if not bool((legal.any(-1) | terminated).all()):
            raise DataError("legal", "must allow at least one action in every row that did not terminate")
        chosen = chosen.masked_fill(~legal, -math.inf)
    best = chosen.argmax(-1, keepdim=True)
    future = gamma * next_q_target.gather(-1, best)[..., 0]
    return rewards + future.masked_fill(terminated, 0.0)
