"""Convolutions and an LSTM over the same window, joined by cross-attention, with three heads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, final

import torch
from torch import Tensor, nn

from regimen.nets.attention import MultiHeadAttention, Readout
from regimen.nets.cnn import CNNEncoder
from regimen.nets.lstm import LSTMEncoder
from regimen.nets.orthogonal import output_layer
from regimen.nets.shapes import require_positive


class Forecast(NamedTuple):
    """What `HybridNet` says, of each window or of each step.

    Attributes:
        logits: (..., classes), of the direction.
        mean: (...), μ, the expected return in the unit of the target.
        log_variance: (...), s = log σ²; the uncertainty is σ = exp(s / 2). A likelihood has to train it, such as
            ½·exp(−s)·(y − μ)² + ½·s. Source: Kendall & Gal 2017, arXiv 1703.04977, equation 8.
    """

    logits: Tensor
    mean: Tensor
    log_variance: Tensor


class CrossWeights(NamedTuple):
    """Where each half of a `CrossFusion` looked in the other; rows sum to 1.

    Attributes:
        states: (batch, head, time, time), the LSTM's steps looking at the convolutions' steps.
        scales: (batch, head, time, time), the convolutions' steps looking at the LSTM's.
    """

    states: Tensor
    scales: Tensor


@final
class CrossFusion(nn.Module):
    """Two sequences look at each other, and a linear map joins what each has become.

    a ← norm(a + attention(a, b)), b ← norm(b + attention(b, a)) from the b before, output = norm(W [a, b]). Causal.

    Args:
        width: of both sequences and of the output.
        heads: of each attention; they divide the width.
        dropout: probability of not looking at a step while training.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.to_scales = MultiHeadAttention(width, heads, dropout=dropout, causal=True)
        self.to_states = MultiHeadAttention(width, heads, dropout=dropout, causal=True)
        self.state_norm, self.scale_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.join = nn.Sequential(nn.Linear(2 * width, width), nn.LayerNorm(width))

    def forward(self, states: Tensor, scales: Tensor) -> tuple[Tensor, CrossWeights]:
        """Returns (batch, time, width) of two sequences of that shape, and where each looked in the other."""
        in_scales, state_weights = self.to_scales(states, scales)
        in_states, scale_weights = self.to_states(scales, states)
        both = torch.cat((self.state_norm(states + in_scales), self.scale_norm(scales + in_states)), -1)
        return self.join(both), CrossWeights(state_weights, scale_weights)


@final
class HybridNet(nn.Module):
    """`CNNEncoder` and `LSTMEncoder` of the same window, `CrossFusion`, a `Readout`, three linear heads.

    Everything is causal: ``steps(x)`` gives at step t what ``net(x[:, : t + 1])`` gives, up to rounding, and
    ∂y_t/∂x_{t+k} is exactly 0 for k > 0. A window with a NaN gives NaN, and disturbs no other window.

    At first μ and s are nearly 0, so the target should be scaled to a variance near 1.

    Args:
        inputs: channels of the window.
        classes: of the direction.
        width: of both encoders.
        kernels: number of taps of each of the parallel convolutions.
        dilations: steps between two taps, one number for each block.
        layers: of the LSTM: 1, 2 or 3.
        heads: of attention and pooling; they divide the width.
        dropout: as in the two encoders and the attention.

    Raises:
        ConfigError: sizes that do not fit together, layers outside 1–3, a dropout outside [0, 1).
    """

    head_names: ClassVar[tuple[str, ...]] = ("direction", "mean", "log_variance")

    def __init__(
        self,
        inputs: int,
        classes: int = 3,
        *,
        width: int = 32,
        kernels: Sequence[int] = (3, 5, 7),
        dilations: Sequence[int] = (1, 2, 4, 8),
        layers: int = 1,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        require_positive(classes=classes)
        self.convolutions = CNNEncoder(inputs, width, kernels, dilations, dropout)
        self.lstm = LSTMEncoder(inputs, width, layers, False, dropout)
        self.fusion = CrossFusion(width, heads, dropout)
        self.readout = Readout(width, heads)
        self.direction = output_layer(width, classes)
        self.mean = output_layer(width, 1)
        self.log_variance = output_layer(width, 1)

    def forward(self, x: Tensor) -> Forecast:
        """Returns the forecast (batch, ...) of windows (batch, time, inputs).

        Raises:
            DataError: another shape.
        """
        return self.with_weights(x)[0]

    def steps(self, x: Tensor) -> Forecast:
        """Returns a forecast for every step, made of the steps up to it: (batch, time, ...)."""
        return self._heads(self.readout.steps(self._features(x)[0]))

    def with_weights(self, x: Tensor) -> tuple[Forecast, CrossWeights]:
        """Returns the forecast and where the two halves looked in each other."""
        features, weights = self._features(x)
        return self._heads(self.readout(features)), weights

    def _features(self, x: Tensor) -> tuple[Tensor, CrossWeights]:
        features, weights = self.fusion(self.lstm(x), self.convolutions(x))
        return features, weights

    def _heads(self, pooled: Tensor) -> Forecast:
        mean, log_variance = self.mean(pooled), self.log_variance(pooled)
        return Forecast(self.direction(pooled), mean.squeeze(-1), log_variance.squeeze(-1))
