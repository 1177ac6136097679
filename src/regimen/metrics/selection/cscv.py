"""The probability of backtest overfitting: how often the best of many in one half is below the middle in the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.jit import jit
from regimen.metrics.resampling import block_positions
from regimen.metrics.selection.panel import checked, panel_block_length
from regimen.seeding import generator

Matrix = NDArray[np.float64]
Series = NDArray[np.float64]
Rows = NDArray[np.int64]

_FLAT = 1e-12
"""Variance in a half, in units of that of the whole, below which a strategy did not move there."""
_NULL_PAIRS = 200
"""Pairs of halves that each set of noise is measured by: more change its spread by less than a hundredth."""


@dataclass(frozen=True, eq=False)
class Overfitting:
    """What CSCV says of choosing the best of N by its Sharpe ratio, and how little one data set says.

    Attributes:
        pbo: share of the splits in which the best of one half is at or below the median of the other.
        strategies, rows, blocks, splits: N, T, S, and how many ways there are to halve the blocks.
        null_low, null_high: where 95 % of the PBO of such data without any difference between its strategies lie.
        p: share of that noise whose PBO is as low; the chance that a PBO like this means nothing.
        loss: share of the splits in which the best of one half lost money in the other.
        slope: of the chosen one's Sharpe ratio outside its half on that inside it; near −1 where all is luck.
        logits: (split,) ln(ω / (1 − ω)), ω the chosen one's relative rank outside its half.
        draws: sets of noise; 0 leaves ``null_low``, ``null_high`` and ``p`` NaN.
    """

    pbo: float
    strategies: int
    rows: int
    blocks: int
    splits: int
    null_low: float
    null_high: float
    p: float
    loss: float
    slope: float
    draws: int
    logits: Series = field(repr=False)


def pbo(returns: Matrix, *, blocks: int = 16, draws: int = 200, seed: int = 0) -> Overfitting:
    """Returns the probability of backtest overfitting by combinatorially symmetric cross-validation (CSCV).

    The rows are cut into S blocks, and half of the blocks stand in turn for what was known when the best was chosen,
    the other half for what came later, in all ways. ω = rank / (N + 1) is the chosen one's rank outside, and the PBO
    the share of the splits with ω <= 1/2. Among strategies that do not differ it is 1/2 on average, and on a single
    data set anything from .2 to .8: **no threshold on one PBO separates luck from skill**. So it comes with what the
    same number of rows and strategies give where nothing differs: the rows drawn again by the stationary bootstrap,
    strategies together, each strategy less its own mean.

    Args:
        returns: (time, strategy) simple returns of the same spans, e.g. of the days that all trials traded. A strategy
            that does not move in a half has a Sharpe ratio of 0 there.
        blocks: S, even; each has at least two rows, and the last rows are left out where they do not divide.
        draws: sets of noise; 0 asks for none.
        seed: of the noise.

    Raises:
        ConfigError: fewer than two strategies, too few rows for the blocks, a number of blocks that is odd, below 4 or
            above 20, or a return that is not finite.

    Source: Bailey, Borwein, López de Prado and Zhu, The probability of backtest overfitting (Journal of Computational
    Finance 20, 2017), section 3. Deviation: ties share their ranks.
    """
    values = checked(returns, at_least=2)
    if blocks % 2 or not 4 <= blocks <= 20:
        raise ConfigError("blocks", "must be even, from 4 to 20", blocks)
    if len(values) < 2 * blocks:
        raise ConfigError("returns", f"must have at least {2 * blocks} rows for {blocks} blocks", len(values))
    rows = len(values) // blocks * blocks
    values = values[:rows]
    scale = values.std(axis=0)
    scale[~(scale > 0.0)] = 1.0
    offset = values.mean(axis=0) / scale
    moved = values / scale - offset  # centred and scaled: sums of squares lose no digits
    halves = _halves(blocks)
    ranks, inside, outside = _chosen(*_block_sums(moved, np.arange(rows), blocks), offset, halves, rows // 2)
    null = _null(moved, halves, draws, seed)
    observed = _share(ranks)
    low, high = np.quantile(null, [0.025, 0.975]) if draws else (math.nan, math.nan)
    return Overfitting(
        pbo=observed,
        strategies=values.shape[1],
        rows=rows,
        blocks=blocks,
        splits=len(ranks),
        null_low=float(low),
        null_high=float(high),
        p=(1.0 + float((null <= observed).sum())) / (draws + 1.0) if draws else math.nan,
        loss=float((outside < 0.0).mean()),
        slope=_slope(inside, outside),
        draws=draws,
        logits=np.log(ranks / (1.0 - ranks)),
    )


def _halves(blocks: int) -> NDArray[np.bool_]:
    """(pair, block): which blocks are in the half that holds block 0; each pair of halves is two splits."""
    picked = np.array([(0, *rest) for rest in combinations(range(1, blocks), blocks // 2 - 1)])
    halves = np.zeros((len(picked), blocks), dtype=np.bool_)
    np.put_along_axis(halves, picked, True, axis=1)
    return halves


@jit
def _block_sums(values: Matrix, rows: Rows, blocks: int) -> tuple[Matrix, Matrix]:
    """(block, strategy): sums of the values of these rows, and of their squares."""
    strategies, length = values.shape[1], len(rows) // blocks
    sums, squares = np.zeros((blocks, strategies)), np.zeros((blocks, strategies))
    for t in range(length * blocks):
        block, row = t // length, rows[t]
        for s in range(strategies):
            value = values[row, s]
            sums[block, s] += value
            squares[block, s] += value * value
    return sums, squares


@jit
def _chosen(
    sums: Matrix, squares: Matrix, offset: Series, halves: NDArray[np.bool_], count: int
) -> tuple[Series, Series, Series]:
    pairs, blocks = halves.shape
    strategies = sums.shape[1]
    ranks, inside, outside = np.empty(2 * pairs), np.empty(2 * pairs), np.empty(2 * pairs)
    totals, powers, sharpes = np.empty((2, strategies)), np.empty((2, strategies)), np.empty((2, strategies))
    for pair in range(pairs):
        totals[:], powers[:] = 0.0, 0.0
        for block in range(blocks):
            side = 0 if halves[pair, block] else 1
            for s in range(strategies):
                totals[side, s] += sums[block, s]
                powers[side, s] += squares[block, s]
        for side in range(2):
            for s in range(strategies):
                mean = totals[side, s] / count
                variance = (powers[side, s] / count - mean * mean) * count / (count - 1)
                sharpes[side, s] = (mean + offset[s]) / math.sqrt(variance) if variance > _FLAT else 0.0
        for side in range(2):
            best = int(np.argmax(sharpes[side]))
            later = sharpes[1 - side, best]
            below, level = 0, 0
            for s in range(strategies):
                below += sharpes[1 - side, s] < later
                level += sharpes[1 - side, s] == later
            split = 2 * pair + side
            ranks[split] = (below + 0.5 * (level + 1)) / (strategies + 1)
            inside[split], outside[split] = sharpes[side, best], later
    return ranks, inside, outside


def _share(ranks: Series) -> float:
    return float((ranks <= 0.5).mean())


def _null(centred: Matrix, halves: NDArray[np.bool_], draws: int, seed: int) -> Series:
    """(draw,) the PBO of the rows drawn again where no strategy has a mean: none is better than another."""
    random = generator(seed, "selection", "pbo")
    length, blocks, nothing = panel_block_length(centred), halves.shape[1], np.zeros(centred.shape[1])
    if len(halves) > _NULL_PAIRS:
        halves = halves[random.choice(len(halves), _NULL_PAIRS, replace=False)]
    shares = np.empty(draws)
    for draw in range(draws):
        rows = block_positions(len(centred), length, 1, random)[0]
        sums, squares = _block_sums(centred, rows, blocks)
        shares[draw] = _share(_chosen(sums, squares, nothing, halves, len(centred) // 2)[0])
    return shares


def _slope(inside: Series, outside: Series) -> float:
    spread = inside - inside.mean()
    total = float(spread @ spread)
    return float(spread @ outside) / total if total > 0.0 else math.nan
