"""Adaptive conformal intervals as one compiled step: how far a price may go in so many bars, at a stated coverage.

*Adaptive conformal inference* (Gibbs and Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021,
equation 2). The score of bar t is the size of the move that a decision at t can meet, in trailing volatilities::

    score[t] = |open[t + 1 + h] / open[t + 1] − 1| / (σ[t] √h)
    said at t: ± q[t] σ[t] √h,   q[t] = the ⌈(1 − level)(n + 1)⌉-th smallest of the last n scores that are known
    level += rate · (α − miss)   when it is known whether the interval missed

Deviations from the paper: scores come from a rolling window; the quantile is that of split conformal, with n + 1; and
what was said at t is known at the open of t + 1 + h and no earlier, so the level moves h + 1 bars late. Until α can be
said at all (⌈(1 − α)(n + 1)⌉ <= n: nine scores at a coverage of .9) there is no interval, and the level stands still.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.execution import Tape
from regimen.jit import jit

Floats = NDArray[np.float64]

# What is remembered of a symbol, in this order; then the pending intervals, the scores by age, the scores by size.
_COUNT, _LAST, _SQUARES, _WEIGHTS, _RETURNS, _LEVEL, _SCORES = range(7)
_HEAD, _ENTRY, _SCALE, _LIMIT, _PARTS = 7, 0, 1, 2, 3


class Intervals(NamedTuple):
    """What is said at each bar, and whether it comes true.

    Attributes:
        widths: (time, symbol) half the width of the interval, as a fraction of the price; ∞ where no width is wide
            enough, NaN where nothing was said: no bar, no volatility, too few scores.
        misses: (time, symbol) 1.0 where the move went beyond, 0.0 where it did not, NaN where it is not known.
    """

    widths: Floats
    misses: Floats


class ConformalStep(NamedTuple):
    """The settings of the step, and its memory.

    Attributes:
        horizon: bars that the interval is about, from the next open on; positions of the time axis.
        scores: number of latest scores that the quantile is taken of.
        alpha: share of misses aimed at, 1 − coverage.
        rate: how far one miss moves the level.
        volatility_bars: span of the weights of the trailing volatility, as that of labels.
    """

    horizon: int
    scores: int
    alpha: float
    rate: float
    volatility_bars: int

    @property
    def memory(self) -> int:
        """Numbers remembered of each symbol."""
        return _HEAD + _PARTS * (self.horizon + 1) + 2 * self.scores

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar."""
        state = np.zeros((symbols, self.memory))
        state[:, _LAST], state[:, _LEVEL] = np.nan, self.alpha
        state[:, _HEAD : _HEAD + _PARTS * (self.horizon + 1)] = np.nan
        return state

    def scan(self, tape: Tape, state: Floats, stop: int | None = None) -> Intervals:
        """Takes the bars of a tape before ``stop``, or all, into the state, in place; returns what is said at each.

        *Timing:* row t of the widths uses bars <= t; a miss is known at the open of t + 1 + horizon, and NaN before the
        tape reaches there. The next call goes on where this one ended; the misses of its first rows are those of
        intervals that were said in it.

        A symbol's missing bar says nothing, and no score comes of a move that begins or ends at one. A stock split is
        no move.
        """
        widths, misses = np.full((2, *tape.closes[:stop].shape), np.nan)
        _scan(tape.opens, tape.closes, tape.ratios, state, *self, widths, misses)
        return Intervals(widths, misses)

    def push(self, tape: Tape, state: Floats) -> Floats:
        """Takes the last bar of a tape into the state, in place; returns the half widths (symbol,) said at it."""
        widths, misses = np.full((2, 1, len(state)), np.nan)
        _scan(tape.opens[-1:], tape.closes[-1:], tape.ratios[-1:], state, *self, widths, misses)
        first: Floats = widths[0]
        return first

    def levels(self, state: Floats) -> Floats:
        """Returns the levels (symbol,) at which the next quantiles are taken."""
        return state[:, _LEVEL].copy()


@jit
def _scan(
    opens: Floats,
    closes: Floats,
    ratios: Floats,
    state: Floats,
    horizon: int,
    scores: int,
    alpha: float,
    rate: float,
    volatility_bars: int,
    widths: Floats,
    misses: Floats,
) -> None:
    """Takes bars (time, symbol) into the state; writes a row of widths for each, and of misses when they are known."""
    delay = horizon + 1
    for s in range(closes.shape[1]):
        row = state[s]
        for t in range(len(widths)):
            ratio = ratios[t, s] if ratios.shape[0] > 0 else 1.0
            widths[t, s], miss = _step(
                opens[t, s], closes[t, s], ratio, row, horizon, scores, alpha, rate, volatility_bars
            )
            if t >= delay:
                misses[t - delay, s] = miss


