"""`poison`: bars whose past is untouched and whose future is noise or missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import Bars
from regimen.seeding import generator

Values = NDArray[np.float64]
Poison = Literal["noise", "nothing"]
POISONS: tuple[Poison, ...] = ("noise", "nothing")


def _with(bars: Bars, columns: dict[str, Values], extras: dict[str, Values]) -> Bars:
    return replace(
        bars,
        open=columns["open"],
        high=columns["high"],
        low=columns["low"],
        close=columns["close"],
        volume=columns["volume"],
        extras=extras,
    )


def poison(bars: Bars, cut: int, how: Poison, seed: int) -> Bars:
    """Replaces the bars at positions >= cut; times, symbols and everything before the cut stay as they are.

    Args:
        bars: what is poisoned; it is not changed.
        cut: first poisoned position.
        how: ``nothing`` makes every price, volume and extra column NaN. ``noise`` makes a wild but possible
            market that has nothing to do with the true one: a random walk with a thousandfold volume and a
            level that jumps by up to a hundredfold at the cut, missing bars filled; extra columns are
            shuffled in time and scaled at random.
        seed: of the noise.
    """
    columns: dict[str, Values] = {
        name: np.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")
    }
    extras = {name: np.array(values) for name, values in bars.extras.items()}
    if how == "nothing":
        for values in (*columns.values(), *extras.values()):
            values[cut:] = np.nan
        return _with(bars, columns, extras)
    rng = generator(seed, "poison", cut)
    shape = (len(bars) - cut, bars.shape[1])
    jump = np.exp(rng.uniform(-np.log(100.0), np.log(100.0), shape[1]))
    close = 100.0 * jump * np.exp(np.cumsum(np.clip(rng.normal(0.0, 0.05, shape), -0.2, 0.2), axis=0) % 3.0)
    open_ = close * np.exp(rng.normal(0.0, 0.03, shape))
    columns["open"][cut:], columns["close"][cut:] = open_, close
    columns["high"][cut:] = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 0.03, shape)))
    columns["low"][cut:] = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 0.03, shape)))
    columns["volume"][cut:] = np.exp(rng.normal(np.log(1e3), 2.0, shape))
    for values in extras.values():
        values[cut:] = rng.permutation(values[cut:], axis=0) * np.exp(rng.normal(0.0, 1.0, shape))
    return _with(bars, columns, extras)
