"""`AuxiliaryConfig`: which auxiliary tasks an agent learns, how far ahead, and how much they weigh."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Task = Literal["return", "volatility", "volume", "regime", "action"]
CLASSES: dict[str, int] = {"volume": 3, "regime": 4}
"""Classes of the tasks that have some; those of ``action`` are the levels."""


class AuxiliaryConfig(BaseModel):
    """What is foretold from the memory beside value and policy: λ Σ L over the tasks.

    Raises:
        ConfigError: no task, one twice, or a value out of its range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tasks: tuple[Task, ...] = Field(
        default=("return", "volatility"),
        min_length=1,
        description="return, volatility (log, of the next bars), volume (its tercile), regime (rising or falling, calm "
        "or not), action (the best in hindsight)",
    )
    horizon: int = Field(default=1, ge=1, description="bars ahead that the return is of; the others see 16 at least")
    weight: float = Field(default=0.1, gt=0.0, description="of each task's loss beside the agent's own")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.tasks)) < len(self.tasks):
            raise ValueError(f"tasks must each be named once; got {', '.join(self.tasks)}")
        return self
