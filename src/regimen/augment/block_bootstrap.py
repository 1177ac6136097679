"""Paths from blocks of real bars in another order: what lasts shorter than a block stays, what lasts longer goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.bars import Bars
from regimen.errors import SplitError
from regimen.seeding import generator
from regimen.splits import Slice

Floats = NDArray[np.float64]


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

    def fit(self, bars: Bars, part: Slice) -> BlockBootstrap:
        """Returns the paths of a training slice; no bar outside of it is read.

        Args:
            bars: the whole series; adjusted prices where it has an adjustment.
            part: a slice of role ``train``.

        Raises:
            SplitError: anything but a training slice, or one of fewer than two bars.
        """
        if part.role != "train":
            raise SplitError("augment.fit", "must see the training slice only", part.role)
        if part.stop - part.start < 2:
            raise SplitError("augment.fit", "needs at least two bars", part.stop - part.start)
        own = bars.window(part.start, part.stop)
        return BlockBootstrap(own.adjusted() if "adjustment" in own.extras else own, self.block)


@final
@dataclass(frozen=True, eq=False)
class BlockBootstrap:
    """See `BlockBootstrapConfig`.

    Attributes:
        slice_bars: the bars of the training slice, and no others.
        block: mean length of a block.
    """

    slice_bars: Bars
    block: float

    def bars(self, number: int, seed: int) -> Sequence[Bars]:
        """Returns so many paths as long as the slice, at its times, which begin with its first bar.

        A bar is drawn as what it was relative to its symbol's close before it, with its volume and its other columns;
        a bar that was missing is missing where it is drawn.
        """
        return [self._path(generator(seed, "augment", k)) for k in range(number)]

    def _path(self, random: np.random.Generator) -> Bars:
        own = self.slice_bars
        chosen = np.concatenate([[0], blocks(random, len(own), self.block)])
        before = _filled(own.close)
        first = before[np.isfinite(before).argmax(axis=0), np.arange(len(own.symbols))]
        last = np.concatenate([np.full((1, len(own.symbols)), np.nan), before[:-1]])
        last[0] = first  # the first bar stays as it is
        ratios = {name: (getattr(own, name) / last)[chosen] for name in ("open", "high", "low", "close")}
        growth = np.where(np.isfinite(ratios["close"]), ratios["close"], 1.0)
        level = first * np.concatenate([np.ones((1, growth.shape[1])), np.cumprod(growth, axis=0)[:-1]])
        there = np.isfinite(ratios["close"])
        prices = {name: np.where(there, level * ratio, np.nan) for name, ratio in ratios.items()}
        return replace(
            own,
            open=prices["open"],
            high=prices["high"],
            low=prices["low"],
            close=prices["close"],
            volume=np.where(there, own.volume[chosen], np.nan),
            extras={name: values[chosen] for name, values in own.extras.items()},
            source=f"{own.source} (block bootstrap)",
        )


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


def _filled(close: Floats) -> Floats:
    """Returns closes (time, symbol) with the last known one where there is no bar; NaN before the first."""
    known = np.where(np.isfinite(close), np.arange(len(close))[:, None], -1)
    place = np.maximum.accumulate(known, axis=0)
    return np.where(place >= 0, np.take_along_axis(close, np.maximum(place, 0), axis=0), np.nan)
