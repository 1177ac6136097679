"""From observations to the actor's outputs: normaliser, device, precision, and whole windows in one pass."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.agents.flag_trader.config import FlagTraderConfig
from regimen.agents.flag_trader.network import FlagTraderNetwork
from regimen.agents.flag_trader.windows import LaneWindows
from regimen.learning import RunningMoments

_TOKENS = 16_384
"""Observations that are read in one pass where no gradient is needed."""


@final
class Reader:
    """A network, and all that stands between observations and what it says of them.

    Args:
        config: clip, precision, context.
        network: on its device.
        observations: what the columns are normalised by, as it is when asked.
    """

    def __init__(self, config: FlagTraderConfig, network: FlagTraderNetwork, observations: RunningMoments) -> None:
        self.config, self.network, self.observations = config, network, observations
        self.device = network.positions.device

    def precision(self) -> AbstractContextManager[None]:
        """Returns the scope in which the blocks are run."""
        name, cuda = self.config.precision, self.device.type == "cuda"
        half = name == "bfloat16" or (name == "auto" and cuda and torch.cuda.is_bf16_supported())
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def input(self, observations: NDArray[np.float32]) -> Tensor:
        """Returns observations (..., width) as the network takes them, on its device."""
        raw, limit = torch.from_numpy(np.ascontiguousarray(observations)), self.config.observation_clip
        return self.observations.normalised(raw, limit, self.config.normalise_observations).to(self.device)

    def observed(self, memory: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the observations (lane, context, width) in a memory, a view."""
        return memory[:, :-1].reshape(len(memory), self.config.context, -1)

    @torch.no_grad()
    def read(self, windows: LaneWindows, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the actor's outputs and the values (row of the table, ...), 0 for rows that are new in no window."""
        outputs = inputs.new_zeros((len(inputs), self.network.outputs))
        values = inputs.new_zeros(len(inputs))
        order = np.argsort(windows.lengths, kind="stable")
        pieces = -(-int(windows.lengths.sum()) // _TOKENS)
        for chosen in np.array_split(order, min(pieces, len(order))):
            rows, features = self.features(windows, inputs, chosen)
            outputs[rows], values[rows] = self.network.heads.actor(features), self.network.heads.value(features)
        return outputs, values

    def features(self, windows: LaneWindows, inputs: Tensor, chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Returns the rows (n,) and the features (n, width) of the new observations in some windows."""
        longest = int(windows.lengths[chosen].max())
        rows = torch.from_numpy(windows.rows[chosen, :longest]).to(self.device)
        with self.precision():
            features = self.network(inputs[rows])
        new = torch.from_numpy(windows.new(chosen, longest)).to(self.device)
        return rows[new], features[new]

    @torch.no_grad()
    def logits(self, memory: NDArray[np.float32]) -> Tensor:
        """Returns the actor's output (lane, choices or size) for the newest observations in memories (lane, memory)."""
        counts = memory[:, -1].astype(np.int64)
        longest = int(counts.max())
        observed, parts = self.observed(memory)[:, :longest], []
        lanes = max(1, _TOKENS // longest)
        for start in range(0, len(memory), lanes):
            part = slice(start, start + lanes)
            with self.precision():
                features = self.network(self.input(observed[part]))
            newest = torch.from_numpy(counts[part] - 1).to(self.device)
            parts.append(features[torch.arange(len(newest), device=self.device), newest])
        output: Tensor = self.network.heads.actor(torch.cat(parts))
        return output
