"""Rows drawn so that every class is seen equally often."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.seams import Sampler
from regimen.training.recipes.recipe import Task
from regimen.training.samplers import balanced


class BalancedConfig(BaseModel):
    """As many rows an epoch as there are, drawn with replacement; every class that occurs is equally likely."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replaces_sampler: ClassVar[bool] = True

    kind: Literal["balanced"] = Field("balanced", description="Every class equally often.")

    def sampler(self, below: Sampler, task: Task) -> Sampler:
        """Returns `regimen.training.balanced` of the rows; what is below is not asked."""
        del below
        return balanced(task.data.y_train, task.batch_size)
