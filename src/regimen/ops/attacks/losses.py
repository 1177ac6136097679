"""What attacks raise, besides the loss that a model was trained on: of logits (n, class), one number for each row."""

from __future__ import annotations

import torch
from torch import Tensor

from regimen.errors import DataError

_FEWEST = 3
_TINY = 1e-12


def class_margin(logits: Tensor, y: Tensor) -> Tensor:
    """Returns ``max_{k ≠ y} z_k − z_y``, (n,): above 0 where the row is given another class.

    Args:
        logits: (n, class), of two classes or more.
        y: (n,) int64.

    Raises:
        DataError: shapes that do not fit.
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or y.shape != logits.shape[:1]:
        raise DataError("logits, y", "must be (n, class) and (n,)", (tuple(logits.shape), tuple(y.shape)))
    own = logits.gather(1, y[:, None])[:, 0]
    others = logits.scatter(1, y[:, None], -torch.inf)
    return others.max(1).values - own


def difference_of_logits_ratio(logits: Tensor, y: Tensor) -> Tensor:
    """Returns ``(max_{k ≠ y} z_k − z_y) / (z_(1) − z_(3))``, (n,), where z_(k) is the k-th largest.

    Unlike cross-entropy it does not change when all logits are multiplied, so that a model which is very sure of itself
    has gradients that are no smaller.

    Args:
        logits: (n, class), of three classes or more: with two the ratio is ±1 everywhere.
        y: (n,) int64.

    Raises:
        DataError: fewer than three classes, or shapes that do not fit.

    Source: Croce & Hein 2020, arXiv 2003.01690, equation 6, with the other sign of DLR: it is raised.
    """
    if logits.ndim == 2 and logits.shape[1] < _FEWEST:
        raise DataError("logits", "must be of three classes or more: with two the ratio never changes", logits.shape[1])
    top = logits.topk(_FEWEST, dim=-1).values
    return class_margin(logits, y) / (top[:, 0] - top[:, 2] + _TINY)


def kl_divergence(log_p: Tensor, logits: Tensor) -> Tensor:
    """Returns ``Σ p (log p − log q)`` with ``q = softmax(logits)``, (n,); of an ensemble the mean of its members'.

    Args:
        log_p: (n, class), or (n, member, class): log-probabilities.
        logits: of the same shape.

    Raises:
        DataError: shapes that differ.
    """
    if log_p.shape != logits.shape or log_p.ndim < 2:
        raise DataError("logits", f"must have the shape of log_p, {tuple(log_p.shape)}", tuple(logits.shape))
    rows = (log_p.exp() * (log_p - torch.log_softmax(logits, -1))).sum(-1)
    return rows if rows.ndim == 1 else rows.flatten(1).mean(1)
