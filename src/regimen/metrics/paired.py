"""Whether one way is better than another on the same seeds and windows: the paired difference, and how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError

Table = NDArray[np.float64]


@dataclass(frozen=True)
class PairedDifference:
    """The mean of paired differences with its interval.

    Attributes:
        mean: of the differences; NaN where there are none.
        low, high: the ends of the interval; NaN where nothing varies, or nothing is repeated.
        level: its nominal coverage.
        error: standard error of the mean.
        p: how often chance alone is as far from 0, on either side.
    """

    mean: float
    low: float
    high: float
    level: float
    error: float
    p: float


def paired_difference(ours: Table, theirs: Table, *, level: float = 0.95) -> PairedDifference:
    """Returns the mean difference of paired scores, ``mean ± t s``, where both runs and tasks are luck.

    What differs is thought of as ``d = μ + run + task + rest``, all random. The variance of the mean is that of the
    crossed layout, ``(MS_runs + MS_tasks − MS_rest) / (runs · tasks)`` (Searle, Casella and McCulloch, Variance
    Components, 1992, chapter 4; two-way clustering in its large-sample form, Cameron, Gelbach and Miller 2011), and
    never less than that of the runs or of the tasks alone. The degrees of freedom are those of the fewer, less one. So
    neither many seeds on a few windows nor many windows of one seed look like more than they are. With one task the
    interval knows of the runs alone, and with one run of the tasks alone.

    It needs no large sample, and reaches the far ends that a correction for many comparisons asks for; the ends of a
    bootstrap cannot lie beyond what was drawn from.

    Args:
        ours, theirs: (run, task), or (run,), in the same order; tasks are taken as independent of each other.
        level: nominal coverage.

    Returns:
        0 with an interval of no length where no pair differs; NaN ends where all pairs differ by the same, or there is
        one pair; all NaN when a score is NaN.

    Raises:
        ConfigError: the shapes differ, or the level does not lie between 0 and 1.
    """
    from scipy.special import stdtr, stdtrit

    if not 0.0 < level < 1.0:
        raise ConfigError("level", "must lie between 0 and 1", level)
    first, second = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if first.shape != second.shape or first.ndim not in (1, 2):
        raise ConfigError("theirs", f"must have the shape of ours, {first.shape}", second.shape)
    scores = (first - second)[:, None] if first.ndim == 1 else first - second
    unknown = math.nan
    if scores.size == 0 or np.isnan(scores).any():
        return PairedDifference(unknown, unknown, unknown, level, unknown, unknown)
    mean = float(scores.mean())
    if not scores.any():
        return PairedDifference(0.0, 0.0, 0.0, level, 0.0, 1.0)
    variance = _variance(scores)
    if not variance > 1e-30 * mean * mean:
        return PairedDifference(mean, unknown, unknown, level, unknown, unknown)
    error, freedom = math.sqrt(variance), min(size for size in scores.shape if size > 1) - 1
    half = float(stdtrit(freedom, (1.0 + level) / 2.0)) * error
    p = 2.0 * float(stdtr(freedom, -abs(mean) / error))
    return PairedDifference(mean, mean - half, mean + half, level, error, p)


def _variance(scores: Table) -> float:
    """Returns the variance of the mean of a table (run, task); 0 for one score."""
    runs, tasks = scores.shape
    centred = scores - scores.mean()
    by_run, by_task = centred.mean(axis=1), centred.mean(axis=0)
    of_runs = float((by_run**2).sum()) / (runs * (runs - 1)) if runs > 1 else 0.0
    of_tasks = float((by_task**2).sum()) / (tasks * (tasks - 1)) if tasks > 1 else 0.0
    if runs == 1 or tasks == 1:
        return of_runs + of_tasks
    rest = centred - by_run[:, None] - by_task[None]
    of_rest = float((rest**2).sum()) / ((runs - 1) * (tasks - 1) * runs * tasks)
    return float(max(of_runs, of_tasks, of_runs + of_tasks - of_rest))
