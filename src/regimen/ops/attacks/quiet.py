"""A scope in which a module can be asked for the gradient of its inputs without being changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def quiet(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, and no gradient into the weights; on leaving, every part is as it was, also after an error.

    An attack in training mode would attack one draw of the dropout; one that goes through the weights' gradients would
    add its own to those of the training step.
    """
    training = [part for part in module.modules() if part.training]
    # one that was computed, as adapted weights are, collects no gradient by itself
    learning = [each for each in module.parameters() if each.requires_grad and each.is_leaf]
    recurrent = any(isinstance(part, nn.RNNBase) for part in module.modules())
    module.eval()
    for parameter in learning:
        parameter.requires_grad_(False)
    # cuDNN has no gradient of a recurrent net in evaluation mode
    cudnn = torch.backends.cudnn.enabled
    torch.backends.cudnn.enabled = cudnn and not recurrent
    try:
        yield
    finally:
        torch.backends.cudnn.enabled = cudnn
        for parameter in learning:
            parameter.requires_grad_(True)
        for part in training:
            part.training = True
