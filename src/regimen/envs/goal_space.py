"""`GoalSpace`: which columns are a goal, which show what was achieved, and what is paid for the two."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator


class GoalSpace(BaseModel):
    """What must be known of lanes with goals, to pay a step for another goal than the one that it was made for.

    *Timing:* a step from s to s′ is paid for what is achieved in s′, with the goal that both show.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    goal: tuple[str, ...] = Field(min_length=1, description="columns that show the goal")
    achieved: tuple[str, ...] = Field(description="columns that show what was achieved, in the goal's order")
    tolerance: float = Field(default=0.0, ge=0.0, description="largest distance of each column from its goal")
    reached: float = Field(default=0.0, description="pay of a step to the goal, beside what else it earns")
    missed: float = Field(default=-1.0, description="pay of every other step")
    ends: bool = Field(default=False, description="an episode ends, for good, where its goal is reached")

    @model_validator(mode="after")
    def _each_goal_has_its_column(self) -> Self:
        if len(self.achieved) != len(self.goal):
            raise ValueError(f"achieved must be {len(self.goal)} columns, one for each of goal; got {self.achieved}")
        if self.reached <= self.missed:
            raise ValueError(f"reached must be above missed; got {self.reached:g} and {self.missed:g}")
        return self

    def met(self, achieved: NDArray[Any], goals: NDArray[Any]) -> NDArray[np.bool_]:
        """Returns (...,) whether what was achieved (..., goal) lies within the tolerance of goals (..., goal)."""
        within: NDArray[np.bool_] = (np.abs(achieved - goals) <= self.tolerance).all(-1)
        return within

    def pay(self, met: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Returns what steps that reach their goals or do not (...,) are paid for it."""
        return np.where(met, self.reached, self.missed)
