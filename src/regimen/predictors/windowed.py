"""What the configs of networks over a context share: its length, and how each context is normalised by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, final

from pydantic import ConfigDict, Field, model_validator

from regimen.predictors.settings import PredictorSettings
from regimen.settings import FORMER_NAMES

if TYPE_CHECKING:
    from torch import nn


class WindowedSettings(PredictorSettings):
    """A network over a context of feature rows."""

    model_config = ConfigDict(alias_generator=FORMER_NAMES, validate_by_name=True)

    context: int = Field(32, ge=2, le=65_536, description="Feature rows that it sees at once.")
    normalise: Literal["none", "revin", "fan"] = Field(
        "none",
        exclude_if=lambda normalise: normalise == "none",  # written, and hashed, as before there was any
        description="What is taken out of each context: level and scale (revin), or its strongest frequencies (fan).",
    )
    frequencies: int | None = Field(
        None,
        ge=1,
        exclude_if=lambda frequencies: frequencies is None,
        description="How many fan removes, at most half of the context; null: 2, or half of a shorter context.",
    )

    @model_validator(mode="after")
    def _frequencies_fit(self) -> Self:
        if self.frequencies is not None and self.normalise != "fan":
            raise ValueError(f"frequencies is read under normalise=fan only: leave it out; got {self.frequencies}")
        if self.frequencies is not None and self.frequencies > self.context // 2:
            raise ValueError(f"frequencies must be at most half of the context {self.context}; got {self.frequencies}")
        return self

    @final
    def normalised(self, net: nn.Module, inputs: int, outputs: int) -> nn.Module:
        """Returns a network behind the normalisation; the network itself where there is none.

        Args:
            net: that sees (n, context, inputs).
            inputs: channels of a context.
            outputs: numbers of an answer; of a `regimen.nets.Forecast` its classes and two.
        """
        from regimen.nets import FrequencyNorm, NormalisedNet, WindowScale

        if self.normalise == "none":
            return net
        frequencies = min(2, self.context // 2) if self.frequencies is None else self.frequencies
        revin = self.normalise == "revin"
        norm = WindowScale(inputs) if revin else FrequencyNorm(inputs, self.context, frequencies)
        return NormalisedNet(net, norm, outputs)
