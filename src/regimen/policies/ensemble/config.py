"""How members become one policy, as a config file names it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.reprs import short_config


class _Combination(BaseModel):
    """What all ways of combining share: they are frozen, and show what is not as usual."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __repr__(self) -> str:
        return short_config(self)


class MeanConfig(_Combination):
    """The mean of the members' probabilities where all of them say probabilities, else of their exposures."""

    kind: Literal["mean"] = Field("mean", description="The plain mean.")


class StackConfig(_Combination):
    """How much each member's log-probabilities count is learned from predictions of rows that it had not seen."""

    kind: Literal["stack"] = Field("stack", description="A logistic regression on out-of-fold log-probabilities.")
    folds: int = Field(
        5, ge=2, le=50, description="Purged folds of the training slice; each member is fitted without each."
    )
    l2: float = Field(10.0, gt=0.0, description="Penalty on the weights, in rows of the training slice.")


_HALF_LIFE = Field(
    500.0, gt=0.0, description="Bars after which a P&L counts half in the scale that makes losses of P&L."
)


class HedgeConfig(_Combination):
    """Exposures weighted by ``exp(−η × what the member lost so far)``, which loses little more than the best member."""

    kind: Literal["hedge"] = Field("hedge", description="Exponential weights; all members' results are seen.")
    horizon: int | None = Field(
        None, ge=1, description="Bars that there will be, for the rate √(8 ln K / T); null: √(8 ln K / t) at bar t."
    )
    scale_half_life: float = _HALF_LIFE


class ThompsonConfig(_Combination):
    """One member at a time trades, drawn by the probability that it is the best; nothing is forgotten."""

    kind: Literal["thompson"] = Field("thompson", description="Thompson sampling; all members' results are seen.")
    draw_every: int = Field(24, ge=1, description="Bars that a drawn member trades before there is another draw.")
    scale_half_life: float = _HALF_LIFE


class DiscountedThompsonConfig(_Combination):
    """Thompson sampling that forgets, for members whose order changes."""

    kind: Literal["discounted_thompson"] = Field(
        "discounted_thompson", description="Thompson sampling on results that fade."
    )
    draw_every: int = Field(24, ge=1, description="Bars that a drawn member trades before there is another draw.")
    discount: float = Field(
        0.995, gt=0.0, lt=1.0, description="What earlier results are multiplied by at each bar; .995: 138 bars halve."
    )
    scale_half_life: float = _HALF_LIFE


MixingConfig = HedgeConfig | ThompsonConfig | DiscountedThompsonConfig
"""Ways that mix exposures by weights which change from bar to bar."""
CombineConfig = Annotated[
    MeanConfig | StackConfig | HedgeConfig | ThompsonConfig | DiscountedThompsonConfig, Field(discriminator="kind")
]
"""Every way of combining members; ``kind`` says which."""
