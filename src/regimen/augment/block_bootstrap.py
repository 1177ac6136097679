"""Paths from blocks of real bars in another order: what lasts shorter than a block stays, what lasts longer goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.augment.paths import Path, bars_of_training
from regimen.augment.ratios import in_order
from regimen.bars import Bars
from regimen.seeding import generator
from regimen.splits import Slice


class BlockBootstrapConfig(BaseModel):
    """The stationary bootstrap: blocks of geometric length begin anywhere in the slice and run around its end.

    An autocovariance of returns at lag k becomes ``(1 − 1/block)^k`` times the (circular) one of the slice. All
    symbols of a panel are drawn together, so that what they share stays.

    Source: Politis and Romano, The stationary bootstrap (Journal of the American Statistical Association 89, 1994).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["block_bootstrap"] = Field("block_bootstrap", description="Blocks of real bars in another order.")
    paths: int = Field(1, ge=1, le=1000, description="Paths to learn from besides the real one, each as long.")
    block: float = Field(100.0, gt=1.0, description="Mean length of a block, in bars.")

    def fit(self, bars: Bars, part: Slice, warmup: int = 0) -> BlockBootstrap:
        """Returns the paths of a training slice; see `regimen.augment.paths.bars_of_training` for what is refused."""
        return BlockBootstrap(bars_of_training(bars, part, warmup), self.block, self.paths)


@final
@dataclass(frozen=True, eq=False)
class BlockBootstrap:
    """See `BlockBootstrapConfig`.

    Attributes:
        slice_bars: the bars of the training slice, and no others.
        block: mean length of a block.
        number: of paths.
    """

    slice_bars: Bars
    block: float
    number: int = 1

    def paths(self, seed: int) -> Sequence[Path]:
        """Returns the paths of a seed; all of their rows are learned from."""
        return [Path(bars) for bars in self.bars(self.number, seed)]

    def bars(self, number: int, seed: int) -> Sequence[Bars]:
        """Returns so many paths as long as the slice, at its times, which begin with its first bar.

        A bar is drawn as what it was relative to its symbol's close before it, with its volume and its other columns;
        a bar that was missing is missing where it is drawn.
        """
        return [self._path(generator(seed, "augment", k)) for k in range(number)]

    def _path(self, random: np.random.Generator) -> Bars:
        own = self.slice_bars
        chosen = np.concatenate([[0], blocks(random, len(own), self.block)])
        return in_order(own, chosen, f"{own.source} (block bootstrap)")


def blocks(random: np.random.Generator, bars: int, mean: float) -> NDArray[np.int64]:
    """Returns positions (bars − 1,) in 1 to bars − 1: runs of geometric length with the given mean, around the end."""
    steps = bars - 1
    begins = random.random(steps) < 1.0 / mean
    begins[0] = True
    place = np.flatnonzero(begins)
    since = np.arange(steps) - place[np.cumsum(begins) - 1]
    starts = random.integers(0, steps, len(place))[np.cumsum(begins) - 1]
    position: NDArray[np.int64] = 1 + (starts + since) % steps
    return position
