"""BaselineMLP: the small network that the larger models are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.predictors.predictor import Predictor, build

if TYPE_CHECKING:
    from regimen.nets import MLP


class BaselineConfig(BaseModel):
    """60 → 128 → 64 → 3 with a layer norm after each hidden layer: 16,643 parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    def build(self, inputs: int = 60, classes: int = 3, seed: int = 0, schema: str = "") -> Predictor:
        """Returns an untrained predictor; see `regimen.predictors.predictor.build`."""
        return build(self, inputs=inputs, classes=classes, seed=seed, schema=schema)

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
