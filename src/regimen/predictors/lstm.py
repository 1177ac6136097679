"""LSTM with attention over a context of feature rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from regimen.predictors.sizes import require_whole_heads
from regimen.predictors.windowed import WindowedSettings

if TYPE_CHECKING:
    from torch import nn


class LSTMConfig(WindowedSettings):
    """`regimen.nets.AttentiveLSTM`: stacked LSTM with skip connections, self-attention, attention pooling."""

    kind: Literal["lstm"] = Field("lstm", description="LSTM with multi-head attention over a context.")
    width: int = Field(64, ge=1, le=65_536, description="Width of states and attention.")
    layers: Literal[1, 2, 3] = Field(2, description="LSTM layers.")
    bidirectional: bool = Field(False, description="Read the closed context in both directions, half the width each.")
    heads: int = Field(4, ge=1, description="Attention heads; they divide the width.")
    dropout: float = Field(0.1, ge=0.0, lt=1.0, description="Probability of zeroing what a layer adds, in training.")

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        require_whole_heads(self.width, self.heads)
        if self.bidirectional and self.width % 2:
            raise ValueError(f"width must be even for two directions; got {self.width}")
        return self

    def module(self, inputs: int, classes: int) -> nn.Module:
        """Returns the network with fresh weights."""
        from regimen.nets import AttentiveLSTM

        net = AttentiveLSTM(
            inputs,
            classes,
            width=self.width,
            layers=self.layers,
            bidirectional=self.bidirectional,
            heads=self.heads,
            dropout=self.dropout,
        )
        return self.normalised(net, inputs, classes)
