"""A few perceptrons computed together, with their gradients written out: the networks of off-policy agents."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from regimen.learning.flat import flattened

Trace = list[Tensor]
"""What a forward pass leaves for the backward pass: the input of every layer."""


@final
class Perceptrons(nn.Module):
    """A few multilayer perceptrons of one shape, computed together: every layer is one batched product.

    Linear, ReLU, …, Linear. A batch lies in the last axis, so that a layer is ``weight @ x``: with few outputs that is
    several times faster than ``x @ weight``. Weights ``weight_i`` (member, out, in) and biases ``bias_i`` (member, out,
    1) are views of one vector, so that an optimiser or a moving average is a few operations. Calling the module is
    ordinary torch, with or without autograd; `gradients` and `input_gradient` do what autograd would, for less.

    Args:
        members: number of networks.
        inputs: width of their input.
        outputs: width of their output.
        hidden: widths of the hidden layers.
        gain: of the last layer's weights; those inside have √2, all are orthogonal.

    Attributes:
        flat: every weight and bias, (parameter,).
        slope: of the same shape: the gradient, which `gradients` fills and ``grad`` of the parameters looks at.
    """

    def __init__(self, members: int, inputs: int, outputs: int, hidden: Sequence[int], gain: float) -> None:
        super().__init__()
        self._layers: list[tuple[nn.Parameter, nn.Parameter]] = []
        for place, (before, after) in enumerate(itertools.pairwise([inputs, *hidden, outputs])):
            weight, bias = torch.empty(members, after, before), torch.zeros(members, after, 1)
            for member in weight:
                nn.init.orthogonal_(member, gain if place == len(hidden) else math.sqrt(2.0))
            self._layers.append((nn.Parameter(weight), nn.Parameter(bias)))
            for name, parameter in zip(("weight", "bias"), self._layers[-1], strict=True):
                self.register_parameter(f"{name}_{place}", parameter)
        self.flat, self.slope = flattened(self)

    def forward(self, x: Tensor, trace: Trace | None = None) -> Tensor:
        """Returns outputs (member, outputs, batch).

        Args:
            x: inputs (inputs, batch), the same for every member, or (member, inputs, batch), each its own.
            trace: an empty list, filled with what the backward pass needs.
        """
        x = x.expand(len(self._layers[0][0]), *x.shape[-2:])
        for place, (weight, bias) in enumerate(self._layers):
            if trace is not None:
                trace.append(x)
            x = torch.baddbmm(bias, weight, x)
            if place < len(self._layers) - 1:
                x = x.relu_()
        return x

    def load_members(self, weights: Tensor) -> None:
        """Gives every member its weights (member, parameter), each row laid out as `flat` of a single member is."""
        first = 0
        for parameter in self.parameters():
            size = parameter[0].numel()
            parameter.data.copy_(weights[:, first : first + size].view(parameter.shape))
            first += size

    def gradients(self, trace: Trace, slope: Tensor) -> None:
        """Fills `slope` with d loss/d weights, given d loss/d outputs (member, outputs, batch)."""
        for place in range(len(self._layers) - 1, -1, -1):
            weight, bias = self._layers[place]
            torch.bmm(slope, trace[place].transpose(1, 2), out=weight.grad)
            torch.sum(slope, 2, keepdim=True, out=bias.grad)
            if place:
                slope = torch.bmm(weight.transpose(1, 2), slope).mul_(trace[place].sign())

    def input_gradient(self, trace: Trace, slope: Tensor) -> Tensor:
        """Returns d loss/d inputs (member, inputs, batch); `slope` of the weights stays what it was."""
        for place in range(len(self._layers) - 1, -1, -1):
            slope = torch.bmm(self._layers[place][0].transpose(1, 2), slope)
            if place:
                slope.mul_(trace[place].sign())
        return slope
