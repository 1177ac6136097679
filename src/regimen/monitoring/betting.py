"""A bet that one of two forecasters is better, on the bars that both have seen: a test that may be read at any time."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Floats = NDArray[np.float64]

WAGERED = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
"""Shares of wealth that are bet on a block whose like had a deviation of 1/4; who bets spreads his money on them."""
MOST_WAGERED = 0.95
"""Of a stake's wealth, on one block."""
LEAST_CHANCE = 1e-3
"""Probability below which a forecast counts as this: its log loss stays finite."""
FAR = 4.0
"""Deviations of the past beyond which a difference of growth counts as no more."""
LEAST_APART = 0.5
"""Deviation of a difference of growth, in those of the accounts themselves: who wins a little and has not yet lost has
none."""
_PRIOR = 2.0
"""Blocks that the deviation of the first ones is guessed from."""


class WagerConfig(BaseModel):
    """How two policies are compared bar by bar: a bet against "the other one is no better"."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["betting"] = Field("betting", description="A bet of growing wealth.")
    level: float = Field(
        0.05, gt=0.0, lt=1.0, description="Chance of ever deciding for what is no better, however often one looks."
    )
    block: int = Field(24, ge=1, description="Bars that are bet on together.")
    gap: int = Field(0, ge=0, description="Bars left out behind a block: as far as the outcome of a bar reaches.")


class Wealth(NamedTuple):
    """What a bet came to, block after block.

    Attributes:
        logs: (..., block) logarithm of the wealth of who began with 1, after each block.
        known: (block,) position of the bar at whose close a block's outcome is known.
    """

    logs: Floats
    known: NDArray[np.int64]

    def reaches(self, level: float) -> NDArray[np.int64]:
        """Returns (...) the bar at whose close the wealth first is 1 / level or more; −1 where it never is."""
        beyond = self.logs >= -math.log(level)
        if not len(self.known):
            return np.full(beyond.shape[:-1], -1, np.int64)
        return np.where(beyond.any(axis=-1), self.known[beyond.argmax(axis=-1)], -1)


def wager(units: Floats, config: WagerConfig) -> Wealth:
    """Bets against "given all that was known before, no bar's unit has a mean above 0".

    Blocks of ``block`` bars follow each other with ``gap`` bars between them. A block with the mean m multiplies the
    wealth of the stake λ by ``1 + λm / 4d``, d the deviation of the blocks before it, and never bets more than 95 % of
    it; the wealth is the mean over five stakes. Units lie in [−1, 1], so no stake ever loses all. Where what is bet
    against is true, the wealth at the ends of blocks is a supermartingale, and the chance that it ever reaches
    1 / level is at most ``level`` (Ville), whenever one looks and stops.

    The gap is what makes this hold for outcomes that take several bars: with it all outcomes of a block are known when
    the next one begins. Without it labels that overlap are counted again and again.

    Args:
        units: (..., time) how much better the second one was at each bar, from −1 to 1; what is not finite is left out,
            and a block of nothing else is no bet. `loss_units` and `growth_units` make them.
        config: the settings; the level is for whoever reads the wealth.

    Source: I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", Journal of the
    Royal Statistical Society B 86 (2024); A. Henzi and J. F. Ziegel, "Valid sequential inference on probability
    forecast performance", Biometrika 109 (2022), who average over lagged bets where we leave bars out.
    """
    step = config.block + config.gap
    blocks = units.shape[-1] // step
    parts = units[..., : blocks * step].reshape(*units.shape[:-1], blocks, step)[..., : config.block]
    finite = np.isfinite(parts)
    means = np.where(finite, parts, 0.0).sum(axis=-1) / np.maximum(finite.sum(axis=-1), 1)
    squares = means * means
    before = (squares.cumsum(axis=-1) - squares + _PRIOR / FAR**2) / (np.arange(blocks) + _PRIOR)
    shares = np.minimum(WAGERED / (FAR * np.sqrt(before)[..., None]), MOST_WAGERED)
    stakes = np.log1p(shares * means[..., None]).cumsum(axis=-2)
    most = stakes.max(axis=-1)
    logs = np.asarray(most + np.log(np.exp(stakes - most[..., None]).mean(axis=-1)))
    return Wealth(logs, np.arange(1, blocks + 1) * step - 1)


def loss_units(first: Floats, second: Floats, classes: NDArray[np.integer]) -> Floats:
    """Returns by how much the log loss of the second forecaster is below that of the first, in [−1, 1].

    The difference is divided by the largest one that any class could bring at that row, or by the mean of these over
    the rows before it where that is larger: both are known when the forecasts are.

    Args:
        first, second: (..., time, class) probabilities; rows that are not finite give NaN.
        classes: (..., time) what came; below 0 where it is not known, which gives NaN.
    """
    known = np.asarray(np.isfinite(first).all(axis=-1) & np.isfinite(second).all(axis=-1))
    logs = np.log(np.maximum(second, LEAST_CHANCE)) - np.log(np.maximum(first, LEAST_CHANCE))
    logs = np.where(known[..., None], logs, 0.0)
    most = np.abs(logs).max(axis=-1)
    came = np.take_along_axis(logs, np.maximum(classes, 0)[..., None].astype(np.int64), axis=-1)[..., 0]
    scale = np.maximum(most, _mean_before(most, known))
    units = np.where(scale > 0.0, came / np.where(scale > 0.0, scale, 1.0), 0.0)
    return np.where(known & (classes >= 0), units, np.nan)


def growth_units(first: Floats, second: Floats, block: int, warm: int = 10) -> Floats:
    """Returns by how much the second account grew more than the first, in [−1, 1].

    The difference of log growth over a block is divided by four deviations of the blocks before it, and cut off beyond;
    a deviation is the root mean square of these differences, or half that of the accounts' own growth where that is
    more. So what is bet against is that differences within four deviations have a mean of 0 or less: an account that
    wins a little every day and loses much more than that once a year is taken for better until it has lost.

    Args:
        first, second: (..., time) log growth of each bar.
        block: bars; each bar of a block has the unit of all of it.
        warm: blocks before the first bet; their units are 0.
    """
    blocks = first.shape[-1] // block
    mine, theirs = (each[..., : blocks * block].reshape(*each.shape[:-1], blocks, block) for each in (first, second))
    mine, theirs = (np.where(np.isfinite(each), each, 0.0).sum(axis=-1) for each in (mine, theirs))
    gaps, known = theirs - mine, np.ones(mine.shape, np.bool_)
    own = LEAST_APART**2 * np.maximum(_mean_before(mine * mine, known), _mean_before(theirs * theirs, known))
    scale = FAR * np.sqrt(np.maximum(_mean_before(gaps * gaps, known), own))
    ready = (np.arange(blocks) >= warm) & (scale > 0.0)
    units = np.where(ready, np.clip(gaps / np.where(ready, scale, 1.0), -1.0, 1.0), 0.0)
    rest = first.shape[-1] - blocks * block
    return np.concatenate([np.repeat(units, block, axis=-1), np.full((*units.shape[:-1], rest), np.nan)], axis=-1)


def _mean_before(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """Returns (..., time) mean of the known values before each; 0 where there are none."""
    counted = np.where(known, values, 0.0)
    number = known.cumsum(axis=-1) - known
    return np.asarray((counted.cumsum(axis=-1) - counted) / np.maximum(number, 1))
