"""Running mean and variance of columns, merged batch by batch: what observations and rewards are scaled by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

_FLAT = 1e-12


class Normalising(Protocol):
    """What the config of an agent says of its observations."""

    @property
    def normalise_observations(self) -> bool:
        """Whether columns are centred and scaled by what was seen."""

    @property
    def observation_clip(self) -> float:
        """The largest normalised observation."""


@final
class RunningMoments:
    """Count, mean and sum of squared deviations of every column, as if all batches had been one.

    A column that has not varied has scale 1. The state changes in `merge` only, so that whoever does not call it
    has a frozen one.

    Args:
        width: number of columns.

    Source: Chan, Golub and LeVeque (1979), the pairwise form of Welford's recursion.
    """

    def __init__(self, width: int) -> None:
        self.count = 0.0
        self.mean = np.zeros(width)
        self.squares = np.zeros(width)
        self._shift_and_factor: tuple[Tensor, Tensor] | None = None

    def merge(self, batch: NDArray[Any]) -> None:
        """Takes in the rows of a batch (n, width); sums are made in float64."""
        rows = np.asarray(batch, dtype=np.float64)
        if len(rows) == 0:
            return
        mean = rows.mean(axis=0)
        squares = np.square(rows - mean).sum(axis=0)
        total = self.count + len(rows)
        apart = mean - self.mean
        self.squares += squares + np.square(apart) * (self.count * len(rows) / total)
        self.mean += apart * (len(rows) / total)
        self.count = total
        self._shift_and_factor = None

    @property
    def variance(self) -> NDArray[np.float64]:
        """(width,) the population's variance; 0 before the first row."""
        return self.squares / max(self.count, 1.0)

    @property
    def scale(self) -> NDArray[np.float64]:
        """(width,) the standard deviation; 1 where a column has not varied beyond rounding."""
        variance = self.variance
        varied = variance > _FLAT * (np.square(self.mean) + 1e-30)
        return np.where(varied, np.sqrt(np.where(varied, variance, 1.0)), 1.0)

    def shift_and_factor(self) -> tuple[Tensor, Tensor]:
        """Returns the mean and one over the scale as float32 (width,), to be read only: 0 and 1 before any row."""
        if self._shift_and_factor is None:
            import torch

            self._shift_and_factor = torch.from_numpy(self.mean).float(), torch.from_numpy(1.0 / self.scale).float()
        return self._shift_and_factor

    def normalised(self, rows: Tensor, limit: float, scaled: bool = True) -> Tensor:
        """Returns new rows (..., width): less the mean, over the scale, held within ±limit.

        Args:
            rows: raw ones.
            limit: of what is returned.
            scaled: False: they are held within ±limit only.
        """
        if not scaled:
            return rows.clamp(-limit, limit)
        shift, factor = self.shift_and_factor()
        return (rows - shift).mul_(factor).clamp_(-limit, limit)

    def network_input(self, rows: NDArray[np.float32], config: Normalising) -> Tensor:
        """Returns what a network is given for raw observations (..., width), as the agent's config has it."""
        import torch

        return self.normalised(torch.from_numpy(rows), config.observation_clip, config.normalise_observations)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Returns copies of all that changes."""
        return {"count": np.array([self.count]), "mean": self.mean.copy(), "squares": self.squares.copy()}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Goes on from a `state`."""
        self.count = float(state["count"][0])
        self.mean, self.squares = state["mean"].copy(), state["squares"].copy()
        self._shift_and_factor = None
