"""The rules that trade, and those that make exposure of probabilities, as a config file names them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from regimen.errors import ConfigError
from regimen.own import OwnSource, require_settings
from regimen.policies.exposure import ExposureConfig, FractionalKellyConfig
from regimen.policies.rules import RuleSettings

if TYPE_CHECKING:
    from regimen.policies.momentum import Momentum
    from regimen.policies.own_rule import OwnRule


class MomentumConfig(RuleSettings):
    """``exposure = sign(close[t] / close[t − lookback] − 1)``, sized as ``exposure`` says.

    Moskowitz, Ooi and Pedersen, "Time series momentum", Journal of Financial Economics 104 (2012): a lookback of twelve
    months, each instrument sized to a volatility of 40 % a year (``exposure.volatility_target=0.4``). They hold for a
    month and measure volatility by an exponential mean; here every bar decides anew, by `realised_volatility`.
    """

    kind: Literal["momentum"] = Field("momentum", description="Sign of the trailing return; nothing is fitted.")
    lookback: int = Field(252, ge=1, le=100_000, description="Bars of the symbol that the return goes back.")

    def build(self, exposure: ExposureConfig, names: tuple[str, ...] = ()) -> Momentum:
        """Returns the policy, which sees no features."""
        del names
        from regimen.policies.momentum import Momentum

        return Momentum(self.lookback, exposure)


class FunctionConfig(OwnSource, RuleSettings):
    """``exposure = function(observation, **settings)``; what the function may return, the section ``exposure`` says."""

    kind: Literal["function"] = Field("function", description="A function of one's own; nothing is fitted.")
    settings: dict[str, JsonValue] = Field(
        {}, description="What the function is called with besides the observation, by name."
    )

    reads: ClassVar[tuple[str, ...]] = (
        "exposure.max_exposure",
        "exposure.long_only",
        "exposure.volatility_target",
        "exposure.volatility_bars",
    )

    def function(self) -> Callable[..., object]:
        """Returns the function.

        Raises:
            ConfigError: the code is not what it was, or not there; it is no function, or has other settings.
        """
        function = self.load("model.source")
        if not inspect.isroutine(function):
            raise ConfigError("model.source", "must name a function of the observation", self.source)
        require_settings(function, "model", self.settings, {"observation": None})
        return function

    def build(self, exposure: ExposureConfig, names: tuple[str, ...] = ()) -> OwnRule:
        """Returns the policy.

        Raises:
            ConfigError: see `function`.
        """
        from regimen.policies.own_rule import OwnRule

        return OwnRule(self.function(), self.settings, self.source, exposure, names)


RuleConfig = MomentumConfig | FunctionConfig
"""Every rule's config."""

ExposureRuleConfig = Annotated[ExposureConfig | FractionalKellyConfig, Field(discriminator="kind")]
"""Every way from probabilities to exposure; ``kind`` chooses."""
