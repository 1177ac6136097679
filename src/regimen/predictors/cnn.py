"""Causal convolutions over a context of feature rows, at several scales side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from regimen.predictors.sizes import Taps, require_taps_inside, require_whole_heads
from regimen.predictors.windowed import WindowedSettings

if TYPE_CHECKING:
    from torch import nn


class CNNConfig(WindowedSettings):
    """`regimen.nets.CausalCNN`: dilated multi-scale blocks over (context, channel), attention pooling over time."""

    kind: Literal["cnn"] = Field("cnn", description="Causal multi-scale convolutions with attention over its context.")
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

    def module(self, inputs: int, classes: int) -> nn.Module:
        """Returns the network with fresh weights."""
        from regimen.nets import CausalCNN

        net = CausalCNN(
            inputs,
            classes,
            width=self.width,
            kernels=self.kernels,
            dilations=self.dilations,
            heads=self.heads,
            dropout=self.dropout,
        )
        return self.normalised(net, inputs, classes)
