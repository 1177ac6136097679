"""PGD whose step follows from how it goes, so that nothing has to be tuned: APGD."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from regimen.errors import ConfigError
from regimen.ops.attacks.ball import Losses, Norm, anywhere, moved, over, per_feature, raised, steepest, within

_MOMENTUM, _ENOUGH = 0.75, 0.75
_FIRST, _SHORTER, _SHORTEST = 0.22, 0.03, 0.06


def apgd(
    losses: Losses,
    x: Tensor,
    epsilon: float | Tensor,
    *,
    steps: int = 50,
    norm: Norm = "inf",
    random: torch.Generator,
) -> Tensor:
    """Returns the worst rows nearby that were met, each row with a step of its own.

    It begins with steps of 2 ε and a momentum. At checkpoints that grow denser, a row whose loss rose in less than
    three quarters of the steps since the last one, or which reached no new height with the same step, halves its step
    and begins again at its worst place.

    Args:
        losses: of each row.
        x: rows (n, features), or windows (n, window, features).
        epsilon: in units of x, one number or one for each feature.
        steps: gradients taken.
        norm: of the ball.
        random: on the device of x.

    Raises:
        ConfigError, DataError: no step, an ε that is no distance, shapes that do not fit.

    Source: Croce & Hein 2020, arXiv 2003.01690, algorithm 1, with ρ = α = 0.75.
    """
    if steps < 1:
        raise ConfigError("steps", "must be at least 1", steps)
    x, radius = x.detach(), per_feature(epsilon, x)
    u = before = worst = anywhere(x, norm, random)
    values, gradient = raised(losses, x, x + radius * u)
    highest, slope = values, gradient
    size = torch.full_like(values, 2.0)
    halved, height = torch.ones_like(values, dtype=torch.bool), highest  # as of the last checkpoint
    rises, since, ends = torch.zeros_like(values), 0, _checkpoints(steps)
    for step in range(1, steps + 1):
        uphill = within(u + over(size, x) * steepest(gradient * radius, norm), norm)
        if step == 1:
            u, before = uphill, u
        else:
            u, before = within(u + _MOMENTUM * (uphill - u) + (1.0 - _MOMENTUM) * (u - before), norm), u
        earlier = values
        values, gradient = raised(losses, x, x + radius * u)
        rises, since = rises + (values > earlier), since + 1
        better = values > highest
        highest, worst = torch.where(better, values, highest), torch.where(over(better, x), u, worst)
        slope = torch.where(over(better, x), gradient, slope)
        if step in ends:
            slow = (rises < _ENOUGH * since) | (~halved & (highest <= height))
            size = torch.where(slow, size / 2.0, size)
            back = over(slow, x)
            u, before = torch.where(back, worst, u), torch.where(back, worst, before)
            gradient, values = torch.where(back, slope, gradient), torch.where(slow, highest, values)
            halved, height = slow, highest
            rises, since = torch.zeros_like(rises), 0
    return moved(x, worst, radius)


def _checkpoints(steps: int) -> set[int]:
    """Returns the steps after which the step is looked at: at shares .22, .41, .57, … of all."""
    shares, gap = [0.0, _FIRST], _FIRST
    while shares[-1] < 1.0:
        gap = max(gap - _SHORTER, _SHORTEST)
        shares.append(shares[-1] + gap)
    return {math.ceil(share * steps) for share in shares[1:]}
