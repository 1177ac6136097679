"""How the losses of several tasks become one: fixed weights, learned uncertainties, or gradients that do not conflict.

``losses`` is (task,), a non-negative scalar of each task.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from regimen.errors import DataError
from regimen.ops.checks import require_alike, require_batch, require_flags

__all__ = ["pcgrad", "uncertainty_weighted"]


def uncertainty_weighted(losses: Tensor, log_variances: Tensor, classification: Tensor) -> Tensor:
    """Returns ``Σ c·exp(−s)·L + ½·s`` with c = 1 for classification and ½ for regression; a scalar.

    s is learned with the networks. For a fixed loss the minimum is at ``s* = log L`` (regression) or ``s* = log 2L``
    (classification): there each task has the weight 1/(2L), so the unit of a loss no longer matters, and the sum is
    ``½·Σ log L`` up to a constant. It can be negative; a loss that reaches 0 drives its s to −∞.

    Args:
        losses: (task,); carry the gradients. Not negative, or s has no minimum. For a regression the mean squared
            error, or another deviance.
        log_variances: s = log σ², (task,); a parameter that starts at 0.
        classification: (task,) bool, on the same device.

    Raises:
        DataError: where shapes differ, there is no task, or the flags are not boolean.

    Source: Kendall et al. 2018, arXiv 1705.07115, equations 7 and 10, the latter with its softmax approximation.
    """
    _require_tasks(losses)
    require_alike(losses=losses, log_variances=log_variances, classification=classification)
    require_flags(classification=classification)
    factor = torch.where(classification, 1.0, 0.5).to(losses.dtype)
    return (factor * (-log_variances).exp() * losses + 0.5 * log_variances).sum()


def pcgrad(losses: Tensor, parameters: Iterable[Tensor], orders: Tensor) -> Tensor:
    """Returns ``Σ L`` whose gradient in ``parameters`` is made of the tasks' gradients without their conflicts.

    Task i's gradient g meets the other tasks' gradients g_j in the order ``orders[i]``; where ``g·g_j < 0`` it loses
    that part: ``g ← g − (g·g_j / g_j·g_j)·g_j``. The result is the sum over the tasks. Where no two gradients conflict
    it is the plain gradient, bit for bit. Parameters that are not named, such as the heads, keep the plain gradient.

    Every task costs a backward pass. Without gradients (validation) it is the plain sum.

    Args:
        losses: (task,), of one graph, weighted as wanted.
        parameters: what the tasks share.
        orders: (task, task) int64, each row a permutation of the tasks; from the caller's generator, so that it is
            seeded. A task's own number in its row means nothing.

    Raises:
        DataError: no task, or orders that are no permutations.

    Source: Yu et al. 2020, arXiv 2001.06782, algorithm 1.
    """
    _require_tasks(losses)
    count = len(losses)
    everyone = torch.arange(count, device=orders.device)
    if orders.shape != (count, count) or not bool((orders.sort(1).values == everyone).all()):
        raise DataError("orders", f"must be {count} permutations of the {count} tasks", tuple(orders.shape))
    total = losses.sum()
    shared = [parameter for parameter in parameters if parameter.requires_grad]
    if not torch.is_grad_enabled() or not shared:
        return total
    flat = torch.stack([_gradient(loss, shared) for loss in losses])  # (task, parameter)
    change = _without_conflicts(flat, orders) - flat.sum(0)
    # linear in the parameters, so that its gradient is the change; its own value is taken away again
    linear = torch.cat([parameter.reshape(-1) for parameter in shared]) @ change
    return total + (linear - linear.detach())


def _gradient(loss: Tensor, parameters: list[Tensor]) -> Tensor:
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([gradient.reshape(-1) for gradient in gradients])


def _without_conflicts(gradients: Tensor, orders: Tensor) -> Tensor:
    """Returns the sum (parameter,) of the rows (task, parameter), each freed of its conflicts with the others."""
    sizes = gradients.square().sum(1).tolist()
    kept = gradients.clone()
    for task, order in enumerate(orders.tolist()):
        for other in order:
            along = float(kept[task] @ gradients[other])
            if other != task and along < 0.0:
                kept[task] -= (along / sizes[other]) * gradients[other]
    return kept.sum(0)


def _require_tasks(losses: Tensor) -> None:
    require_batch(losses=losses)
    if losses.ndim != 1:
        raise DataError("losses", "must be a vector, one scalar of each task", tuple(losses.shape))
