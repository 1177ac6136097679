"""Rows that the model finds easy first: its own loss says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.seams import Batch, Objective
from regimen.training.recipes.recipe import Task

if TYPE_CHECKING:
    from torch import Tensor, nn


class SelfPacedConfig(BaseModel):
    """Of each batch only the share of rows counts whose class costs the model least; the share grows to all.

    The share is ``min(1, start · growth^(epoch − 1))``. What a row's class costs is taken in evaluation mode, before
    the step: its cross-entropy, or its risk where a recipe above says what errors cost. Validation rows all count.

    Source: Kumar, Packer, Koller, Self-paced learning for latent variable models (2010), whose threshold 1/K admits
    half of the rows at first and is raised by 1.3 each iteration; here the share is set, not the threshold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["self_paced"] = Field("self_paced", description="Rows first that the model finds easy.")
    start: float = Field(0.5, gt=0.0, lt=1.0, description="Share of a batch that counts in the first epoch.")
    growth: float = Field(1.3, gt=1.0, allow_inf_nan=False, description="What the share is multiplied by each epoch.")

    def objective(self, below: Objective, task: Task) -> Objective:
        """Returns what is below, over batches in which hard rows count nothing."""
        import torch

        from regimen.predictors import logits_of
        from regimen.training.objectives import direction_losses

        del task

        def paced(module: nn.Module, batch: Batch) -> Tensor:
            share = min(1.0, self.start * self.growth ** (batch.epoch - 1)) if batch.epoch else 1.0
            if share == 1.0:
                return below(module, batch)
            was_training = module.training
            module.eval()
            with torch.no_grad():
                losses = direction_losses(logits_of(module(batch.x)), batch)
            module.train(was_training)
            losses = torch.where(batch.weights > 0.0, losses, torch.full_like(losses, torch.inf))
            rows = int((batch.weights > 0.0).sum())
            threshold = losses.sort().values[max(0, round(share * rows) - 1)]
            return below(module, batch._replace(weights=batch.weights * (losses <= threshold)))

        return paced
