"""Perceptrons that are fast on a processor: every activation is one pass over memory, and nothing is kept twice.

On float32 rows of a processor `Perceptron` takes its own way, with autograd or without; on everything else (another
type or device, an export) it is the `nn.Sequential` that it looks like. The two agree to rounding: the tanh here is
within 4e-7 of the exact one. Its own way has first derivatives only; torch refuses a second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen.jit import jit

Activation = Literal["tanh", "relu"]
Rows = NDArray[np.float32]

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}
_BLOCK = 2048
"""Rows that are taken through all layers at once, so that what one layer writes the next reads from the cache."""

_F = np.float32
_END = _F(9.0)
_P0, _P1, _P2, _P3, _P4 = (_F(c) for c in (1.0, 1.33810256e-1, 3.49558812e-3, 2.06090826e-5, 1.33546624e-8))
_Q1, _Q2, _Q3, _Q4 = (_F(c) for c in (4.67143412e-1, 2.58769821e-2, 3.28563482e-4, 7.77655860e-7))
_ONE, _ZERO = _F(1.0), _F(0.0)


@jit
def add_tanh(rows: Rows, bias: Rows) -> None:
    """Replaces rows (n, width) by tanh(rows + bias), in place; NaN stays NaN.

    x·P(x²)/Q(x²), fitted to tanh(x)/x on [0, 9] for the least relative error (2e-8); beyond ±9 the tanh is ±1.
    """
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            x = rows[i, j] + bias[j]
            if x > _END:
                x = _END
            if x < -_END:
                x = -_END
            u = x * x
            above = (((_P4 * u + _P3) * u + _P2) * u + _P1) * u + _P0
            below = (((_Q4 * u + _Q3) * u + _Q2) * u + _Q1) * u + _ONE
            y = x * above / below
            if y > _ONE:
                y = _ONE
            if y < -_ONE:
                y = -_ONE
            rows[i, j] = y


@jit
def add_relu(rows: Rows, bias: Rows) -> None:
    """Replaces rows (n, width) by max(rows + bias, 0), in place; NaN stays NaN."""
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            x = rows[i, j] + bias[j]
            if x < _ZERO:
                x = _ZERO
            rows[i, j] = x


@jit
def tanh_slope(gradient: Rows, active: Rows, total: Rows) -> None:
    """Takes the gradient (n, width) back through the tanh, in place, and adds its column sums to ``total``."""
    for i in range(gradient.shape[0]):
        for j in range(gradient.shape[1]):
            g = gradient[i, j] * (_ONE - active[i, j] * active[i, j])
            gradient[i, j] = g
            total[j] += g


@jit
def relu_slope(gradient: Rows, active: Rows, total: Rows) -> None:
    """Like `tanh_slope`, through the rectifier, whose slope at 0 is 0."""
    for i in range(gradient.shape[0]):
        for j in range(gradient.shape[1]):
            g = gradient[i, j]
            if active[i, j] <= _ZERO:
                g = _ZERO
            gradient[i, j] = g
            total[j] += g


_FORWARD = {"tanh": add_tanh, "relu": add_relu}
_BACKWARD = {"tanh": tanh_slope, "relu": relu_slope}


def _forward(x: Tensor, activation: Activation, parameters: Sequence[Tensor], keep: bool) -> list[Tensor]:
    """Returns the active rows of every hidden layer and the output of the last.

    Args:
        x: (rows, inputs).
        activation: between the layers.
        parameters: weight and bias of each layer, by turns.
        keep: all rows of the hidden layers; else their place is used again for every block.
    """
    weights, biases = parameters[0::2], parameters[1::2]
    count = x.shape[0]
    kept = count if keep else min(count, _BLOCK)
    hidden = [x.new_empty((kept, weight.shape[0])) for weight in weights[:-1]]
    output = x.new_empty((count, weights[-1].shape[0]))
    if count <= _BLOCK:
        _forward_block(x, activation, weights, biases, hidden, output)
        return [*hidden, output]
    for start in range(0, count, _BLOCK):
        block = slice(start, min(start + _BLOCK, count))
        place = block if keep else slice(block.stop - start)
        _forward_block(x[block], activation, weights, biases, [layer[place] for layer in hidden], output[block])
    return [*hidden, output]


def _forward_block(
    rows: Tensor,
    activation: Activation,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    hidden: Sequence[Tensor],
    output: Tensor,
) -> None:
    """Takes rows through all layers, into ``hidden`` and ``output``."""
    activate = _FORWARD[activation]
    for into, weight, bias in zip(hidden, weights, biases, strict=False):
        torch.mm(rows, weight.t(), out=into)
        activate(into.numpy(), bias.detach().numpy())
        rows = into
    torch.addmm(biases[-1], rows, weights[-1].t(), out=output)


class _Layers(torch.autograd.Function):
    """The chain of layers as one node of autograd's graph."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, activation: Activation, *parameters: Tensor) -> Tensor:
        *hidden, output = _forward(x.detach(), activation, parameters, keep=True)
        ctx.activation, ctx.hidden = activation, hidden
        ctx.save_for_backward(x, *parameters[0::2])
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, *weights = ctx.saved_tensors
        slope = _BACKWARD[ctx.activation]
        inputs = [x, *ctx.hidden]
        of_weights = [torch.zeros_like(weight) for weight in weights]
        of_biases = [weight.new_zeros(len(weight)) for weight in weights]
        sums = [each.numpy() for each in of_biases]
        of_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        torch.sum(gradient, 0, out=of_biases[-1])
        for start in range(0, len(x), _BLOCK):
            block = slice(start, start + _BLOCK)
            flow = gradient[block]
            for n in range(len(weights) - 1, -1, -1):
                rows = inputs[n][block]
                of_weights[n].addmm_(flow.t(), rows)
                if n:
                    flow = torch.mm(flow, weights[n])
                    slope(flow.numpy(), rows.numpy(), sums[n - 1])
                elif of_x is not None:
                    torch.mm(flow, weights[0], out=of_x[block])
        pairs = [each for pair in zip(of_weights, of_biases, strict=True) for each in pair]
        return of_x, None, *pairs


@final
class Perceptron(nn.Sequential):
    """Linear, activation, …, Linear.

    Args:
        layers: of the chain, linear ones and activations of one kind by turns.
        activation: which kind.
    """

    def __init__(self, layers: list[nn.Module], activation: Activation) -> None:
        super().__init__(*layers)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Returns (..., outputs) of inputs (..., inputs)."""
        parameters = [each for layer in self if isinstance(layer, nn.Linear) for each in (layer.weight, layer.bias)]
        first = parameters[0]
        fast = x.dtype == first.dtype == torch.float32 and x.device.type == first.device.type == "cpu" and x.numel() > 0
        if not fast or torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            plain: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return plain
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        if torch.is_grad_enabled():
            output: Tensor = _Layers.apply(rows, self.activation, *parameters)  # type: ignore[no-untyped-call]
        else:
            output = _forward(rows, self.activation, parameters, keep=False)[-1]
        return output.view(*x.shape[:-1], output.shape[-1])
