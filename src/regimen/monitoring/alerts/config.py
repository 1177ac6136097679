"""Where alerts go, and what is worth one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Level = Literal["warning", "critical"]


class ThresholdConfig(BaseModel):
    """From where on a number is worth an alert."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min: float | None = Field(None, description="Below this.")
    max: float | None = Field(None, description="Above this.")
    level: Level = Field("warning", description="How much it matters.")

    @model_validator(mode="after")
    def _has_a_side(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("min or max must be given")
        return self


USUAL: dict[str, tuple[ThresholdConfig, ...]] = {
    "drawdown": (ThresholdConfig(max=0.10), ThresholdConfig(max=0.15, level="critical")),
    "daily_loss": (ThresholdConfig(max=0.015),),
    "policy_entropy": (ThresholdConfig(min=0.1, level="critical"),),
    "feed_silence": (ThresholdConfig(max=3.0), ThresholdConfig(max=12.0, level="critical")),
    "slippage_bps": (ThresholdConfig(max=20.0),),
}
"""By number: the drawdown and the loss of the day as fractions of equity, the entropy of the actions
from 0 to 1, bars for which the feed has been silent, and what fills cost beyond the price decided at."""


class AlertsConfig(BaseModel):
    """Where alerts go, and when they are sent again."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    channels: Mapping[str, str] = Field(
        default_factory=dict,
        description="Addresses of Apprise by a name of one's own; ${NAME} stands for a variable of the environment.",
    )
    thresholds: Mapping[str, tuple[ThresholdConfig, ...]] = Field(
        default_factory=lambda: dict(USUAL), description="By number, what is worth an alert."
    )
    cooldown: Annotated[float, Field(ge=0.0)] = Field(
        300.0, description="Seconds after a delivery in which the same alert is counted, and sent as one after them."
    )
    first_retry: float = Field(5.0, gt=0.0, description="Seconds after a failure of a channel until it is tried again.")
    longest_retry: float = Field(
        3600.0, gt=0.0, description="Seconds that this grows to, twice as long after each failure."
    )

    kept_days: float = Field(30.0, ge=0.0, description="Days that an alert which was delivered stays in the file.")

    @model_validator(mode="after")
    def _retries_grow(self) -> Self:
        if self.longest_retry < self.first_retry:
            raise ValueError(f"longest_retry must be at least first_retry, {self.first_retry:g}")
        return self
