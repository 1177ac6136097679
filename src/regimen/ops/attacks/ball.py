"""The ball in which an attack moves a row: ``x' = x + ε u``, where u is in the unit ball of a norm.

With an ε of its own for each feature the ball of the 2 norm is an ellipsoid, ``|(x' − x) / ε|₂ ≤ 1``, over all features
and rows of a window together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from regimen.errors import ConfigError, DataError

Norm = Literal["inf", "2"]
"""``inf``: no number moves by more than its ε; ``2``: the Euclidean length of the move is at most ε."""

Losses = Callable[[Tensor], Tensor]
"""``losses(x) -> (n,)``: the loss of each row of x, which the attack raises."""

_TINY = 1e-30


def per_feature(epsilon: float | Tensor, x: Tensor) -> Tensor:
    """Returns ε of each feature (features,), of the type and on the device of x.

    Raises:
        ConfigError: an ε that is negative or not finite, or none above 0.
        DataError: x without rows of features, or not as many ε as features.
    """
    if x.ndim < 2 or not x.is_floating_point():
        raise DataError("x", "must be floating rows (n, features) or windows (n, window, features)", tuple(x.shape))
    radius = torch.as_tensor(epsilon, dtype=x.dtype, device=x.device)
    if radius.ndim > 0 and tuple(radius.shape) != tuple(x.shape[-1:]):
        raise DataError("epsilon", f"must be one number, or {x.shape[-1]}", tuple(radius.shape))
    if not bool(torch.isfinite(radius).all()) or bool((radius < 0.0).any()) or not bool((radius > 0.0).any()):
        raise ConfigError("epsilon", "must not be negative, and must be above 0 for some feature", radius.tolist())
    return radius.expand(x.shape[-1:])


def steepest(gradient: Tensor, norm: Norm) -> Tensor:
    """Returns the move u of norm 1 along which a loss with this gradient rises most, for each row."""
    if norm == "inf":
        return gradient.sign()
    return gradient / length(gradient).clamp_min(_TINY)


def within(u: Tensor, norm: Norm) -> Tensor:
    """Returns the nearest move of norm 1 or less, for each row."""
    if norm == "inf":
        return u.clamp(-1.0, 1.0)
    return u / length(u).clamp_min(1.0)


def anywhere(x: Tensor, norm: Norm, random: torch.Generator) -> Tensor:
    """Returns moves that are uniform in the unit ball, one for each row of x."""
    if norm == "inf":
        return torch.rand(x.shape, generator=random, dtype=x.dtype, device=x.device) * 2.0 - 1.0
    direction = torch.randn(x.shape, generator=random, dtype=x.dtype, device=x.device)
    share = torch.rand(len(x), generator=random, dtype=x.dtype, device=x.device) ** (1.0 / max(1, x[0].numel()))
    return steepest(direction, norm) * over(share, x)


def moved(x: Tensor, u: Tensor, epsilon: Tensor) -> Tensor:
    """Returns ``x + ε u``; what rounding would put beyond the move is put before it."""
    move = epsilon * u
    there = x + move
    return torch.where((there - x).abs() > move.abs(), torch.nextafter(there, x), there)


def length(u: Tensor) -> Tensor:
    """Returns the Euclidean length of each row, over all else of it, to divide it by: (n, 1, …)."""
    return over(torch.linalg.vector_norm(u.flatten(1), dim=1), u)


def over(values: Tensor, x: Tensor) -> Tensor:
    """Returns values (n,) with as many axes as x, so that each stands for a row of it."""
    return values.reshape(-1, *(1 for _ in x.shape[1:]))


def raised(losses: Losses, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the losses (n,) of the rows there, and their gradient in the rows.

    Raises:
        DataError: losses that are not one for each row.
    """
    with torch.enable_grad():
        leaf = rows.detach().requires_grad_()
        values = losses(leaf)
        require_losses(values, x)
        (gradient,) = torch.autograd.grad(values.sum(), leaf)
    return values.detach(), gradient


def require_losses(values: Tensor, x: Tensor) -> None:
    """Raises `DataError` unless there is one loss for each row."""
    if tuple(values.shape) != (len(x),):
        raise DataError("losses", f"must be one for each of the {len(x)} rows", tuple(values.shape))
