"""The kinds of actions and of rewards, as a config file names them: no compiled step is here.

An exposure is a signed fraction of the equity that a symbol would have if it traded alone. The *target in force* is the
last one decided; where a rule reads it, the observation shows it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.settings import FORMER_NAMES

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

LOG_WEALTH, MEAN_VARIANCE, DIFFERENTIAL_SHARPE, ROLLING_SHARPE = 0, 1, 2, 3
FLOOR = 1e-6
"""Wealth below this share of the starting equity counts as this share: ruin is worth ln(1e-6), not −∞."""


class _Reward(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    scale: float = Field(default=1.0, gt=0.0, description="multiplies the whole reward; networks like about 1")
    drawdown_penalty: float = Field(default=0.0, ge=0.0, description="subtracted per unit of growing drawdown")
    turnover_penalty: float = Field(default=0.0, ge=0.0, description="subtracted per unit of turnover, besides costs")


class LogWealthConfig(_Reward):
    """``ln(equity after / equity before)``: adds up to the log growth of the episode."""

    kind: Literal["log_wealth"] = Field(default="log_wealth", description="log growth of the equity")


class MeanVarianceConfig(_Reward):
    """``R − λ/2·R²`` of the simple return R."""

    kind: Literal["mean_variance"] = Field(default="mean_variance", description="return less a charge on its square")
    risk_aversion: float = Field(default=1.0, ge=0.0, description="λ; 1 is close to log wealth, 0 is risk-neutral")


class DifferentialSharpeConfig(_Reward):
    """The differential Sharpe ratio; see `differential_sharpe`."""

    kind: Literal["differential_sharpe"] = Field(default="differential_sharpe", description="marginal Sharpe ratio")
    rate: float = Field(default=0.01, gt=0.0, lt=1.0, description="η of the moments' exponential means")
    variance_floor: float = Field(
        default=1e-8, gt=0.0, description="smallest variance of a bar's return: a deviation of 1e-4"
    )


class RollingSharpeConfig(_Reward):
    """Sharpe ratio of the last bars; see `rolling_sharpe` for why not to train with it."""

    model_config = ConfigDict(alias_generator=FORMER_NAMES, validate_by_name=True)

    kind: Literal["rolling_sharpe"] = Field(default="rolling_sharpe", description="rolling Sharpe ratio, per bar")
    bars: int = Field(default=100, ge=2, le=100_000, description="bars whose returns it is of, the newest last")


RewardConfig = Annotated[
    LogWealthConfig | MeanVarianceConfig | DifferentialSharpeConfig | RollingSharpeConfig,
    Field(discriminator="kind"),
]

REWARDS = {
    LogWealthConfig: LOG_WEALTH,
    MeanVarianceConfig: MEAN_VARIANCE,
    DifferentialSharpeConfig: DIFFERENTIAL_SHARPE,
    RollingSharpeConfig: ROLLING_SHARPE,
}
