"""The multi-layer perceptron: linear, layer norm, activation, and a linear head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, final

import torch
from torch import Tensor, nn

Activation = Literal["relu", "gelu", "silu", "tanh"]
_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


@final
class MLP(nn.Module):
    """``x -> [Linear -> LayerNorm -> activation -> dropout] * len(hidden) -> Linear``.

    With ``inputs=60, hidden=(128, 64), outputs=3`` it has 16,643 parameters. With ``hidden=()`` it is one
    linear layer, the model of a logistic regression. A row with a NaN gives NaN in that row of the output
    only.

    Args:
        inputs: width of the last axis of the input.
        outputs: width of the last axis of the output.
        hidden: width of each hidden layer.
        activation: the non-linearity after each layer norm.
        dropout: probability of zeroing a hidden unit while training.
        orthogonal: start from orthogonal weights (gain √2 in the hidden layers, 0.01 in the head) and zero
            biases, instead of torch's uniform start. Source: Saxe et al. 2013, arXiv 1312.6120; the small
            head makes the first probabilities nearly equal.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Sequence[int] = (128, 64),
        *,
        activation: Activation = "relu",
        dropout: float = 0.0,
        orthogonal: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = inputs
        for size in hidden:
            layers += [nn.Linear(width, size), nn.LayerNorm(size), _ACTIVATIONS[activation]()]
            if dropout > 0.0:
                layers.append(nn.Dropout(dropout))
            width = size
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear(width, outputs)
        if orthogonal:
            self._make_orthogonal()

    def _make_orthogonal(self) -> None:
        for layer in self.hidden:
            if isinstance(layer, nn.Linear):
                nn.init.orthogonal_(layer.weight, gain=math.sqrt(2.0))
                nn.init.zeros_(layer.bias)
        nn.init.orthogonal_(self.head.weight, gain=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits (..., outputs) of ``x`` (..., inputs)."""
        logits: torch.Tensor = self.head(self.hidden(x))
        return logits