@jit
def _step(
    opened: float,
    close: float,
    ratio: float,
    row: Floats,
    horizon: int,
    scores: int,
    alpha: float,
    rate: float,
    volatility_bars: int,
) -> tuple[float, float]:
    """Takes one bar of one symbol; returns the half width said at it, and whether what ends at its open was missed."""
    delay = horizon + 1
    count = int(row[_COUNT])
    place, aged = _HEAD + _PARTS * (count % delay), _HEAD + _PARTS * delay
    if ratio != 1.0:  # prices of before the split, in the units of after it
        row[_LAST] /= ratio
        for slot in range(delay):
            row[_HEAD + _PARTS * slot + _ENTRY] /= ratio
    # What was said a bar ago begins at this open; what was said horizon + 1 bars ago ends at it.
    row[_HEAD + _PARTS * ((count + horizon) % delay) + _ENTRY] = opened
    score, limit, miss = abs(opened / row[place + _ENTRY] - 1.0) / row[place + _SCALE], row[place + _LIMIT], np.nan
    if score < np.inf:  # false for NaN
        if limit == limit:
            miss = 1.0 if score > limit else 0.0
            row[_LEVEL] += rate * (alpha - miss)
        _insert(score, row[aged : aged + 2 * scores], int(row[_SCORES]))
        row[_SCORES] += 1.0
    scale = _volatility(close, row, volatility_bars) * math.sqrt(horizon)
    known = min(int(row[_SCORES]), scores)
    limit = _limit(row[aged + scores : aged + scores + known], row[_LEVEL], alpha) if scale > 0.0 else np.nan
    row[place + _ENTRY], row[place + _SCALE], row[place + _LIMIT] = np.nan, scale if scale > 0.0 else np.nan, limit
    row[_COUNT] = count + 1.0
    return max(limit, 0.0) * scale if limit == limit else np.nan, miss


@jit
def _volatility(close: float, row: Floats, window: int) -> float:
    """Takes a close; returns the exponentially weighted volatility of one bar, NaN where there is none."""
    if close != close:
        return np.nan
    keep, last = 1.0 - 2.0 / (window + 1.0), row[_LAST]
    if last == last:
        change = close / last - 1.0
        row[_SQUARES] = keep * row[_SQUARES] + change * change
        row[_WEIGHTS] = keep * row[_WEIGHTS] + 1.0
        row[_RETURNS] += 1.0
    row[_LAST] = close
    return math.sqrt(row[_SQUARES] / row[_WEIGHTS]) if row[_RETURNS] >= window else np.nan


@jit
def _limit(ordered: Floats, level: float, alpha: float) -> float:
    """Returns the conformal quantile of scores at a level: ±∞ beyond all of them, NaN while α cannot be said."""
    known = len(ordered)
    if math.ceil((1.0 - alpha) * (known + 1.0)) > known:
        return np.nan
    rank = math.ceil((1.0 - level) * (known + 1.0))
    if rank < 1:
        return -np.inf
    return ordered[rank - 1] if rank <= known else np.inf


@jit
def _insert(score: float, window: Floats, seen: int) -> None:
    """Puts a score in the place of the oldest one, among the scores by age and among those by size.

    Args:
        score: the new one.
        window: (2 · scores,) by age, as a ring, and by size.
        seen: scores that came before.
    """
    scores = len(window) // 2
    aged, ordered = window[:scores], window[scores:]
    if seen < scores:
        hole, last = seen, seen
    else:
        hole, last = _first(ordered, 0, scores, aged[seen % scores]), scores - 1
    aged[seen % scores] = score
    # The scores between the hole and the new one's place move by one towards the hole. Positions are unsigned, so that
    # the compiler need not ask whether they count from the end, and moves many at once (a tenth of the time).
    one = np.uint64(1)
    if hole < last and ordered[hole + 1] < score:
        end = _first(ordered, hole + 1, last + 1, score) - 1
        for k in range(np.uint64(hole), np.uint64(end)):
            ordered[k] = ordered[k + one]
    else:
        end = _first(ordered, 0, hole, score)
        for back in range(np.uint64(hole - end)):
            place = np.uint64(hole) - back
            ordered[place] = ordered[place - one]
    ordered[end] = score


@jit
def _first(ordered: Floats, start: int, stop: int, score: float) -> int:
    """Returns the first place in [start, stop) whose score is not below the given one; stop where there is none."""
    while start < stop:
        middle = (start + stop) // 2
        if ordered[middle] < score:
            start = middle + 1
        else:
            stop = middle
    return start
