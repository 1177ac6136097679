"""The rules, as a config file names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from regimen.policies.rules import RuleSettings

if TYPE_CHECKING:
    from regimen.policies.exposure import ExposureConfig
    from regimen.policies.momentum import Momentum


class MomentumConfig(RuleSettings):
    """``exposure = sign(close[t] / close[t − lookback] − 1)``, sized as ``exposure`` says.

    Moskowitz, Ooi and Pedersen, "Time series momentum", Journal of Financial Economics 104 (2012): a lookback of twelve
    months, each instrument sized to a volatility of 40 % a year (``exposure.volatility_target=0.4``). They hold for a
    month and measure volatility by an exponential mean; here every bar decides anew, by `realised_volatility`.
    """

    kind: Literal["momentum"] = Field("momentum", description="Sign of the trailing return; nothing is fitted.")
    lookback: int = Field(252, ge=1, le=100_000, description="Bars of the symbol that the return goes back.")

    def build(self, exposure: ExposureConfig) -> Momentum:
        """Returns the policy."""
        from regimen.policies.momentum import Momentum

        return Momentum(self.lookback, exposure)


RuleConfig = MomentumConfig
"""Every rule's config; a union as soon as there are two."""
