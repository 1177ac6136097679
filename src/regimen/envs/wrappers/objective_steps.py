"""What a step is worth in each objective, compiled: plain functions of accounts, decisions and prices up to now."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.envs.rewards import log_wealth
from regimen.jit import jit

Floats = NDArray[np.float64]

# Columns of ``past`` (lane, symbol, 4): decisions of the episode, their mean, the last one, and the drawdown after the
# last bar (of the account: in the first symbol's row).
STEPS, MEAN, LAST, DRAWDOWN = 0, 1, 2, 3
PAST = 4
BUCKETS = 21
"""Exposures that exploration tells apart: tenths from −1 to 1; beyond, the outermost."""


@jit
def moves_of(opens: Floats, closes: Floats) -> tuple[Floats, Floats]:
    """Returns the price's moves (time, symbol) from the close before to the open, and from the open to the close.

    Both are simple returns; 0 in a bar that is missing, and across the gap before a symbol's first one.

    Args:
        opens, closes: (time, symbol), continuous over splits, NaN where there is no bar.
    """
    gaps, spans = np.zeros(closes.shape), np.zeros(closes.shape)
    for s in range(closes.shape[1]):
        last = math.nan
        for t in range(closes.shape[0]):
            if math.isnan(closes[t, s]) or math.isnan(opens[t, s]):
                continue
            if not math.isnan(last):
                gaps[t, s] = opens[t, s] / last - 1.0
            spans[t, s] = closes[t, s] / opens[t, s] - 1.0
            last = closes[t, s]
    return gaps, spans


@jit
def score(
    bars: NDArray[np.int64],
    equity: Floats,
    profit: Floats,
    drawdown: Floats,
    ended: NDArray[np.bool_],
    targets: Floats,
    gaps: Floats,
    spans: Floats,
    floor: float,
    past: Floats,
    counts: NDArray[np.int64],
    rewards: Floats,
) -> None:
    """Writes what the step just made is worth (lane, 6) in profit, risk, activity, timing, consistency, exploration.

    Args:
        bars: (lane,) at which was decided; the step ends with the close of the next.
        equity, profit, drawdown: (lane,) after the step, its change, and below the highest of the episode.
        ended: (lane,) whether the episode ended with it.
        targets: (lane, symbol) exposures that were decided; NaN keeps the last.
        gaps, spans: (time, symbol) moves of the prices; see `moves_of`.
        floor: of wealth, quote currency.
        past: (lane, symbol, 4) see above, in place; 0 where an episode begins.
        counts: (lane, symbol, 21) how often each exposure was decided, in place; 0 where an episode begins.
        rewards: (lane, 6) written.
    """
    symbols = targets.shape[1]
    for n in range(len(bars)):
        t = bars[n] + 1
        activity, timing, exploration = 0.0, 0.0, 0.0
        for s in range(symbols):
            before = past[n, s, LAST]
            exposure = before if math.isnan(targets[n, s]) else targets[n, s]
            past[n, s, STEPS] += 1.0
            past[n, s, MEAN] += (exposure - past[n, s, MEAN]) / past[n, s, STEPS]
            mean = past[n, s, MEAN]
            past[n, s, LAST] = exposure
            activity += abs(exposure)
            if past[n, s, STEPS] > 1.0:
                timing += (before - mean) * gaps[t, s] + (exposure - mean) * spans[t, s]
            tenth = int(np.rint(10.0 * min(max(exposure, -1.0), 1.0)))
            if tenth != 0:
                counts[n, s, tenth + 10] += 1
                exploration += 1.0 / math.sqrt(counts[n, s, tenth + 10])
        rewards[n, 0] = log_wealth(equity[n] - profit[n], equity[n], floor)
        rewards[n, 1] = min(0.0, past[n, 0, DRAWDOWN] - drawdown[n])
        rewards[n, 2] = activity
        rewards[n, 3] = timing
        rewards[n, 4] = float(np.sign(profit[n]))
        rewards[n, 5] = exploration / symbols
        past[n, 0, DRAWDOWN] = drawdown[n]
        if ended[n]:
            past[n] = 0.0
            counts[n] = 0
