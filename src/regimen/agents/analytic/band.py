"""A policy that is a band around the position: outside it trades towards the nearer edge, inside it does nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from regimen.agents.analytic.differentiable import Band
from regimen.envs import EnvSpec
from regimen.learning import Activation, perceptron


class _Bounded(torch.autograd.Function):
    """Clamps, but lets the gradient through as if it did not, up to one half-range beyond a bound.

    A clamp that stops gradients is a trap: where the best position is the bound itself, only noise that points inside
    would arrive, and the edge would be pushed off the bound. Farther out only what points back inside is let through.
    """

    @staticmethod
    def forward(context: Any, raw: Tensor, low: float, high: float) -> Tensor:
        context.save_for_backward(raw)
        context.bounds = low, high
        return raw.clamp(low, high)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (raw,), (low, high), (gradient,) = context.saved_tensors, context.bounds, gradients
        slack = 0.5 * (high - low)
        outward = ((raw > high + slack) & (gradient < 0.0)) | ((raw < low - slack) & (gradient > 0.0))
        return gradient.masked_fill(outward, 0.0), None, None


@final
class BandPolicy(nn.Module):
    """x_t = x_{t−1} + ρ·(clamp(x_{t−1}, lower, upper) − x_{t−1}); the network gives both edges and ρ of what is shown.

    Inside the band nothing is traded, not a little: the best rule under a proportional cost. A band without width is
    a target, approached at the rate ρ: the best rule under a quadratic cost. The network does not see the position, so
    all bars of an unroll go through it in one call; and 0 ≤ ∂x_t/∂x_{t−1} ≤ 1, so that no gradient explodes on its way
    back, however long, which that of a network that reads its own last position does.

    The edges are two outputs, sorted. They begin almost together, so that every bar trades and so has a gradient: a
    band that covers all positions has none, and is where this agent can get stuck.

    Args:
        spec: of the environment.
        inputs: columns that the network sees.
        hidden: widths of its hidden layers.
        activation: between them.
        rate: first ρ.

    Source: the band under proportional costs is Davis and Norman's (1990), as a network Imaki et al. 2021 (arXiv
    2103.01775, there around a known hedge); the rate is Gârleanu and Pedersen's (2013).
    """

    def __init__(self, spec: EnvSpec, inputs: int, hidden: Sequence[int], activation: Activation, rate: float) -> None:
        super().__init__()
        self.spec = spec
        self.body = perceptron(inputs, 3, hidden, activation, 0.01)
        head = self.body[-1]
        assert isinstance(head, nn.Linear)
        with torch.no_grad():
            head.bias[2] = math.log(rate / (1.0 - rate))

    def forward(self, x: Tensor) -> Band:
        """Returns the band (...), float64, of inputs (..., column)."""
        raw = self.body(x.flatten(0, -2)).reshape(*x.shape[:-1], 3).double()
        middle, half = 0.5 * (self.spec.low + self.spec.high), 0.5 * (self.spec.high - self.spec.low)
        edges: Tensor = _Bounded.apply(middle + half * raw[..., :2], self.spec.low, self.spec.high)  # type: ignore[no-untyped-call]
        one, other = edges.unbind(-1)
        return Band(torch.minimum(one, other), torch.maximum(one, other), raw[..., 2].sigmoid())
