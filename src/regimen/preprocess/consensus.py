"""`ConsensusAutoencoder`: what two autoencoders that read different columns both say the rows are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import SplitError
from regimen.jit import jit
from regimen.preprocess.fitted import State, Values

Layers = tuple[tuple[Values, Values], ...]
"""Weight (input, output) and bias (output,) of each; tanh stands behind all but the middle one and the last."""


@jit
def _layer(rows: Values, weight: Values, bias: Values) -> Values:
    """Returns rows (n, output); every sum is added in one order, whatever the number of rows."""
    out = np.empty((rows.shape[0], weight.shape[1]))
    for i in range(rows.shape[0]):
        out[i] = bias
        for k in range(weight.shape[0]):
            for j in range(weight.shape[1]):
                out[i, j] += rows[i, k] * weight[k, j]
    return out


@jit
def _bend(rows: Values) -> Values:
    """Returns the hyperbolic tangents of rows (n, width), one number after the other."""
    out = np.empty_like(rows)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            out[i, j] = np.tanh(rows[i, j])
    return out


def _reconstructed(rows: Values, layers: Layers) -> Values:
    for number, (weight, bias) in enumerate(layers, start=1):
        rows = _layer(np.ascontiguousarray(rows), weight, bias)
        if number not in (len(layers) // 2, len(layers)):
            rows = _bend(rows)
    return rows


@final
@dataclass(frozen=True, eq=False)
class ConsensusAutoencoder:
    """See `ConsensusConfig`. A row is seen alone: nothing is remembered.

    Attributes:
        names: columns, in their order.
        mean, scale: (feature,) of the training slice.
        clip: standardised values are cut at ± this; infinite for no limit.
        target: (feature,) bool: the columns that become what the two agree on; others pass bit for bit.
        views: (2, feature) bool: the columns that each reads.
        nets: the layers of the two.

    Source: Feiler, Strong denoising of financial time-series (2024), arXiv 2408.05690.
    """

    names: tuple[str, ...]
    mean: Values
    scale: Values
    clip: float
    target: NDArray[np.bool_]
    views: NDArray[np.bool_]
    nets: tuple[Layers, Layers]

    @property
    def memory(self) -> int:
        """0: a row is seen alone."""
        return 0

    def opinions(self, rows: Values) -> Values:
        """Returns what each of the two says the target's columns of rows (n, feature) are: (2, n, target)."""
        seen = np.minimum(np.maximum((rows - self.mean) / self.scale, -self.clip), self.clip)
        both = [_reconstructed(seen[:, view], net) for view, net in zip(self.views, self.nets, strict=True)]
        return np.stack(both) * self.scale[self.target] + self.mean[self.target]

    def step(self, rows: Values, state: Values) -> tuple[Values, Values]:
        """Returns whole rows (n, feature), the target's columns as the mean of both opinions; and the state."""
        first, second = self.opinions(rows)
        out = rows.copy()
        out[:, self.target] = 0.5 * (first + second)
        return out, state

    def scan(self, values: Values) -> Values:
        """Returns a series (time, symbol, feature); NaN where a row is not whole."""
        rows = values.reshape(-1, values.shape[-1])
        whole = np.isfinite(rows).all(axis=1)
        out = np.full(rows.shape, np.nan)
        out[whole] = self.step(rows[whole], rows[whole, :0])[0]
        return out.reshape(values.shape)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns everything as a dict of arrays, for a file."""
        arrays: dict[str, NDArray[np.generic]] = {
            "names": np.array(self.names, np.str_),
            "mean": self.mean.copy(),
            "scale": self.scale.copy(),
            "clip": np.array(np.nan if np.isinf(self.clip) else self.clip),
            "target": self.target.astype(np.float64),
            "views": self.views.astype(np.float64),
        }
        for one, net in enumerate(self.nets):
            for number, (weight, bias) in enumerate(net):
                arrays |= {f"{one}/{number}/weight": weight.copy(), f"{one}/{number}/bias": bias.copy()}
        return arrays

    @classmethod
    def from_state(cls, state: State) -> ConsensusAutoencoder:
        """Rebuilds the autoencoders from `state`."""
        numbers = {name: np.array(array, np.float64) for name, array in state.items() if name != "names"}
        depth = sum(name.startswith("0/") for name in state) // 2
        if depth not in (2, 4):
            raise SplitError("preprocess: consensus", "needs two or four layers a net", depth)
        first, second = (
            tuple((numbers[f"{one}/{number}/weight"], numbers[f"{one}/{number}/bias"]) for number in range(depth))
            for one in (0, 1)
        )
        clip = float(numbers["clip"])
        return cls(
            tuple(str(name) for name in state["names"]),
            numbers["mean"],
            numbers["scale"],
            np.inf if np.isnan(clip) else clip,
            numbers["target"] > 0.5,
            numbers["views"] > 0.5,
            (first, second),
        )
