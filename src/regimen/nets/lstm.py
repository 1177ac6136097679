"""An LSTM with skip connections and multi-head self-attention over its states."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from regimen.errors import ConfigError
from regimen.nets.attention import MultiHeadAttention, Readout
from regimen.nets.orthogonal import begin_lstm, output_layer
from regimen.nets.shapes import require_positive, require_probability, require_window

_DEEPEST = 3


@final
class LSTMEncoder(nn.Module):
    """Linear, then ``layers`` times h ← norm(h + dropout(LSTM(h))).

    The gates start orthogonal, one by one, and the forget gates open (`begin_lstm`). The state before a window is
    zero: a window is all that is known.

    Args:
        inputs: channels of the window.
        width: of the states and of the output.
        layers: 1, 2 or 3.
        bidirectional: half of the width reads the window forwards, half backwards. Every step then knows the whole
            window: right for one output at the close of a window, wrong for an output per step.
        dropout: probability of zeroing a number that a layer adds, while training.

    Raises:
        ConfigError: layers outside 1–3, an odd width for two directions, a size below 1, a dropout outside [0, 1).
    """

    def __init__(self, inputs: int, width: int, layers: int, bidirectional: bool, dropout: float) -> None:
        super().__init__()
        require_positive(inputs=inputs, width=width, layers=layers)
        require_probability(dropout=dropout)
        if layers > _DEEPEST:
            raise ConfigError("layers", f"must be 1 to {_DEEPEST}", layers)
        if bidirectional and width % 2:
            raise ConfigError("width", "must be even for two directions", width)
        self.inputs = inputs
        self.project = nn.Linear(inputs, width)
        hidden = width // 2 if bidirectional else width
        self.layers = nn.ModuleList(
            nn.LSTM(width, hidden, batch_first=True, bidirectional=bidirectional) for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        for layer in self.layers:
            assert isinstance(layer, nn.LSTM)
            begin_lstm(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Returns features (batch, time, width) of windows (batch, time, inputs).

        Raises:
            DataError: another shape.
        """
        require_window(x, self.inputs)
        h: Tensor = self.project(x)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = norm(h + self.dropout(layer(h)[0]))
        return h


@final
class AttentiveLSTM(nn.Module):
    """`LSTMEncoder`, h ← norm(h + self-attention(h)), a `Readout` (newest step and attention pooling), a linear output.

    In one direction everything is causal: ``steps(x)[:, t]`` is ``net(x[:, : t + 1])`` up to rounding, and
    ∂y_t/∂x_{t+k} is exactly 0 for k > 0. In two directions there is one output, at the close of the window. A window
    with a NaN gives NaN, and disturbs no other window.

    Args:
        inputs: channels of the window.
        outputs: numbers per window, such as the logits of 3 classes.
        width: of states and attention.
        layers: of the LSTM: 1, 2 or 3.
        bidirectional: read the closed window in both directions, half of the width each.
        heads: of the attention and of the pooling; they divide the width.
        dropout: probability of zeroing what a layer adds and of not looking at a step, while training.

    Raises:
        ConfigError: sizes that do not fit together, layers outside 1–3, a dropout outside [0, 1).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 64,
        layers: int = 2,
        bidirectional: bool = False,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        require_positive(outputs=outputs)
        self.bidirectional = bidirectional
        self.encoder = LSTMEncoder(inputs, width, layers, bidirectional, dropout)
        self.attention = MultiHeadAttention(width, heads, dropout=dropout, causal=not bidirectional)
        self.norm = nn.LayerNorm(width)
        self.readout = Readout(width, heads)
        self.head = output_layer(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (batch, outputs) of windows (batch, time, inputs).

        Raises:
            DataError: another shape.
        """
        return self.with_weights(x)[0]

    def steps(self, x: Tensor) -> Tensor:
        """Returns an output for every step, made of the steps up to it: (batch, time, outputs).

        Raises:
            ConfigError: two directions, whose steps have seen the whole window.
        """
        if self.bidirectional:
            raise ConfigError("bidirectional", "must be false for an output per step: it would see later steps", True)
        result: Tensor = self.head(self.readout.steps(self._features(x)[0]))
        return result

    def with_weights(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the output and the weights of the self-attention (batch, head, time, time); rows sum to 1."""
        features, weights = self._features(x)
        return self.head(self.readout(features)), weights

    def _features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        states = self.encoder(x)
        answer, weights = self.attention(states, states)
        return self.norm(states + answer), weights
