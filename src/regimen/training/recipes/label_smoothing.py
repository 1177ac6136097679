"""Classes that are never quite certain, so that no probability is driven to 0 or 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.seams import Batch, Objective
from regimen.training.recipes.recipe import Task

if TYPE_CHECKING:
    from torch import Tensor, nn


class LabelSmoothingConfig(BaseModel):
    """A row's class is learned as ``(1 − ε) onehot(y) + ε / classes``, and the validation loss is measured against it.

    Source: Szegedy et al., Rethinking the Inception architecture for computer vision (2016), section 7.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["label_smoothing"] = Field("label_smoothing", description="Classes that are never quite certain.")
    epsilon: float = Field(0.1, gt=0.0, lt=1.0, description="Share of the target spread evenly over the classes.")

    def objective(self, below: Objective, task: Task) -> Objective:
        """Returns what is below, over batches whose classes are smoothed."""
        del task

        def smoothed(module: nn.Module, batch: Batch) -> Tensor:
            return below(module, batch._replace(smoothing=self.epsilon))

        return smoothed
