"""What is minimised (the loop's third seam) and what happens to a batch before it (the second)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Batch(NamedTuple):
    """Rows on the training device.

    Attributes:
        x: (n, inputs) float32.
        y: (n,) int64.
        weights: (n,) float32, the weight of each row's loss.
    """

    x: Tensor
    y: Tensor
    weights: Tensor


Transform = Callable[[Batch, torch.Generator], Batch]
"""``transform(batch, generator) -> batch`` on training batches only. All of its randomness comes from the
generator (on the batch's device), which depends on (seed, window, epoch) only."""

Objective = Callable[[nn.Module, Batch], Tensor]
"""``objective(module, batch) -> scalar loss``: the mean over the batch by ``batch.weights``. Also called in
evaluation mode without gradients on the validation rows, where the weights are 1."""


def identity(batch: Batch, generator: torch.Generator) -> Batch:  # noqa: ARG001
    """Returns the batch as it is."""
    return batch


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Returns ``Σ w l / Σ w``, and 0 where every weight is 0.

    Args:
        losses: (n,).
        weights: (n,), not negative.

    Raises:
        ValueError: the shapes differ (torch would broadcast (n, 1) against (n,) without a word).
    """
    if losses.ndim != 1 or losses.shape != weights.shape:
        raise ValueError(f"losses {tuple(losses.shape)} and weights {tuple(weights.shape)} must be vectors alike")
    return (losses * weights).sum() / weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)


def cross_entropy(logits: Tensor, y: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Returns each row's ``-Σ_k q_k log p_k``, ``q = (1 - ε) onehot(y) + ε / classes``.

    Args:
        logits: (n, classes).
        y: (n,) int64.
        label_smoothing: ε.

    Raises:
        ValueError: the shapes do not fit.
    """
    if logits.ndim != 2 or y.shape != logits.shape[:1]:
        raise ValueError(f"logits {tuple(logits.shape)} and y {tuple(y.shape)} must be (n, classes) and (n,)")
    return functional.cross_entropy(logits, y, reduction="none", label_smoothing=label_smoothing)


def classification(class_weights: Tensor | None = None, label_smoothing: float = 0.0) -> Objective:
    """The default objective: cross-entropy, each row weighted by ``weights x class_weights[y]``.

    Args:
        class_weights: (classes,) on the training device; None means 1. The sum is divided by the row weights
            alone, so weights whose mean over the training rows is 1 keep the size of the loss.
        label_smoothing: see `cross_entropy`.
    """

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        losses = cross_entropy(module(batch.x), batch.y, label_smoothing)
        if class_weights is not None:
            losses = losses * class_weights[batch.y]
        return weighted_mean(losses, batch.weights)

    return loss
