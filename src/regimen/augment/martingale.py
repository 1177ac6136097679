"""A market that nobody can predict, with the volatility of a real one: its own moves in other places, signs drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regimen.augment.block_bootstrap import blocks
from regimen.augment.ratios import Ratios, ratios_of, requoted, with_ratios
from regimen.bars import Bars
from regimen.seeding import generator

Floats = NDArray[np.float64]
BLOCK = 100.0
"""Mean length of a block, in bars."""


def matched_martingale(bars: Bars, seed: int, block: float = BLOCK) -> Bars:
    """Returns bars of which each open has the close before it as its mean, and each close its own open.

    Blocks of bars are drawn as by `BlockBootstrap`; then the gap before each bar, and the bar itself from its open on,
    are turned upside down or left as they are. A move to g times the price stays with probability 1 / (1 + g), else it
    goes to 1 / g: its mean is 1, so that there is neither drift nor momentum nor reversion, and the size of its
    logarithm stays, so that volatility, its clusters and its seasons in a block stay. One number is drawn for all
    symbols, which keeps what they share. Volumes and other columns go with their bars; a ``funding_rate`` is turned
    around by a coin of its own, because one that can be foreseen is a drift.

    Where a symbol lacks a bar somewhere all bars stay in their order: when it is listed is nothing to be drawn.

    Args:
        bars: the whole series; adjusted prices where it has an adjustment.
        seed: of blocks and signs.
        block: mean length of a block.

    Source: the stationary bootstrap of Politis and Romano (1994), with the signs of a wild bootstrap (Wu, Annals of
    Statistics 14, 1986), weighted so that prices and not their logarithms are the martingale.
    """
    own = bars.adjusted() if "adjustment" in bars.extras else bars
    random = generator(seed, "martingale")
    places = np.arange(len(own))
    if own.present.all():
        places[1:] = blocks(random, len(own), block)
    before, volume = ratios_of(own).at(places), own.volume[places]
    gap, inside = before.open, Ratios(*(each / before.open for each in before))
    turned = _turned(gap, random), _turned(inside.close, random)
    opens = np.where(turned[0], 1.0 / gap, gap)
    moved = Ratios(
        inside.open,
        np.where(turned[1], 1.0 / inside.low, inside.high),
        np.where(turned[1], 1.0 / inside.high, inside.low),
        np.where(turned[1], 1.0 / inside.close, inside.close),
    )
    path = with_ratios(own, Ratios(*(opens * each for each in moved)), volume, source=f"{own.source} (martingale)")
    extras = requoted({name: each[places] for name, each in own.extras.items()}, path.close / own.close[places])
    if "funding_rate" in extras:
        extras["funding_rate"] = extras["funding_rate"] * random.choice((-1.0, 1.0), size=len(own))[:, None]
    return replace(path, extras=extras)


def _turned(growth: Floats, random: np.random.Generator) -> NDArray[np.bool_]:
    """Returns which moves are turned upside down, (time, symbol): one number for all symbols, the first bar never."""
    turned = random.random(len(growth))[:, None] >= 1.0 / (1.0 + growth)
    turned[0] = False
    return np.asarray(turned)
