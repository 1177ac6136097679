"""Actions become target exposures: the configs of the three kinds and the compiled rule of each.

An exposure is a signed fraction of the equity that a symbol would have if it traded alone. The *target in
force* is the last one decided; where a rule reads it, the observation shows it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.jit import jit_step

CONTINUOUS, LEVELS, VERBS = 0, 1, 2


class Verb(IntEnum):
    """What a trader may say to one position."""

    HOLD = 0
    BUY_SMALL = 1
    BUY_MEDIUM = 2
    BUY_LARGE = 3
    SELL_PARTIAL = 4
    SELL_ALL = 5
    ADD_TO_WINNER = 6


@jit_step
def continuous_target(action: float, target: float, dead_band: float, smoothing: float) -> float:
    """Returns ``smoothing·target + (1 − smoothing)·action``, or the target in force within the dead band of it.

    Args:
        action: the exposure asked for.
        target: the one in force.
        dead_band: an action nearer to the target than this changes nothing.
        smoothing: share of the old target that stays; 0 follows the action at once.
    """
    if abs(action - target) < dead_band:
        return target
    return smoothing * target + (1.0 - smoothing) * action


@jit_step
def verb_target(
    verb: int, target: float, winning: bool, small: float, medium: float, large: float, partial: float, add: float
) -> float:
    """Returns the target after a verb, never above 1; an add to what does not win is a hold.

    Args:
        verb: see `Verb`.
        target: exposure in force, in [0, 1].
        winning: whether the position is open and has gained since it was opened.
        small, medium, large, add: what the verb adds, an exposure.
        partial: share of the target that a partial sale sells.
    """
    if verb == 1:
        return min(1.0, target + small)
    if verb == 2:
        return min(1.0, target + medium)
    if verb == 3:
        return min(1.0, target + large)
    if verb == 4:
        return target * (1.0 - partial)
    if verb == 5:
        return 0.0
    if verb == 6 and winning:
        return min(1.0, target + add)
    return target


class _Actions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ContinuousConfig(_Actions):
    """One number per symbol: the target exposure."""

    kind: Literal["continuous"] = Field(default="continuous", description="a target exposure")
    long_only: bool = Field(default=False, description="actions in [0, 1] instead of [-1, 1]")
    dead_band: float = Field(default=0.0, ge=0.0, lt=2.0, description="a smaller change of the exposure is ignored")
    smoothing: float = Field(default=0.0, ge=0.0, lt=1.0, description="share of the old target that stays")

    @property
    def low(self) -> float:
        """Smallest action."""
        return 0.0 if self.long_only else -1.0

    @property
    def high(self) -> float:
        """Largest action."""
        return 1.0

    @property
    def shows_target(self) -> bool:
        """Whether the rule reads the target in force, so that the observation must show it."""
        return self.dead_band > 0.0 or self.smoothing > 0.0


class LevelsConfig(_Actions):
    """One index per symbol into a list of exposures."""

    kind: Literal["levels"] = Field(default="levels", description="an index into fixed exposures")
    levels: tuple[float, ...] = Field(default=(-1.0, 0.0, 1.0), min_length=2, description="the exposures, rising")

    @model_validator(mode="after")
    def _rise_within_one(self) -> Self:
        rising = all(a < b for a, b in zip(self.levels, self.levels[1:], strict=False))
        if not rising or self.levels[0] < -1.0 or self.levels[-1] > 1.0:
            raise ValueError("levels must rise and lie in [-1, 1]")
        return self

    @property
    def low(self) -> float:
        """Smallest action."""
        return 0.0

    @property
    def high(self) -> float:
        """Largest action."""
        return len(self.levels) - 1.0

    @property
    def shows_target(self) -> bool:
        """The rule has no memory."""
        return False


class VerbsConfig(_Actions):
    """One of the seven verbs per symbol, long only; see `Verb`."""

    kind: Literal["verbs"] = Field(default="verbs", description="one of seven verbs")
    small: float = Field(default=0.1, gt=0.0, le=1.0, description="what BUY_SMALL adds to the target exposure")
    medium: float = Field(default=0.25, gt=0.0, le=1.0, description="what BUY_MEDIUM adds")
    large: float = Field(default=0.5, gt=0.0, le=1.0, description="what BUY_LARGE adds")
    partial: float = Field(default=0.5, gt=0.0, lt=1.0, description="share of the target that SELL_PARTIAL sells")
    add: float = Field(default=0.2, gt=0.0, le=1.0, description="what ADD_TO_WINNER adds while the position gains")

    @model_validator(mode="after")
    def _sizes_rise(self) -> Self:
        if not self.small < self.medium < self.large:
            raise ValueError("small, medium and large must rise")
        return self

    @property
    def low(self) -> float:
        """Smallest action."""
        return 0.0

    @property
    def high(self) -> float:
        """Largest action."""
        return len(Verb) - 1.0

    @property
    def shows_target(self) -> bool:
        """Verbs are relative to the target in force."""
        return True

    @property
    def sizes(self) -> tuple[float, float, float, float, float]:
        """(small, medium, large, partial, add), as `verb_target` takes them."""
        return self.small, self.medium, self.large, self.partial, self.add


ActionConfig = Annotated[ContinuousConfig | LevelsConfig | VerbsConfig, Field(discriminator="kind")]
