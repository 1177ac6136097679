"""Multinomial logistic regression: the simplest model, which every other one has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from regimen.predictors.settings import PredictorSettings

if TYPE_CHECKING:
    from regimen.nets import MLP


class LogisticConfig(PredictorSettings):
    """``p = softmax(W x + b)``, trained on the common loop; its L2 penalty is the training's weight decay."""

    kind: Literal["logistic"] = Field("logistic", description="Multinomial logistic regression.")
    zero_start: bool = Field(
        True,
        description="Start from zero weights (equal probabilities) instead of small random ones.",
    )

    def module(self, inputs: int, classes: int) -> MLP:
        """Returns one linear layer."""
        from torch import nn

        from regimen.nets import MLP

        module = MLP(inputs, classes, hidden=())
        if self.zero_start:
            nn.init.zeros_(module.head.weight)
            nn.init.zeros_(module.head.bias)
        return module
