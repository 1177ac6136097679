"""Proximal policy optimisation: the clipped surrogate and what is watched beside it, and the entropy term."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from regimen.ops.checks import require_batch, require_positive
from regimen.ops.policy_gradient import kept, masked_mean

__all__ = ["Surrogate", "clipped_surrogate", "entropy_loss"]

_LARGEST_LOG_RATIO = 20.0


class Surrogate(NamedTuple):
    """What `clipped_surrogate` returns, three scalars.

    Attributes:
        loss: to be minimised; the only one with a gradient.
        approximate_kl: mean of ``(w − 1) − log w``, an estimate of KL(π_old ‖ π) that is never negative.
        clip_fraction: the share of entries with ``|w − 1| > clip``.
    """

    loss: Tensor
    approximate_kl: Tensor
    clip_fraction: Tensor


def clipped_surrogate(
    log_prob: Tensor, old_log_prob: Tensor, advantages: Tensor, clip: float, mask: Tensor | None = None
) -> Surrogate:
    """Returns ``−mean(min(w·A, clamp(w, 1 − clip, 1 + clip)·A))`` with ``w = π(a|x)/π_old(a|x)``.

    At w = 1 its gradient is that of `policy_gradient_loss`. An entry whose ratio has left the band on the side that
    its advantage asked for has no gradient; on the other side it keeps it.

    Args:
        log_prob: ``log π(a|x)``, any shape; carries the gradient. Summed over the dimensions of an action.
        old_log_prob: the same under the policy that acted; held fixed.
        advantages: of the same shape; held fixed.
        clip: half-width of the band, 0.2 in the paper.
        mask: bool of the same shape, false in padding, or None.

    Raises:
        DataError: where shapes differ, the mask is not boolean, or no entry is left.
        ConfigError: where ``clip`` is not positive.

    Source: Schulman et al. 2017, arXiv 1707.06347, equation 7; the KL estimate k3 of Schulman, *Approximating KL
    divergence* (2020). Deviation: log ratios beyond ±20, which no useful step makes, are held there without a
    gradient, because an overflow would turn every weight into NaN.
    """
    require_batch(log_prob=log_prob, old_log_prob=old_log_prob, advantages=advantages)
    require_positive(clip=clip)
    log_ratio = kept(log_prob, mask) - kept(old_log_prob.detach(), mask)
    log_ratio = log_ratio.clamp(-_LARGEST_LOG_RATIO, _LARGEST_LOG_RATIO)
    weight = kept(advantages.detach(), mask)
    ratio = log_ratio.exp()
    gain = torch.minimum(ratio * weight, ratio.clamp(1.0 - clip, 1.0 + clip) * weight)
    with torch.no_grad():
        divergence = masked_mean(torch.expm1(log_ratio) - log_ratio, mask)
        clipped = masked_mean(((ratio - 1.0).abs() > clip).to(ratio.dtype), mask)
    return Surrogate(-masked_mean(gain, mask), divergence, clipped)


def entropy_loss(entropy: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns ``−mean(entropy)``, a scalar: times its coefficient it is added to the loss.

    Args:
        entropy: of the policy in each row, any shape, in nats; carries the gradient.
        mask: bool of the same shape, or None.

    Raises:
        DataError: where shapes differ, the mask is not boolean, or no entry is left.

    Source: Schulman et al. 2017, arXiv 1707.06347, equation 9.
    """
    return -masked_mean(entropy, mask)
