"""The ways to make labels, as a config file names them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.settings import FORMER_NAMES


class FixedHorizonConfig(BaseModel):
    """Labels by the return of holding for ``horizon`` bars, open to open."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=FORMER_NAMES, validate_by_name=True)

    kind: Literal["fixed_horizon"] = "fixed_horizon"
    horizon: int = Field(default=5, ge=1, description="Bars that the position is held, from open to open.")
    dead_band: float = Field(
        default=0.5,
        ge=0.0,
        allow_inf_nan=False,
        description="HOLD when the return is within ± this many trailing volatilities × sqrt(horizon).",
    )
    volatility_bars: int = Field(
        default=50, ge=2, description="Span in bars of the exponentially weighted trailing volatility."
    )
    entry_lag: int = Field(
        default=1,
        ge=1,
        description="Bars from the decision to the open at which it is entered; same-bar is impossible.",
    )


class TripleBarrierConfig(BaseModel):
    """Labels by the first of three barriers that the path of highs and lows meets."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=FORMER_NAMES, validate_by_name=True)

    kind: Literal["triple_barrier"] = "triple_barrier"
    horizon: int = Field(default=20, ge=1, description="Bars after which the position is closed at the open.")
    upper: float = Field(
        default=3.0,
        gt=0.0,
        allow_inf_nan=False,
        description="Upper barrier above the entry, in trailing volatilities.",
    )
    lower: float = Field(
        default=3.0,
        gt=0.0,
        allow_inf_nan=False,
        description="Lower barrier below the entry, in trailing volatilities.",
    )
    tie: Literal["hold", "lower", "upper"] = Field(
        default="hold",
        description="Label when one bar touches both barriers: hold (side-neutral), lower (a long's stop "
        "came first) or upper (a short's stop came first).",
    )
    vertical_band: float | None = Field(
        default=None,
        ge=0.0,
        allow_inf_nan=False,
        description="When neither barrier is met: null means HOLD; a number means the sign of the return "
        "outside ± this many trailing volatilities × sqrt(horizon).",
    )
    volatility_bars: int = Field(
        default=50, ge=2, description="Span in bars of the exponentially weighted trailing volatility."
    )
    entry_lag: int = Field(
        default=1,
        ge=1,
        description="Bars from the decision to the open at which it is entered; same-bar is impossible.",
    )


LabelsConfig = Annotated[FixedHorizonConfig | TripleBarrierConfig, Field(discriminator="kind")]
"""Every way to make labels; ``kind`` chooses."""
