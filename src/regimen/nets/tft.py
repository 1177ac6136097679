"""The temporal fusion transformer: which inputs matter, where in time, and quantiles of what comes.

Source: Lim, Arik, Loeff, Pfister, Temporal Fusion Transformers (2019), arXiv 1912.09363; equations as numbered there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from regimen.errors import ConfigError, DataError
from regimen.nets.orthogonal import begin_lstm, output_layer
from regimen.nets.shapes import require_divisible, require_positive, require_probability, require_window


class QuantileFan(NamedTuple):
    """What `TemporalFusion` says.

    Attributes:
        logits: (batch, classes), of the direction.
        quantiles: (batch, horizon, quantile), ascending along the last axis, in the unit of the target.
    """

    logits: Tensor
    quantiles: Tensor


class FusionWeights(NamedTuple):
    """Where `TemporalFusion` looked; the last axis sums to 1.

    Attributes:
        attention: (batch, horizon, step) over the rows of the context, then the horizons up to its own.
        past: (batch, context, input) weights of the observed columns in each row of the context.
        future: (batch, horizon, known) weights of what is known ahead.
        static: (batch, static) weights of what never changes; no columns without any.
    """

    attention: Tensor
    past: Tensor
    future: Tensor
    static: Tensor


@final
class GatedResidual(nn.Module):
    """``norm(skip(a) + GLU(ELU(W2 a + W3 c)))``, equations 2 to 5: what a step needs not, its gate closes.

    W1 and the two maps of the gate stand behind each other with nothing between that is not linear: they are one map.

    Args:
        inputs: width of ``a``; the skip is a linear map where it is not ``outputs``.
        width: of the hidden layer.
        outputs: of the result.
        context: width of ``c``; 0: there is none.
        dropout: of what goes into the gate, while training.
    """

    def __init__(self, inputs: int, width: int, outputs: int, context: int, dropout: float) -> None:
        super().__init__()
        self.skip = nn.Linear(inputs, outputs) if inputs != outputs else nn.Identity()
        self.first = nn.Linear(inputs, width)
        self.context = nn.Linear(context, width, bias=False) if context else None
        self.gate = nn.Linear(width, 2 * outputs)
        self.norm = nn.LayerNorm(outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, a: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns (..., outputs) of ``a`` (..., inputs), and of ``c`` (..., context) where it has one."""
        h = self.first(a)
        if self.context is not None and c is not None:
            h = h + self.context(c)
        gated = functional.glu(self.gate(self.dropout(functional.elu(h))), -1)
        result: Tensor = self.norm(self.skip(a) + gated)
        return result


@final
class GatedSkip(nn.Module):
    """``norm(a + GLU(b))``: what a layer adds, behind a gate (equations 13, 17, 18 and 20)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.gate = nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Returns (..., width) of two of that shape."""
        result: Tensor = self.norm(a + functional.glu(self.gate(self.dropout(b)), -1))
        return result


