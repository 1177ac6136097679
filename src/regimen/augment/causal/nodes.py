"""Bars as the nodes of a causal graph, and bars again from what the nodes would have been."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regimen.augment.ratios import Ratios, ratios_of, requoted, with_ratios
from regimen.bars import Bars

Floats = NDArray[np.float64]
NODES = ("regime", "volatility", "volume", "return")


def nodes_of(bars: Bars, memory: int) -> dict[str, Floats]:
    """Returns the nodes of bars, (time, symbol) each, less each symbol's own mean.

    ``regime``: mean of the volatility over the bars before, as many as the memory, fewer at the start; ``volatility``:
    logarithm of the log range from low to high; ``volume``: logarithm of the volume; ``return``: logarithm of the size
    of the log return from close to close, whose sign belongs to the noise. What has no logarithm, and what there is no
    bar of, is at its mean.

    Args:
        bars: of the training slice.
        memory: bars.
    """
    ratios = ratios_of(bars)
    with np.errstate(divide="ignore", invalid="ignore"):
        volatility = np.log(np.log(ratios.high / ratios.low))
        size = np.log(np.abs(np.log(ratios.close)))
        volume = np.log(np.where(bars.present, bars.volume, np.nan))
    volatility = _centred(volatility)
    return {
        "regime": _centred(_mean_before(volatility, memory)),
        "volatility": volatility,
        "volume": _centred(volume),
        "return": _centred(size),
    }


def bars_from(bars: Bars, changes: Mapping[str, Floats]) -> Bars:
    """Returns bars whose nodes differ by so much from those of the given ones; a change of 0 leaves them as they are.

    The return is scaled by that of its size, and the rest of the bar by that of its range, but for what reaches over
    the new close. A volume is scaled by its own. Missing bars, and returns and volumes of 0, stay.

    Args:
        bars: of the training slice.
        changes: by node, (time, symbol) each; a node that is not there does not change.
    """
    ratios = ratios_of(bars)
    still = np.zeros(bars.shape)
    scale = np.exp(changes.get("volatility", still))
    close = np.exp(np.log(ratios.close) * np.exp(changes.get("return", still)))
    opened, high, low = (np.exp(np.log(each) * scale) for each in (ratios.open, ratios.high, ratios.low))
    new = Ratios(opened, np.maximum(high, np.maximum(opened, close)), np.minimum(low, np.minimum(opened, close)), close)
    path = with_ratios(bars, new, bars.volume * np.exp(changes.get("volume", still)))
    return replace(path, extras=requoted(bars.extras, path.close / bars.close))


def _centred(values: Floats) -> Floats:
    """Returns values less each symbol's mean; 0 where there is none."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    whole = np.where(known, values, 0.0)
    centred: Floats = np.where(known, values - whole.sum(axis=0) / count, 0.0)
    return centred


def _mean_before(values: Floats, memory: int) -> Floats:
    """Returns the mean of the values before each, (time, symbol); 0 for the first."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    place = np.arange(len(values))
    first = np.maximum(place - memory, 0)
    mean: Floats = (total[place] - total[first]) / np.maximum(place - first, 1)[:, None]
    return mean
