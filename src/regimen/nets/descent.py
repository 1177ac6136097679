"""The plain loop of steps that fits a small network where no validation slice chooses the epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from regimen.errors import RunError


def descend(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[int], Tensor],
    steps: int,
    rate: float,
    clip: float | None = 1.0,
) -> list[float]:
    """Takes so many steps of Adam down a loss, and returns the losses before each of them.

    For what is fitted below the training loop: autoencoders, generators, world models. All randomness is the loss's.

    Args:
        parameters: that move; others that the loss reads stay as they are.
        loss: of the step's number, from 0: a scalar that has a gradient.
        steps: how many.
        rate: learning rate.
        clip: largest L2 norm of the whole gradient; None: no clipping.

    Raises:
        RunError: the loss is not finite.

    Source: Kingma and Ba, Adam (2015).
    """
    moving = list(parameters)
    optimizer = torch.optim.Adam(moving, lr=rate)
    losses = []
    for step in range(steps):
        value = loss(step)
        losses.append(float(value.detach()))
        if not torch.isfinite(value):
            raise RunError("descent", f"must have a finite loss, but has not at step {step} of {steps}", losses[-1])
        slopes = torch.autograd.grad(value, moving, allow_unused=True)
        for parameter, slope in zip(moving, slopes, strict=True):
            parameter.grad = slope  # those of other parameters stay None
        if clip is not None:
            nn.utils.clip_grad_norm_(moving, clip)
        optimizer.step()
    for parameter in moving:
        parameter.grad = None
    return losses
