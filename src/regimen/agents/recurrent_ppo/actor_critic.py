"""An actor and a critic that share a memory: encoder, LSTM, two heads; and how sequences with resets go through it."""

from __future__ import annotations

import math
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen.envs import EnvSpec
from regimen.learning import Activation, ActorCritic
from regimen.nets import begin_lstm

_FEW = 16
"""Rows below which a call of the LSTM costs as much per step as with twice as many."""


@final
class RecurrentActorCritic(nn.Module):
    """Linear, LayerNorm, activation, LSTM, LayerNorm, then a head each for actor and critic (`ActorCritic`).

    The LSTM is torch's; on x86 its fused path is two to five times as fast as a loop over cells. That path takes dense
    blocks without resets, so sequences are cut at their resets and the pieces are laid side by side (`segments`).

    A state is (lane, memory), memory = 2·layers·hidden: the hidden values of all layers, then their cells. Zeros begin
    an episode.

    The activation is tanh by default: it keeps sign and size of what the LayerNorm gives, where a relu would hand the
    gates, which add their inputs up over hundreds of steps, numbers of one sign and no bound.

    Args:
        spec: of the environment.
        hidden: width of encoder and LSTM.
        layers: of the LSTM.
        head: width of the hidden layer of each head.
        activation: the non-linearity after the encoder and inside the heads.
        log_std: where the logarithm of the spread of continuous actions begins, in half-widths of their range.

    Attributes:
        heads: actor and critic of features (..., hidden), and the distribution of actions.
    """

    def __init__(
        self, spec: EnvSpec, hidden: int, layers: int, head: int, activation: Activation, log_std: float
    ) -> None:
        super().__init__()
        self.spec, self.hidden, self.layers = spec, hidden, layers
        self.encoder = nn.Sequential(
            _encoder(spec.width, hidden), nn.LayerNorm(hidden), nn.Tanh() if activation == "tanh" else nn.ReLU()
        )
        self.lstm = nn.LSTM(hidden, hidden, layers)
        begin_lstm(self.lstm)
        self.norm = nn.LayerNorm(hidden)
        features = spec.model_copy(update={"columns": tuple(f"memory {number}" for number in range(hidden))})
        self.heads = ActorCritic(features, (head,), activation, log_std)

    @property
    def memory(self) -> int:
        """Numbers in the state of a lane."""
        return 2 * self.layers * self.hidden

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Returns features (lane, hidden) of inputs (lane, width) after a state (lane, memory), and the next state."""
        output, pair = self.lstm(self.encoder(x)[None], self._pair(state))
        after = torch.cat(pair).transpose(0, 1).reshape(state.shape)
        return self.norm(output[0]), after

    def sequences(self, x: Tensor, begins: NDArray[np.bool_], state: Tensor) -> Tensor:
        """Returns features (sequence, time, hidden): what `step` gives, one time after another, with resets.

        Args:
            x: inputs (sequence, time, width).
            begins: (sequence, time), whether the input is the first of an episode: the state before it is zero.
            state: (sequence, memory) before the first input; not used where ``begins[:, 0]``.
        """
        encoded = self.encoder(x).flatten(0, 1)
        parts: list[Tensor] = []
        places = np.empty(begins.size, np.int64)  # of each input among the parts' rows
        filled = 0
        for first, lengths in segments(begins):
            longest = int(lengths.max())
            ticks = np.arange(longest)[:, None]
            rows = first + np.minimum(ticks, lengths - 1)  # (time, piece); a short piece repeats its last row
            goes_on = (first % begins.shape[1] == 0) & ~begins.reshape(-1)[first]
            before = state[torch.from_numpy(first // begins.shape[1])]
            before = before.where(torch.from_numpy(goes_on)[:, None], torch.zeros(()))
            block = encoded.index_select(0, torch.from_numpy(rows.reshape(-1)))
            output, _ = self.lstm(block.view(longest, len(first), -1), self._pair(before))
            parts.append(output.flatten(0, 1))
            running = ticks < lengths
            places[rows[running]] = filled + np.flatnonzero(running)
            filled += running.size
        output = torch.cat(parts).index_select(0, torch.from_numpy(places))
        features: Tensor = self.norm(output)
        return features.view(*begins.shape, -1)

    def _pair(self, state: Tensor) -> tuple[Tensor, Tensor]:
        both = state.view(-1, 2, self.layers, self.hidden).permute(1, 2, 0, 3).contiguous()
        return both[0], both[1]


def segments(begins: NDArray[np.bool_]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Returns sequences cut before every reset, as groups of pieces of similar length: (first, length) of each.

    ``first`` counts through (sequence, time) row by row. A group's pieces are padded to the longest of it: lengths
    are within a factor of two of each other, or the pieces are so few that a group of their own would cost more.

    Args:
        begins: (sequence, time), whether a piece begins there; it always does at time 0.
    """
    cut = begins.copy()
    cut[:, 0] = True
    first = np.flatnonzero(cut)
    lengths = np.diff(first, append=cut.size)
    order = np.argsort(lengths, kind="stable")
    doubled = np.ceil(np.log2(lengths[order]))
    groups: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    begin = 0
    for end in [*np.flatnonzero(np.diff(doubled)) + 1, len(order)]:
        if end - begin >= _FEW or end == len(order):
            chosen = order[begin:end]
            groups.append((first[chosen], lengths[chosen]))
            begin = end
    return groups


def _encoder(inputs: int, hidden: int) -> nn.Linear:
    """Returns a layer whose weights and bias are orthogonal together, as if the bias weighed one more column.

    The LayerNorm behind it forgets the length of what it is given. With no bias the length of the observation would
    be lost with it: of a single column, all but the sign.
    """
    layer = nn.Linear(inputs, hidden)
    joint = torch.empty(hidden, inputs + 1)
    nn.init.orthogonal_(joint, gain=math.sqrt(2.0))
    with torch.no_grad():
        layer.weight.copy_(joint[:, :-1])
        layer.bias.copy_(joint[:, -1])
    return layer
