"""A potential that is learned: a network's estimate of what an observation is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen.envs.spec import EnvSpec
from regimen.envs.wrappers.potentials import Flags, Floats, LearnedPotentialConfig
from regimen.nets import MLP, descend, first_weights
from regimen.ops import arrays
from regimen.seeding import generator
from regimen.stateful import below, under

_CLIP = 10.0
"""Deviations beyond which a column says no more."""
_STEPS = ("rows", "rewards", "terminated", "truncated", "finals")
_SCALES = ("shift", "factor", "level", "size")


@final
class LearnedPotential:
    """A network that is fitted on discounted returns; between two fits it stands still.

    The returns are those of the lanes' own rewards over the last ``every`` steps of each lane, and of what Φ itself
    says of the last of them, or of the last observation of an episode that was cut; nothing follows ruin. Columns and
    returns are scaled by mean and deviation of the first fit's. It is evaluated in evaluation mode and without
    gradients.

    Args:
        config: its numbers.
        spec: columns of the lanes.
        lanes: how many.
        gamma: discount of a step.

    Attributes:
        network: what is fitted.
        fits: so far.
    """

    def __init__(self, config: LearnedPotentialConfig, spec: EnvSpec, lanes: int, gamma: float) -> None:
        self.config, self.gamma, self.fits, self._filled = config, gamma, 0, 0
        names = config.columns or spec.columns
        self._places = np.array([spec.columns.index(name) for name in names])
        with first_weights(config.seed, "potential", "weights"):
            self.network = MLP(len(names), 1, config.hidden, activation="tanh").double()  # Φ is the same in any batch
        nn.init.zeros_(self.network.head.weight)
        nn.init.zeros_(self.network.head.bias)
        shape = (config.every, lanes)
        self._rows = np.zeros((*shape, len(names)), np.float32)
        self._rewards, self._finals = np.zeros(shape), np.zeros(shape)
        self._terminated, self._truncated = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        self._shift, self._factor = np.zeros(len(names)), np.ones(len(names))
        self._level, self._size = np.zeros(1), np.ones(1)

    def __call__(self, rows: NDArray[Any]) -> Floats:
        """Returns Φ (row,) of observations (row, width)."""
        return self._worth(rows[:, self._places].astype(np.float32))

    def watch(self, rows: NDArray[Any], rewards: Floats, terminated: Flags, truncated: Flags, finals: Floats) -> None:
        """Takes note of a step; see `Potential`."""
        t = self._filled
        self._rows[t], self._rewards[t] = rows[:, self._places], rewards
        self._terminated[t], self._truncated[t], self._finals[t] = terminated, truncated, finals
        self._filled += 1

    def improve(self, rows: NDArray[Any]) -> None:
        """Fits the network once ``every`` steps have been noted; rows (lane, width) are what the lanes show now.

        Raises:
            RunError: the loss is not finite.
        """
        if self._filled < self.config.every:
            return
        values = self._worth(self._rows.reshape(-1, self._rows.shape[2])).reshape(self._rewards.shape)
        successors = arrays.successor_values(values, self(rows), self._truncated, self._finals)
        flags = self._terminated, self._truncated
        self._fit(np.asarray(arrays.lambda_returns(self._rewards, successors, *flags, self.gamma, 1.0)))
        self._filled = 0

    def begin(self) -> None:
        """Forgets the steps since the last fit: the lanes have been reset."""
        self._filled = 0

    def _fit(self, returns: Floats) -> None:
        config, rows = self.config, self._rows.reshape(-1, self._rows.shape[2])
        if self.fits == 0:
            deviation = rows.std(axis=0, dtype=np.float64)
            self._shift, self._factor = (
                rows.mean(axis=0, dtype=np.float64),
                1.0 / np.where(deviation > 0.0, deviation, 1.0),
            )
            self._level[:], spread = returns.mean(), returns.std()
            self._size[:] = spread if spread > 0.0 else 1.0
        x = self._scaled(rows)
        y = torch.from_numpy(((returns - self._level) / self._size).ravel())
        random = generator(config.seed, "potential", "fit", self.fits)

        def loss(step: int) -> Tensor:
            del step
            chosen = torch.from_numpy(random.integers(0, len(x), min(config.minibatch_size, len(x))))
            distance: Tensor = self.network(x[chosen])[:, 0] - y[chosen]
            return distance.square().mean()

        self.network.train()
        with torch.enable_grad():
            descend(self.network.parameters(), loss, config.updates, config.learning_rate)
        self.fits += 1

    @torch.no_grad()
    def _worth(self, rows: NDArray[np.float32]) -> Floats:
        if self.fits == 0:
            return np.zeros(len(rows))
        self.network.eval()
        worth = self.network(self._scaled(rows))[:, 0].numpy()
        return np.asarray(self._level + self._size * worth)

    def _scaled(self, rows: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.clip((rows - self._shift) * self._factor, -_CLIP, _CLIP))

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes: weights, scales, and the steps noted since the last fit."""
        weights = under("network/", {name: each.numpy().copy() for name, each in self.network.state_dict().items()})
        own = {name: getattr(self, f"_{name}").copy() for name in (*_STEPS, *_SCALES)}
        return weights | own | {"counts": np.array([self._filled, self.fits])}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit."""
        weights = below(state, "network/")
        self.network.load_state_dict({name: torch.from_numpy(each.copy()) for name, each in weights.items()})
        for name in (*_STEPS, *_SCALES):
            setattr(self, f"_{name}", state[name].copy())
        self._filled, self.fits = state["counts"].tolist()
