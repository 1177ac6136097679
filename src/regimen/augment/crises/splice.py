"""A crisis in the place of real bars: its prices follow those before it, and those after it follow its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regimen.augment.crises.mechanisms import crisis
from regimen.augment.crises.templates import Template
from regimen.augment.ratios import Ratios, ratios_of, requoted, with_ratios
from regimen.bars import Bars

Floats = NDArray[np.float64]
_POINTS = 8
"""Prices inside a bar, at least, from which its high and its low are taken."""


def spliced(bars: Bars, crises: list[tuple[int, Template]], random: np.random.Generator) -> Bars:
    """Returns bars with crises in them; none of them may overlap another or reach beyond the end.

    Where a symbol has no bar it has none in a crisis either. The money that is traded in a bar stays what it was, but
    for the crisis itself, in which it is the template's multiple of that and largest where the price moves most; the
    volume follows from it. A ``bid`` and an ``ask`` stay as far from the close as they were; other columns stay.

    Args:
        bars: real ones, or resampled ones.
        crises: the position of the first bar of each, and what it is.
        random: draws.
    """
    ratios = Ratios(*(each.copy() for each in ratios_of(bars)))
    there, factor = bars.present, np.ones(bars.shape)
    for start, template in crises:
        own = inside(random, crisis(random, template, len(bars.symbols)), template.step, bars.bar_length)
        span = slice(start, start + len(own.close))
        moves = np.abs(np.log(own.close))
        factor[span] = template.turnover * (0.5 + 0.5 * moves / np.maximum(moves.mean(axis=0), 1e-12))
        for column, values in zip(ratios, own, strict=True):
            column[span] = np.where(there[span], values, np.nan)
    path = with_ratios(bars, ratios, bars.volume, source=f"{bars.source} (with crises)")
    level = path.close / bars.close
    return replace(path, volume=path.volume * factor / level, extras=requoted(bars.extras, level))


def inside(random: np.random.Generator, returns: Floats, step: int, bar_length: int) -> Ratios:
    """Returns bars (time, symbol) of log returns that are given by steps of any length.

    Between two steps the price is a Brownian bridge, so that a bar has a high and a low; at each step that ends a bar
    its close is the given one. A bar opens at the close before it.

    Args:
        random: draws.
        returns: (steps, symbol) log returns.
        step: nanoseconds of one.
        bar_length: nanoseconds of a bar.
    """
    parts = max(1, -(-_POINTS * step // bar_length))
    steps, symbols = returns.shape
    usual = np.median(np.abs(returns - np.median(returns, axis=0)), axis=0) * 1.4826
    drawn = random.standard_normal((steps, parts, symbols)) * usual / np.sqrt(parts)
    fine = returns[:, None] / parts + drawn - drawn.mean(axis=1, keepdims=True)
    x = np.cumsum(fine.reshape(steps * parts, symbols), axis=0)
    bar = np.arange(steps * parts) * step // (parts * bar_length)
    first = np.flatnonzero(np.diff(bar, prepend=-1))
    close = x[np.append(first[1:], len(x)) - 1]
    opened = np.concatenate([np.zeros((1, symbols)), close[:-1]])
    high = np.maximum(np.maximum.reduceat(x, first), opened)
    low = np.minimum(np.minimum.reduceat(x, first), opened)
    return Ratios(np.ones_like(close), *(np.exp(each - opened) for each in (high, low, close)))