@final
class VariableSelection(nn.Module):
    """A weight for each input at each step, and the weighted sum of what a network of its own makes of each.

    Equations 6 to 8, for inputs that are one number each. An embedding of a number is a line, x ↦ slope · x + offset;
    a linear map behind it is a line again. So the first layer of an input's own gated residual network is a line of
    x, and the network of the weights, which reads all embeddings, reads all x.

    Args:
        inputs: number of inputs.
        width: of an embedding and of the result.
        context: width of what else decides the weights; 0: nothing.
        dropout: as in `GatedResidual`.
    """

    def __init__(self, inputs: int, width: int, context: int, dropout: float) -> None:
        super().__init__()
        require_positive(inputs=inputs, width=width)
        self.width = width
        self.weights = GatedResidual(inputs, width, inputs, context, dropout)
        self.lines = nn.Parameter(torch.empty(4, inputs, width).uniform_(-1.0, 1.0))  # slopes and offsets, skip and h
        bound = 1.0 / math.sqrt(width)
        self.gate = nn.Parameter(torch.empty(inputs, width, 2 * width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(inputs, 1, 2 * width))
        self.scale, self.shift = nn.Parameter(torch.ones(inputs, 1, width)), nn.Parameter(torch.zeros(inputs, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns what is selected (batch, step, width) of ``x`` (batch, step, inputs), and the weights of the inputs.

        Args:
            x: one number for each input.
            c: (batch, 1, context), the same for all steps.
        """
        weights = self.weights(x, c).softmax(-1)
        slope, offset, h_slope, h_offset = self.lines[:, :, None]  # each (input, 1, width)
        rows = x.flatten(0, 1).T.contiguous()[..., None]  # (input, row, 1): all windows, for each input by itself
        h = self.dropout(functional.elu(torch.addcmul(h_offset, rows, h_slope)))
        gated = functional.glu(torch.baddbmm(self.bias, h, self.gate), -1)
        each = functional.layer_norm(torch.addcmul(offset, rows, slope) + gated, (self.width,))
        shares = weights.flatten(0, 1).T.contiguous()[..., None]
        chosen = (each * (shares * self.scale)).sum(0).view(*x.shape[:2], self.width)
        return chosen + weights @ self.shift, weights


@final
class InterpretableAttention(nn.Module):
    """Several attentions that share their values, so that their mean is one attention: equations 14 to 16.

    A query of the horizons looks at every row of the context, and at horizons up to its own; at later ones it has the
    weight 0 exactly.

    Args:
        width: of queries, memory and output.
        heads: number of attentions; it divides the width.
        dropout: probability of not looking at a step, while training.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        require_divisible(width, heads)
        self.heads, self.each = heads, width // heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, self.each)
        self.output = nn.Linear(self.each, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Returns (batch, horizon, width), and the weights (batch, horizon, step), the mean of the heads'.

        Args:
            queries: (batch, horizon, width).
            memory: (batch, step, width): the context, then the horizons.
        """
        horizons, steps = queries.shape[1], memory.shape[1]
        query = self.query(queries).view(queries.shape[0], horizons, self.heads, self.each).transpose(1, 2)
        key = self.key(memory).view(memory.shape[0], steps, self.heads, self.each).transpose(1, 2)
        scores = query @ key.transpose(-2, -1) / math.sqrt(self.each)
        later = torch.ones(horizons, steps, dtype=torch.bool, device=scores.device).triu(steps - horizons + 1)
        weights = scores.masked_fill(later, -torch.inf).softmax(-1).mean(1)
        result: Tensor = self.output(self.dropout(weights) @ self.value(memory))
        return result, weights


@final
class TemporalFusion(nn.Module):
    """Variable selection, an LSTM over the context and on over the horizons, attention over both, gates everywhere.

    A step of the decoder is a horizon that is asked for; with horizons 1, 2, …, n it is the paper's. The decoder is
    given what is known ahead and nothing else. Quantiles never cross, by construction: the one next to 0.5 is a linear
    output, and those on either side are softplus steps away from it. The direction is read from all horizons at once.

    A window with a NaN gives NaN, and disturbs no other window.

    Args:
        past: columns of a row of the context.
        future: columns that are known of each horizon.
        static: columns that never change; 0: there are none.
        horizons: number of horizons.
        levels: of the quantiles, ascending, inside (0, 1).
        classes: of the direction.
        width: of all layers.
        heads: of the attention; they divide the width.
        dropout: everywhere, while training.

    Raises:
        ConfigError: sizes that do not fit together, levels that do not ascend inside (0, 1), a dropout outside [0, 1).
    """

    def __init__(
        self,
        past: int,
        future: int,
        static: int = 0,
        *,
        horizons: int = 3,
        levels: Sequence[float] = (0.1, 0.5, 0.9),
        classes: int = 3,
        width: int = 16,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        require_positive(past=past, future=future, horizons=horizons, classes=classes, width=width)
        require_probability(dropout=dropout)
        require_levels(levels)
        self.past, self.future, self.static, self.horizons = past, future, static, horizons
        self.middle = min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))
        context = width if static else 0
        if static:
            self.select_static = VariableSelection(static, width, 0, dropout)
            # of the selection, of the enrichment, and the LSTM's first state and cell
            self.contexts = nn.ModuleList(GatedResidual(width, width, width, 0, dropout) for _ in range(4))
        self.select_past = VariableSelection(past, width, context, dropout)
        self.select_future = VariableSelection(future, width, context, dropout)
        self.encoder = nn.LSTM(width, width, batch_first=True)
        self.decoder = nn.LSTM(width, width, batch_first=True)
        begin_lstm(self.encoder)
        begin_lstm(self.decoder)
        self.local = GatedSkip(width, dropout)
        self.enrich = GatedResidual(width, width, width, context, dropout)
        self.attention = InterpretableAttention(width, heads, dropout)
        self.attended = GatedSkip(width, dropout)
        self.feed = GatedResidual(width, width, width, 0, dropout)
        self.out = GatedSkip(width, dropout)
        self.quantiles = output_layer(width, len(levels))
        self.direction = output_layer(horizons * width, classes)

    def forward(self, past: Tensor, future: Tensor, static: Tensor | None = None) -> QuantileFan:
        """Returns the logits and the quantiles.

        Args:
            past: (batch, context, past).
            future: (batch, horizon, future), what is known ahead of each horizon.
            static: (batch, static), where there is any.

        Raises:
            DataError: another shape.
        """
        return self.with_weights(past, future, static)[0]

    def with_weights(
        self, past: Tensor, future: Tensor, static: Tensor | None = None
    ) -> tuple[QuantileFan, FusionWeights]:
        """Returns the answer, and where the network looked."""
        require_window(past, self.past, "past")
        require_window(future, self.future, "future")
        if future.shape[1] != self.horizons:
            raise DataError("future", f"must have {self.horizons} horizons", future.shape[1])
        selection: Tensor | None = None
        enrichment: Tensor | None = None
        state: tuple[Tensor, Tensor] | None = None
        static_weights = past.new_zeros(past.shape[0], 0)
        if self.static:
            if static is None or static.shape != (past.shape[0], self.static):
                shape = None if static is None else tuple(static.shape)
                raise DataError("static", f"must have the shape ({past.shape[0]}, {self.static})", shape)
            chosen, weights = self.select_static(static[:, None])
            static_weights = weights[:, 0]
            selection, enrichment, hidden, cell = (net(chosen) for net in self.contexts)  # each (batch, 1, width)
            state = hidden.transpose(0, 1).contiguous(), cell.transpose(0, 1).contiguous()
        seen, past_weights = self.select_past(past, selection)
        known, future_weights = self.select_future(future, selection)
        states, state = self.encoder(seen, state)
        steps = torch.cat((states, self.decoder(known, state)[0]), 1)
        local = self.local(torch.cat((seen, known), 1), steps)
        enriched = self.enrich(local, enrichment)
        asked, ahead = enriched[:, -self.horizons :], local[:, -self.horizons :]
        answer, attention = self.attention(asked, enriched)
        answer = self.out(ahead, self.feed(self.attended(asked, answer)))
        fan = QuantileFan(self.direction(answer.flatten(1)), self._ascending(self.quantiles(answer)))
        return fan, FusionWeights(attention, past_weights, future_weights, static_weights)

    def _ascending(self, raw: Tensor) -> Tensor:
        """Returns quantiles that never cross: the middle one as it is, the others by softplus steps away from it."""
        middle = raw[..., self.middle : self.middle + 1]
        above = functional.softplus(raw[..., self.middle + 1 :]).cumsum(-1)
        below = functional.softplus(raw[..., : self.middle].flip(-1)).cumsum(-1).flip(-1)
        return torch.cat((middle - below, middle, middle + above), -1)


@final
class CalendarFusion(nn.Module):
    """`TemporalFusion` over a context of rows that carry the calendar of bars to come in their last columns.

    A row is what is observed of a bar, then its own calendar, then that of each horizon, then what never changes.
    Every row of the context is read up to its own calendar; what is behind it, of the newest row alone.

    Args:
        inputs: columns of a row.
        known: columns of one bar's calendar.
        net: over ``inputs − horizons · known − static`` columns of the past, and ``known`` of the future.

    Raises:
        ConfigError: rows too narrow for that.
    """

    def __init__(self, inputs: int, known: int, net: TemporalFusion) -> None:
        super().__init__()
        self.inputs, self.known, self.net = inputs, known, net
        past = inputs - net.horizons * known - net.static
        if net.past != past:
            raise ConfigError("past", f"must be {past} of {inputs} columns", net.past)

    def forward(self, x: Tensor) -> QuantileFan:
        """Returns the answer for windows (batch, context, inputs)."""
        return self.with_selection(x)[0]

    def with_weights(self, x: Tensor) -> tuple[QuantileFan, Tensor]:
        """Returns the answer, and how much each horizon looks at the rows of the context (batch, horizon, context).

        What is missing from 1 is looked at in the horizons themselves.
        """
        answer, weights = self.with_selection(x)
        return answer, weights.attention[..., : x.shape[1]]

    def with_selection(self, x: Tensor) -> tuple[QuantileFan, FusionWeights]:
        """Returns the answer, where the network looked, and what each input weighed."""
        require_window(x, self.inputs)
        past, newest = x[..., : self.net.past], x[:, -1, self.net.past :]
        ahead = newest[:, : self.net.horizons * self.known].reshape(x.shape[0], self.net.horizons, self.known)
        return self.net.with_weights(past, ahead, newest[:, self.net.horizons * self.known :])


def require_levels(levels: Sequence[float]) -> None:
    """Refuses levels of quantiles that do not ascend inside (0, 1).

    Raises:
        ConfigError: they do not.
    """
    inside = len(levels) > 0 and all(0.0 < level < 1.0 for level in levels)
    if not inside or list(levels) != sorted(set(levels)):
        raise ConfigError("quantiles", "must ascend inside (0, 1)", list(levels))
