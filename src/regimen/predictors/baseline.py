"""BaselineMLP: the small network that the larger models are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from regimen.predictors.settings import PredictorSettings

if TYPE_CHECKING:
    from regimen.nets import MLP


class BaselineConfig(PredictorSettings):
    """60 → 128 → 64 → 3 with a layer norm after each hidden layer: 16,643 parameters."""

    kind: Literal["baseline"] = Field("baseline", description="Multi-layer perceptron with layer norms.")
    hidden: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = Field(
        (128, 64), min_length=1, description="Width of each hidden layer."
    )
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Probability of zeroing a hidden unit while training.")
    activation: Literal["relu", "gelu", "silu", "tanh"] = Field(
        "relu", description="Non-linearity after each layer norm."
    )
    orthogonal: bool = Field(
        True,
        description="Start from orthogonal weights (gain √2, in the head 0.01: nearly equal probabilities).",
    )

    def module(self, inputs: int, classes: int) -> MLP:
        """Returns the network with fresh weights."""
        from regimen.nets import MLP

        return MLP(
            inputs,
            classes,
            self.hidden,
            activation=self.activation,
            dropout=self.dropout,
            orthogonal=self.orthogonal,
        )
