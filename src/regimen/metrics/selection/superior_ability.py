"""Is the best of many strategies better than a benchmark: White's reality check, Hansen's SPA, and StepM."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.metrics.performance import deviation
from regimen.metrics.selection.panel import checked, panel_block_length
from regimen.seeding import generator

Matrix = NDArray[np.float64]
Series = NDArray[np.float64]

_SHORTEST = 20


@dataclass(frozen=True)
class Superiority:
    """How often the best of N would look this good if none of them were better than the benchmark.

    Attributes:
        p: Hansen's consistent p-value of superior predictive ability (SPA): what to use.
        p_lower, p_upper: its bounds; the lower one rejects too often, the upper one too rarely.
        p_white: of White's reality check, on the returns as they are.
        superior: positions of the strategies that Romano and Wolf's StepM finds better; with a chance of at most
            ``level`` is there one among them that is not.
        level: of StepM.
        best: position of the strategy with the largest statistic.
        strategies, rows: N and T.
        block_length: mean length of the blocks.
        draws: resampled sets.
    """

    p: float
    p_lower: float
    p_upper: float
    p_white: float
    superior: tuple[int, ...]
    level: float
    best: int
    strategies: int
    rows: int
    block_length: int
    draws: int


def superiority(
    returns: Matrix,
    benchmark: Series | None = None,
    *,
    level: float = 0.05,
    draws: int = 1000,
    length: int | None = None,
    seed: int = 0,
) -> Superiority:
    """Tests whether any of N strategies earns more than a benchmark, all N having been tried.

    The statistic of a strategy is the mean of what it earns beyond the benchmark over that difference's standard
    deviation, so that no leverage makes one stand out; of White's reality check it is the mean itself. The largest of
    them is held against the largest under the stationary bootstrap, strategies together. A p-value is
    (1 + draws as good) / (1 + draws), never 0.

    Args:
        returns: (time, strategy) simple returns of the same spans.
        benchmark: (time,) what to beat; None: nothing, a return of 0.
        level: of StepM, the chance to name any strategy that is not better.
        draws: resampled sets.
        length: mean block length in rows; None is automatic, the mean of `regimen.metrics.block_length`.
        seed: of the draws.

    Returns:
        p-values NaN and ``best`` −1 where no strategy ever differs from the benchmark.

    Raises:
        ConfigError: fewer than 20 rows, a return that is not finite, a benchmark of another length, a level that does
            not lie between 0 and 1.

    Source: White, A reality check for data snooping (Econometrica 68, 2000); Hansen, A test for superior predictive
    ability (Journal of Business & Economic Statistics 23, 2005); Romano and Wolf, Stepwise multiple testing as
    formalized data snooping (Econometrica 73, 2005); computed by ``arch.bootstrap``. Deviation: differences are divided
    by their standard deviation before, where Hansen divides the means by their standard errors.
    """
    values = checked(returns)
    if len(values) < _SHORTEST:
        raise ConfigError("returns", f"must have at least {_SHORTEST} rows", len(values))
    if not 0.0 < level < 1.0:
        raise ConfigError("level", "must lie between 0 and 1", level)
    excess = values - _column(benchmark, len(values))
    moving = np.flatnonzero([deviation(column) > 0.0 for column in excess.T])
    size = max(1, round(panel_block_length(excess[:, moving]))) if length is None and len(moving) else length or 1
    rows, strategies = values.shape
    if not len(moving):
        nan = math.nan
        return Superiority(nan, nan, nan, nan, (), level, -1, strategies, rows, size, draws)
    raw = excess[:, moving]
    scaled = raw / raw.std(axis=0, ddof=1)
    step = _computed("StepM", scaled, size, draws, seed, size=level)
    step.spa.compute()  # over all again: StepM leaves the p-values of those that it had not found
    lower, consistent, upper = (_p(step.spa.pvalues[name], draws) for name in ("lower", "consistent", "upper"))
    white = _computed("RealityCheck", raw, size, draws, seed)
    return Superiority(
        p=consistent,
        p_lower=lower,
        p_upper=upper,
        p_white=_p(white.pvalues["upper"], draws),
        superior=tuple(int(moving[each]) for each in step.superior_models),
        level=level,
        best=int(moving[scaled.mean(axis=0).argmax()]),
        strategies=strategies,
        rows=rows,
        block_length=size,
        draws=draws,
    )


def _column(benchmark: Series | None, rows: int) -> Matrix:
    if benchmark is None:
        return np.zeros((rows, 1))
    values = checked(np.asarray(benchmark, dtype=np.float64).reshape(-1, 1))
    if len(values) != rows:
        raise ConfigError("benchmark", f"must have the {rows} rows of the returns", len(values))
    return values


def _computed(name: str, excess: Matrix, length: int, draws: int, seed: int, **settings: float) -> Any:
    """One test of ``arch`` on what is earned beyond a benchmark, which it knows as losses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries that it imports
        from arch import bootstrap

    nothing, random = np.zeros(len(excess)), generator(seed, "selection", "superiority")
    test = getattr(bootstrap, name)(nothing, -excess, block_size=length, reps=draws, seed=random, **settings)
    test.compute()
    return test


def _p(share: float, draws: int) -> float:
    return (1.0 + round(float(share) * draws)) / (draws + 1.0)
