"""The settings of the detectors of change."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ChangesConfig(BaseModel):
    """How often all detectors together may ring though nothing changes, and how long they look."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    level: float = Field(
        0.05, gt=0.0, lt=0.5, description="Share of periods in which anything rings, while nothing changes."
    )
    period: int | None = Field(None, ge=8, description="Bars of a period; null: those of a month.")
    window: int = Field(72, ge=8, description="Values of a stream whose mean is compared with those of training.")
    checks: int = Field(6, ge=1, le=64, description="Looks at a stream while a window passes.")

    @model_validator(mode="after")
    def _checks_share_the_window(self) -> Self:
        if self.window % self.checks:
            raise ValueError(f"window must be a multiple of checks, {self.checks}; got {self.window}")
        return self

    def bars(self, periods_per_year: float) -> int:
        """Returns the bars of a period.

        Args:
            periods_per_year: bars a year, as the judge counts them.
        """
        return self.period if self.period is not None else max(round(periods_per_year / 12.0), 8)
