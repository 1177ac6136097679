"""The ways to make labels, as a config file names them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from regimen.errors import ConfigError
from regimen.own import OwnSource, require_settings
from regimen.settings import FORMER_NAMES
from regimen.spans import parsed

CostsInLabels = Annotated[
    Literal["none", "round_trip"],
    Field(
        exclude_if=lambda costs: costs == "none",  # so it is written, and known, as before there were any
        description="round_trip: HOLD wherever the move is no larger than what buying and selling once costs.",
    ),
]
"""Whether a label knows what acting on it costs."""


def _duration(text: str) -> str:
    if not parsed(text)[0]:
        raise ValueError(f'must be a number of bars or a duration such as "90d" or "1y"; got {text!r}')
    return text


class WeightsConfig(BaseModel):
    """What the rows count that a model learns from: the product of what is switched on, divided by its mean.

    Source: López de Prado, Advances in Financial Machine Learning (2018), sections 4.2 to 4.4 (concurrency, average
    uniqueness), 4.6 (returns) and 4.7 (decay). There the decay is linear in uniqueness, here it halves by age.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    uniqueness: bool = Field(
        False, description="By the mean over its label's span of 1 / labels of the symbol that span the same bar."
    )
    half_life: Annotated[float, Field(gt=0.0)] | Annotated[str, AfterValidator(_duration)] | None = Field(
        None,
        description='Age at which a row counts half as much as the newest one: in bars, or by the clock ("1y", "90d").',
    )
    returns: bool | Literal["attributed"] = Field(
        False,
        description="By the size of the return that the label stands for; attributed: of its part of it, each bar's "
        "return being shared by the labels that span it.",
    )

    @model_validator(mode="after")
    def _share_each_bar_once(self) -> Self:
        if self.uniqueness and self.returns == "attributed":
            raise ValueError("uniqueness must be left out where returns are attributed: each bar is shared already")
        return self


WeightsOfRows = Annotated[
    WeightsConfig,
    Field(
        exclude_if=lambda weights: weights == WeightsConfig(),
        description="What a row counts where a model learns: by uniqueness, age and return; nothing: all count alike.",
    ),
]


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
    weights: WeightsOfRows = WeightsConfig()


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
    weights: WeightsOfRows = WeightsConfig()


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
    weights: WeightsOfRows = WeightsConfig()

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
