"""Choices among finitely many actions, some of which may be forbidden.

``logits`` are (..., action), unnormalised. ``legal`` is a boolean array of the same shape, or None where everything is
allowed; a forbidden action has probability 0, no entropy and no gradient. A NaN stays in its row.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from regimen.errors import DataError
from regimen.ops.checks import require_alike, require_flags

__all__ = [
    "categorical_entropy",
    "categorical_log_prob",
    "categorical_log_probs",
    "categorical_mode",
    "categorical_sample",
]


def categorical_log_probs(logits: Tensor, legal: Tensor | None = None) -> Tensor:
    """Returns the log-probability of every action, (..., action); minus infinity where forbidden.

    Raises:
        DataError: where shapes differ, ``legal`` is not boolean, or a row allows nothing.
    """
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise DataError("logits", "must be (..., action) with at least one action", tuple(logits.shape))
    if legal is not None:
        require_alike(logits=logits, legal=legal)
        require_flags(legal=legal)
        if not bool(legal.any(-1).all()):
            raise DataError("legal", "must allow at least one action in every row")
        logits = logits.masked_fill(~legal, -math.inf)
    return torch.log_softmax(logits, dim=-1)


def categorical_log_prob(logits: Tensor, action: Tensor, legal: Tensor | None = None) -> Tensor:
    """Returns the log-probability of ``action``, (...); minus infinity where it is forbidden.

    Args:
        logits: (..., action).
        action: (...) int64, 0 up to the number of actions.
        legal: (..., action) bool, or None.

    Raises:
        DataError: where shapes differ, ``action`` is not int64, ``legal`` is not boolean, or a row allows nothing.
        RuntimeError: where an action's number is out of range; from torch.
    """
    log_probs = categorical_log_probs(logits, legal)
    require_alike(**{"logits[..., 0]": logits[..., 0], "action": action})
    if action.dtype != torch.int64:
        raise DataError("action", "must be int64", str(action.dtype))
    return log_probs.gather(-1, action[..., None])[..., 0]


def categorical_entropy(logits: Tensor, legal: Tensor | None = None) -> Tensor:
    """Returns ``−Σ p·log p`` over the actions that are allowed, (...), in nats: at most the log of their number.

    Raises:
        DataError: where shapes differ, ``legal`` is not boolean, or a row allows nothing.
    """
    log_probs = categorical_log_probs(logits, legal)
    finite = log_probs.masked_fill(log_probs == -math.inf, 0.0)  # 0 · log 0 is 0, and so is its gradient
    return -(log_probs.exp() * finite).sum(-1)


@torch.no_grad()
def categorical_sample(logits: Tensor, uniform: Tensor, legal: Tensor | None = None) -> Tensor:
    """Draws an action by inverting the cumulative probabilities, (...) int64. Forbidden ones are never drawn.

    Args:
        logits: (..., action).
        uniform: (...), in [0, 1); from the caller's generator, so that the draw is seeded.
        legal: (..., action) bool, or None.

    Raises:
        DataError: where shapes differ, ``legal`` is not boolean, or a row allows nothing.
    """
    log_probs = categorical_log_probs(logits, legal)
    require_alike(**{"logits[..., 0]": logits[..., 0], "uniform": uniform})
    cumulative = log_probs.exp().cumsum(-1)
    cumulative = cumulative / cumulative[..., -1:]  # ends at exactly 1, above every uniform
    return (cumulative <= uniform[..., None]).sum(-1)


@torch.no_grad()
def categorical_mode(logits: Tensor, legal: Tensor | None = None) -> Tensor:
    """Returns the most probable action, (...) int64; the first of equals.

    Raises:
        DataError: where shapes differ, ``legal`` is not boolean, or a row allows nothing.
    """
    return categorical_log_probs(logits, legal).argmax(-1)
