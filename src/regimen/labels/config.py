"""The ways to make labels, as a config file names them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from regimen.errors import ConfigError
from regimen.own import OwnSource, require_settings
from regimen.settings import FORMER_NAMES

CostsInLabels = Annotated[
    Literal["none", "round_trip"],
    Field(
        exclude_if=lambda costs: costs == "none",  # so it is written, and known, as before there were any
        description="round_trip: HOLD wherever the move is no larger than what buying and selling once costs.",
    ),
]
"""Whether a label knows what acting on it costs."""


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
    costs: CostsInLabels = "none"


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
    costs: CostsInLabels = "none"


class OwnLabelsConfig(OwnSource):
    """Labels by a function of one's own: ``label(bars, **settings) -> (y, t_end)``."""

    kind: Literal["own"] = "own"
    settings: dict[str, JsonValue] = Field(
        {}, description="What the function is called with besides the bars, by name."
    )
    volatility_bars: int = Field(
        default=50,
        ge=2,
        description="Span in bars of the trailing volatility that further targets are scaled by.",
    )

    def function(self) -> Callable[..., object]:
        """Returns the function.

        Raises:
            ConfigError: the code is not what it was, or not there; it is no function, or has other settings.
        """
        function = self.load("labels.source")
        if not inspect.isroutine(function):
            raise ConfigError("labels.source", "must name a function of the bars", self.source)
        require_settings(function, "labels", self.settings, {"bars": None})
        return function


LabelsConfig = Annotated[FixedHorizonConfig | TripleBarrierConfig | OwnLabelsConfig, Field(discriminator="kind")]
"""Every way to make labels; ``kind`` chooses."""
