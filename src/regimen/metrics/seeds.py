"""Scores of several seeds: the interquartile mean, its interval, and the probability of improvement."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.metrics.resampling import Interval
from regimen.seeding import generator

Series = NDArray[np.float64]

_CHUNK = 4_000_000


def _weights(count: int) -> Series:
    # Each of n sorted scores covers 1/n of the distribution; what of it lies between 1/4 and 3/4 counts.
    edges = np.arange(count + 1) / count
    inside = np.minimum(edges[1:], 0.75) - np.maximum(edges[:-1], 0.25)
    weights: Series = np.maximum(inside, 0.0)
    weights /= weights.sum()
    return weights


def _iqm(rows: Series) -> Series:
    """(draw, score) -> (draw,)."""
    means: Series = np.sort(rows, axis=1) @ _weights(rows.shape[1])
    return means


def _table(scores: Series) -> Series:
    """(run, task) of (run,) or (run, task)."""
    values = np.asarray(scores, dtype=np.float64)
    return values[:, None] if values.ndim == 1 else values


def iqm(scores: Series) -> float:
    """Returns the interquartile mean: the mean of the middle half of the scores.

    Each of n sorted scores stands for 1/n of the distribution, and counts with the part of it that lies between the
    quartiles. So any n works: five scores have the weights 0, 0.75, 1, 0.75, 0, two scores their mean. Where n is a
    multiple of 4 it is the 25 % trimmed mean (Agarwal et al. 2021, arXiv 2108.13264, who cut whole scores instead).

    Args:
        scores: (run,) or (run, task), pooled.

    Returns:
        NaN without scores, or when one of them is NaN.
    """
    values = np.asarray(scores, dtype=np.float64).reshape(1, -1)
    if values.shape[1] == 0 or np.isnan(values).any():
        return math.nan
    return float(_iqm(values)[0])


def iqm_interval(scores: Series, *, level: float = 0.95, draws: int = 2000, seed: int = 0) -> Interval:
    """Returns the IQM with its percentile interval from the stratified bootstrap over runs (arXiv 2108.13264).

    A draw takes as many runs as there were, with replacement and for each task anew, and pools all scores. It says how
    far another set of seeds could have moved the IQM; what another sample of the market would do is not in it. With
    one run there is none (NaN), and with fewer than five it is too narrow.

    Args:
        scores: (run,) or (run, task).
        level: nominal coverage.
        draws: resampled sets.
        seed: of the draws.

    Returns:
        an interval with block length 1; all NaN without scores, or when one of them is NaN; with one run only the
        estimate is known.

    Raises:
        ConfigError: the level does not lie between 0 and 1, or there are no draws.
    """
    if not 0.0 < level < 1.0:
        raise ConfigError("level", "must lie between 0 and 1", level)
    if draws < 1:
        raise ConfigError("draws", "must be at least 1", draws)
    values = _table(scores)
    estimate = iqm(values)
    if math.isnan(estimate):
        return Interval(math.nan, math.nan, math.nan, level, 1.0, draws)
    runs, tasks = values.shape
    if runs < 2:
        return Interval(estimate, math.nan, math.nan, level, 1.0, draws)
    random = generator(seed, "bootstrap", "iqm")
    iqms = np.empty(draws)
    step = max(1, _CHUNK // values.size)
    for start in range(0, draws, step):
        stop = min(draws, start + step)
        picked = random.integers(0, runs, size=(stop - start, runs, tasks))
        drawn = np.take_along_axis(values[None], picked, axis=1)
        iqms[start:stop] = _iqm(drawn.reshape(stop - start, -1))
    low, high = np.quantile(iqms, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(estimate, float(low), float(high), level, 1.0, draws)


def probability_of_improvement(x: Series, y: Series) -> float:
    """Returns P(X > Y) + ½·P(X = Y) for a run of each, the Mann–Whitney U over the number of pairs.

    0.5 is no difference; ``probability_of_improvement(y, x)`` is one minus it. Tasks are averaged with equal weights
    (arXiv 2108.13264).

    Args:
        x, y: (run,) or (run, task) scores; the numbers of runs may differ, the tasks must be the same.

    Returns:
        NaN when either has no runs, or a score is NaN.

    Raises:
        ConfigError: different numbers of tasks.
    """
    ours, theirs = _table(x), _table(y)
    if len(ours) == 0 or len(theirs) == 0:
        return math.nan
    if ours.shape[1] != theirs.shape[1]:
        raise ConfigError("y", f"must have the {ours.shape[1]} tasks of x", theirs.shape[1])
    if np.isnan(ours).any() or np.isnan(theirs).any():
        return math.nan
    shares = []
    for task in range(ours.shape[1]):
        column = np.sort(theirs[:, task])
        below = np.searchsorted(column, ours[:, task], side="left")
        not_above = np.searchsorted(column, ours[:, task], side="right")
        shares.append(float(np.mean(0.5 * (below + not_above))) / len(column))
    return float(np.mean(shares))
