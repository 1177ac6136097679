"""The settings of the drift alarm."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class DriftConfig(BaseModel):
    """How feature rows are compared with those of the training slice; see `DriftReference` for the statistic."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: int | None = Field(
        None, ge=8, description="Bars that are compared with the training slice; null: those of a month."
    )
    checks: int = Field(
        4, ge=1, le=64, description="Looks at the latest window while a window passes; 1: once, at its end."
    )
    bins: int = Field(10, ge=2, le=100, description="Quantile bins of each column, besides one for missing values.")
    level: float = Field(
        0.05, gt=0.0, lt=0.5, description="Share of windows that ring, at any of their checks, while nothing changes."
    )
    worst: int = Field(5, ge=1, description="Columns that a reading names, those furthest from their usual first.")

    @model_validator(mode="after")
    def _checks_share_the_window(self) -> Self:
        if self.window is not None and self.window % self.checks:
            raise ValueError(f"window must be a multiple of checks, {self.checks}; got {self.window}")
        return self

    def bars(self, periods_per_year: float) -> int:
        """Returns the bars of a window: ``window``, or those of a month, as a multiple of the checks.

        Args:
            periods_per_year: bars a year, as the judge counts them.
        """
        if self.window is not None:
            return self.window
        return max(round(periods_per_year / 12.0 / self.checks), -(-8 // self.checks)) * self.checks
