"""Four answers from one shared trunk: direction, volatility, regime, magnitude."""

from __future__ import annotations

from typing import NamedTuple, final

from torch import Tensor, nn
from torch.nn import functional

from regimen.errors import DataError
from regimen.nets.orthogonal import output_layer
from regimen.nets.shapes import require_positive, require_probability


class Tasks(NamedTuple):
    """What `MultiTaskHead` says.

    Attributes:
        direction: (..., classes), logits.
        volatility: (...), positive, in the unit of its target.
        regime: (..., regimes), logits.
        magnitude: (...), the expected size of the return: positive, in the unit of its target.
    """

    direction: Tensor
    volatility: Tensor
    regime: Tensor
    magnitude: Tensor


@final
class MultiTaskHead(nn.Module):
    """A trunk, Linear -> LayerNorm -> GELU -> dropout, that all tasks share, and one linear head for each.

    Volatility and magnitude pass a softplus, log(1 + eˣ): they are never negative, and no cut stops their gradient.
    They start near log 2 = 0.69, so their targets should be scaled to about 1.

    Args:
        inputs: width of the features; any module that ends in that width can stand before.
        hidden: width of the trunk.
        classes: of the direction.
        regimes: number of regimes.
        dropout: probability of zeroing a number of the trunk while training.

    Raises:
        ConfigError: a size below 1, a dropout outside [0, 1).
    """

    def __init__(
        self, inputs: int, *, hidden: int = 64, classes: int = 3, regimes: int = 3, dropout: float = 0.1
    ) -> None:
        super().__init__()
        require_positive(inputs=inputs, hidden=hidden, classes=classes, regimes=regimes)
        require_probability(dropout=dropout)
        self.inputs = inputs
        self.trunk = nn.Sequential(nn.Linear(inputs, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Dropout(dropout))
        self.direction = output_layer(hidden, classes)
        self.volatility = output_layer(hidden, 1)
        self.regime = output_layer(hidden, regimes)
        self.magnitude = output_layer(hidden, 1)

    def forward(self, features: Tensor) -> Tasks:
        """Returns the four answers to features (..., inputs); a row with a NaN spoils only itself.

        Raises:
            DataError: another width.
        """
        if features.shape[-1:] != (self.inputs,):
            raise DataError("features", f"must have the shape (..., {self.inputs})", tuple(features.shape))
        shared = self.trunk(features)
        return Tasks(
            self.direction(shared),
            functional.softplus(self.volatility(shared)).squeeze(-1),
            self.regime(shared),
            functional.softplus(self.magnitude(shared)).squeeze(-1),
        )
