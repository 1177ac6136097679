"""The policy gradient, what its advantages are scaled by, and the mean over valid rows that every loss here takes."""

from __future__ import annotations

import torch
from torch import Tensor

from regimen.errors import DataError
from regimen.ops.checks import require_alike, require_batch, require_flags

__all__ = ["masked_mean", "normalise_advantages", "policy_gradient_loss"]


def masked_mean(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns the mean of the entries where ``mask`` is true; without a mask, of all. What is masked may be NaN.

    Args:
        values: any shape.
        mask: bool of the same shape; false in the padding of sequences of unequal length.

    Raises:
        DataError: where shapes differ, the mask is not boolean, or no entry is left.
    """
    require_batch(values=values)
    if mask is None:
        return values.mean()
    total = kept(values, mask).sum()
    count = mask.sum()
    if int(count) == 0:
        raise DataError("mask", "must leave at least one entry")
    return total / count


def kept(values: Tensor, mask: Tensor | None) -> Tensor:
    """Returns the values with 0 where masked, value and gradient; losses take it **before** their arithmetic.

    After it would be too late: behind a masked result a NaN still turns the gradient's 0 into NaN.

    Raises:
        DataError: where shapes differ or the mask is not boolean.
    """
    if mask is None:
        return values
    require_alike(values=values, mask=mask)
    require_flags(mask=mask)
    return values.masked_fill(~mask, 0.0)


@torch.no_grad()
def normalise_advantages(advantages: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns ``(A − mean) / sd`` over all entries, with the population's sd; masked entries become 0.

    Advantages that differ by no more than rounding have nothing to say and become 0, where a division by their sd
    would blow noise up to size 1. A NaN makes every entry NaN. The result carries no gradient.

    Args:
        advantages: any shape; one minibatch.
        mask: bool of the same shape, or None.

    Raises:
        DataError: where shapes differ, the mask is not boolean, or no entry is left.

    Source: a common practice that PPO's paper does not name; Andrychowicz et al. 2021, arXiv 2006.05990, C67.
    """
    centred = kept(advantages - masked_mean(advantages, mask), mask)
    size = kept(advantages.abs(), mask)
    deviation = masked_mean(centred.square(), mask).sqrt()
    rounding = 8.0 * torch.finfo(advantages.dtype).eps * size.max()
    return torch.where(deviation <= rounding, torch.zeros_like(centred), centred / deviation)


def policy_gradient_loss(log_prob: Tensor, advantages: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns ``−mean(A·log π(a|x))``, whose negative gradient is the policy gradient; a scalar.

    Args:
        log_prob: ``log π(a|x)`` of the actions taken, any shape; carries the gradient.
        advantages: of the same shape; held fixed.
        mask: bool of the same shape, or None.

    Raises:
        DataError: where shapes differ, the mask is not boolean, or no entry is left.

    Source: Williams (1992); Sutton et al. (2000), theorem 1.
    """
    require_batch(log_prob=log_prob, advantages=advantages)
    return -masked_mean(kept(advantages.detach(), mask) * kept(log_prob, mask), mask)
