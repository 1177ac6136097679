"""What is minimised (the loop's third seam) and what happens to a batch before it (the second)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from regimen.predictors import logits_of
from regimen.seams import Batch, Objective


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


@final
@dataclass(frozen=True, eq=False)
class Classification:
    """Cross-entropy to the smoothed class, each row weighted by ``weights x class_weights[y]``.

    Attributes:
        class_weights: (classes,) on the training device; None means 1.
    """

    class_weights: Tensor | None = None

    def __call__(self, module: nn.Module, batch: Batch) -> Tensor:
        """Returns the mean loss of the rows."""
        return weighted_mean(direction_losses(module(batch.x), batch, self.class_weights), batch.weights)


def classification(class_weights: Tensor | None = None) -> Objective:
    """The default objective: cross-entropy to the smoothed class, each row weighted by ``weights x class_weights[y]``.

    Args:
        class_weights: (classes,) on the training device; None means 1. The sum is divided by the row weights
            alone, so weights whose mean over the training rows is 1 keep the size of the loss.
    """
    return Classification(class_weights)


class LearnsMore(Protocol):
    """A predictor's config whose model learns more than the class."""

    def losses(self, output: Any, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns each further task's losses (n,), by its name, of the module's output and its targets (n,)."""

    def combine(self, module: nn.Module, losses: dict[str, Tensor]) -> Tensor:
        """Returns the one loss from each task's mean loss; ``direction`` is the class's."""


def joint(model: LearnsMore, class_weights: Tensor | None = None) -> Objective:
    """The objective of a model that learns more than the class: its tasks' mean losses, combined in its own way.

    Args:
        model: the predictor's config.
        class_weights: of the class; see `classification`.
    """

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        if not batch.targets:
            raise ValueError("targets must be given to a model that learns more than the class")
        output = module(batch.x)
        rows = {"direction": direction_losses(logits_of(output), batch, class_weights)}
        rows |= model.losses(output, batch.targets)
        return model.combine(module, {name: weighted_mean(row, batch.weights) for name, row in rows.items()})

    return loss


def direction_losses(logits: Tensor, batch: Batch, class_weights: Tensor | None = None) -> Tensor:
    """Returns what each row's class costs, (n,): cross-entropy, or the Bayes risk where ``batch.costs`` are given.

    With q the shares of the row's classes, smoothed by ``batch.smoothing``, and π the softmax of the logits, the
    cross-entropy is ``-Σ_y q_y log π_y`` and the risk ``Σ_y q_y Σ_a π_a C(y, a)``.

    Args:
        logits: (n, classes); of an ensemble (n, member, classes), whose losses are the mean of its members'.
        batch: the rows.
        class_weights: (classes,) what a row of each class counts; None means 1.
    """
    if batch.shares is None and batch.costs is None:
        if logits.ndim == 3:
            rows, members, classes = logits.shape
            each = cross_entropy(logits.reshape(-1, classes), batch.y.repeat_interleave(members), batch.smoothing)
            losses = each.view(rows, members).mean(1)
        else:
            losses = cross_entropy(logits, batch.y, batch.smoothing)
        return losses if class_weights is None else losses * class_weights[batch.y]
    classes = logits.shape[-1]
    shares = functional.one_hot(batch.y, classes).to(logits.dtype) if batch.shares is None else batch.shares
    wanted = (1.0 - batch.smoothing) * shares + batch.smoothing / classes
    if batch.costs is None:
        per_class = -torch.log_softmax(logits, dim=-1)
    else:
        per_class, wanted = torch.softmax(logits, dim=-1), (wanted[:, :, None] * batch.costs).sum(1)
    if logits.ndim == 3:
        per_class = per_class.mean(1)  # both losses are linear in it
    losses = (wanted * per_class).sum(1)
    return losses if class_weights is None else losses * (shares * class_weights).sum(1)
