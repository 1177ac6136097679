"""Causal convolutions over a context of feature rows, at several scales side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from regimen.predictors.settings import PredictorSettings
from regimen.predictors.sizes import Taps, require_taps_inside, require_whole_heads
from regimen.settings import FORMER_NAMES

if TYPE_CHECKING:
    from regimen.nets import CausalCNN


class CNNConfig(PredictorSettings):
    """`regimen.nets.CausalCNN`: dilated multi-scale blocks over (context, channel), attention pooling over time."""

    model_config = ConfigDict(alias_generator=FORMER_NAMES, validate_by_name=True)

    kind: Literal["cnn"] = Field("cnn", description="Causal multi-scale convolutions with attention over its context.")
    context: int = Field(32, ge=2, le=65_536, description="Feature rows that it sees at once.")
    width: int = Field(32, ge=1, le=65_536, description="Channels of every block.")
    kernels: tuple[Taps, ...] = Field((3, 5, 7), min_length=1, description="Taps of the convolutions side by side.")
    dilations: tuple[Taps, ...] = Field(
        (1, 2, 4), min_length=1, description="Rows between two taps, one number for each block."
    )
    heads: int = Field(4, ge=1, description="Heads of the pooling; they divide the width.")
    dropout: float = Field(0.1, ge=0.0, lt=1.0, description="Probability of zeroing a number in a block, in training.")

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        require_whole_heads(self.width, self.heads)
        require_taps_inside(self.context, self.kernels, self.dilations)
        return self

    def module(self, inputs: int, classes: int) -> CausalCNN:
        """Returns the network with fresh weights."""
        from regimen.nets import CausalCNN

        return CausalCNN(
            inputs,
            classes,
            width=self.width,
            kernels=self.kernels,
            dilations=self.dilations,
            heads=self.heads,
            dropout=self.dropout,
        )
