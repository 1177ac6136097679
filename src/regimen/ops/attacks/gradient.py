"""Attacks along the gradient: one step (FGSM), and many that stay near (PGD)."""

from __future__ import annotations

import torch
from torch import Tensor

from regimen.errors import ConfigError
from regimen.ops.attacks.ball import (
    Losses,
    Norm,
    anywhere,
    moved,
    over,
    per_feature,
    raised,
    require_losses,
    steepest,
    within,
)

_REACH: dict[Norm, float] = {"inf": 2.5, "2": 5.0}
"""What all steps together are long, in units of ε."""


def fgsm(losses: Losses, x: Tensor, epsilon: float | Tensor) -> Tensor:
    """Returns ``x + ε sign(∇ loss)``: the worst row nearby of a loss that is linear there.

    Args:
        losses: of each row.
        x: rows (n, features), or windows (n, window, features).
        epsilon: in units of x, one number or one for each feature.

    Raises:
        ConfigError, DataError: an ε that is no distance, shapes that do not fit.

    Source: Goodfellow et al. 2015, arXiv 1412.6572.
    """
    radius = per_feature(epsilon, x)
    return moved(x.detach(), raised(losses, x, x)[1].sign(), radius)


def pgd(
    losses: Losses,
    x: Tensor,
    epsilon: float | Tensor,
    *,
    steps: int = 7,
    norm: Norm = "inf",
    restarts: int = 1,
    random: torch.Generator,
) -> Tensor:
    """Returns rows nearby at which the loss is high: from a random place, ``steps`` steps uphill, each put back inside.

    A step is ``2.5 / steps`` of ε, so that every place of the cube can be reached from every other; in the 2 norm it is
    twice that, for there a place at the border has to be turned round. With more than one restart each row is the worst
    of its own, whatever the others' are.

    Args:
        losses: of each row.
        x: rows (n, features), or windows (n, window, features).
        epsilon: in units of x, one number or one for each feature.
        steps: gradients taken.
        norm: of the ball.
        restarts: random places that are begun from.
        random: on the device of x.

    Raises:
        ConfigError, DataError: no step or restart, an ε that is no distance, shapes that do not fit.

    Source: Madry et al. 2018, arXiv 1706.06083.
    """
    for name, number in (("steps", steps), ("restarts", restarts)):
        if number < 1:
            raise ConfigError(name, "must be at least 1", number)
    x, radius = x.detach(), per_feature(epsilon, x)
    size = _REACH[norm] / steps
    worst, highest = x, torch.full((len(x),), -torch.inf, dtype=x.dtype, device=x.device)
    for _ in range(restarts):
        u = anywhere(x, norm, random)
        for _ in range(steps):
            gradient = raised(losses, x, x + radius * u)[1] * radius
            u = within(u + size * steepest(gradient, norm), norm)
        there = moved(x, u, radius)
        if restarts == 1:
            return there
        with torch.no_grad():
            values = losses(there)
        require_losses(values, x)
        better = values > highest
        worst, highest = torch.where(over(better, x), there, worst), torch.where(better, values, highest)
    return worst
