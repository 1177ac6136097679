"""Soft actor-critic: the target of the twin critics, and the losses of critics, actor and temperature."""

from __future__ import annotations

import torch
from torch import Tensor

from regimen.ops.checks import require_batch, require_flags, require_fraction

__all__ = ["sac_actor_loss", "sac_critic_loss", "sac_target", "sac_temperature_loss"]


@torch.no_grad()
def sac_target(
    rewards: Tensor,
    terminated: Tensor,
    next_q1: Tensor,
    next_q2: Tensor,
    next_log_prob: Tensor,
    alpha: float | Tensor,
    gamma: float,
) -> Tensor:
    """Returns ``y = r + γ·(min(Q'₁, Q'₂) − α·log π(a'|x'))``, (batch,), without a gradient.

    Where the episode terminated, ``y = r`` and the successor is not read: it may be NaN. Truncation is no argument:
    a cut episode bootstraps like any other row, from its own final observation, which the replay must have kept.

    Args:
        rewards: (batch,).
        terminated: (batch,) bool.
        next_q1: (batch,), the first target critic at the successor and at an action ``a'`` drawn there anew.
        next_q2: (batch,), the second.
        next_log_prob: (batch,), ``log π(a'|x')``.
        alpha: the temperature, a number or a tensor of one element.
        gamma: the discount.

    Raises:
        DataError: where shapes differ, the flags are not boolean, or there is no row.
        ConfigError: where γ is outside [0, 1].

    Source: Haarnoja et al. 2018, arXiv 1812.05905, equations 2, 3 and section 6 (the minimum of two critics).
    """
    require_batch(rewards=rewards, terminated=terminated, next_q1=next_q1, next_q2=next_q2, next_log_prob=next_log_prob)
    require_flags(terminated=terminated)
    require_fraction(gamma=gamma)
    future = gamma * (torch.minimum(next_q1, next_q2) - float(alpha) * next_log_prob)
    return rewards + future.masked_fill(terminated, 0.0)


def sac_critic_loss(q1: Tensor, q2: Tensor, target: Tensor) -> Tensor:
    """Returns ``½·mean((Q₁ − y)²) + ½·mean((Q₂ − y)²)``, a scalar.

    Args:
        q1: (batch,), the first critic at the actions that were taken; carries the gradient, like ``q2``.
        q2: (batch,).
        target: (batch,), ``y``; held fixed.

    Raises:
        DataError: where shapes differ or there is no row.

    Source: Haarnoja et al. 2018, arXiv 1812.05905, equation 5.
    """
    require_batch(q1=q1, q2=q2, target=target)
    target = target.detach()
    return 0.5 * ((q1 - target).square().mean() + (q2 - target).square().mean())


def sac_actor_loss(log_prob: Tensor, q1: Tensor, q2: Tensor, alpha: float | Tensor) -> Tensor:
    """Returns ``mean(α·log π(a|x) − min(Q₁, Q₂))``, a scalar.

    The actions are drawn by reparametrisation (`squashed_sample`), so that the critics' gradient reaches the actor
    through them. That gradient also falls on the critics' weights: zero it, or freeze them.

    Args:
        log_prob: (batch,), of the action drawn.
        q1: (batch,), the first critic at that action.
        q2: (batch,), the second.
        alpha: the temperature, a number or a tensor of one element; held fixed.

    Raises:
        DataError: where shapes differ or there is no row.

    Source: Haarnoja et al. 2018, arXiv 1812.05905, equation 7 with section 6.
    """
    require_batch(log_prob=log_prob, q1=q1, q2=q2)
    weight = alpha.detach() if isinstance(alpha, Tensor) else alpha
    return (weight * log_prob - torch.minimum(q1, q2)).mean()


def sac_temperature_loss(log_alpha: Tensor, log_prob: Tensor, target_entropy: float) -> Tensor:
    """Returns ``−α·mean(log π(a|x) + target_entropy)``, a scalar: α rises while the entropy is below its target.

    Args:
        log_alpha: one element, ``log α``, so that α stays positive; carries the gradient.
        log_prob: (batch,), of actions drawn now; held fixed.
        target_entropy: in nats. The paper takes −(number of action dimensions). The entropy of one action in
            (−1, 1) cannot exceed log 2 = 0.693; a higher target drives α to infinity.

    Raises:
        DataError: where ``log_alpha`` is not one element or there is no row.

    Source: Haarnoja et al. 2018, arXiv 1812.05905, equation 18.
    """
    require_batch(log_prob=log_prob)
    require_batch(one=log_prob.new_zeros(1), log_alpha=log_alpha.reshape(-1))
    return -log_alpha.exp().sum() * (log_prob.detach().mean() + target_entropy)
