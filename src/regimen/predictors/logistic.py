"""Multinomial logistic regression: the simplest model, which every other one has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.predictors.predictor import Predictor, build

if TYPE_CHECKING:
    from regimen.nets import MLP


class LogisticConfig(BaseModel):
    """``p = softmax(W x + b)``, trained on the common loop; its L2 penalty is the training's weight decay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["logistic"] = Field("logistic", description="Multinomial logistic regression.")
    zero_start: bool = Field(
        True,
        description="Start from zero weights (equal probabilities) instead of small random ones.",
    )

    def build(self, inputs: int = 60, classes: int = 3, seed: int = 0, schema: str = "") -> Predictor:
        """Returns an untrained predictor; see `regimen.predictors.predictor.build`."""
        return build(self, inputs=inputs, classes=classes, seed=seed, schema=schema)

    def module(self, inputs: int, classes: int) -> MLP:
        """Returns one linear layer."""
        from torch import nn

        from regimen.nets import MLP

        module = MLP(inputs, classes, hidden=())
        if self.zero_start:
            nn.init.zeros_(module.head.weight)
            nn.init.zeros_(module.head.bias)
        return module
