"""`Validation`: how a run's config does on every path through its folds, over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from regimen import metrics
from regimen.records import plain
from regimen.reprs import short
from regimen.runs.validation.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

    from regimen.judging import Judgement, Regimes


@dataclass(frozen=True)
class PathResult:
    """One path of one seed in one account, after costs. Returns are fractions, ratios annual; NaN: undefined.

    Attributes:
        seed, path: which one; paths count from 0.
        sharpe: annual; 0 where nothing was ever held.
        total_return, annual_return: compounded.
        max_drawdown: positive.
        turnover: annual, multiples of equity.
        psr, dsr: probability that the Sharpe ratio is above 0, and the same after all trials.
        level: of the judge's verdict on this path alone.
    """

    seed: int
    path: int
    sharpe: float
    total_return: float
    annual_return: float
    max_drawdown: float
    turnover: float
    psr: float
    dsr: float
    level: str

    @classmethod
    def of(cls, seed: int, path: int, judgement: Judgement) -> PathResult:
        """Takes what the judge found on a path."""
        row = judgement.policy
        return cls(
            seed=seed,
            path=path,
            sharpe=0.0 if math.isnan(row.sharpe) else row.sharpe,
            total_return=row.total_return,
            annual_return=row.annual_return,
            max_drawdown=row.max_drawdown,
            turnover=row.turnover,
            psr=row.psr,
            dsr=row.dsr,
            level=judgement.verdict.level,
        )


@dataclass(frozen=True)
class Spread:
    """A score over all paths and seeds.

    Attributes:
        median: the middle one.
        low, high: the 5th and the 95th percentile.
        iqm: interquartile mean.
        iqm_low, iqm_high: ends of its 95 % interval, by the bootstrap over the seeds of each path; NaN with one seed.
    """

    median: float
    low: float
    high: float
    iqm: float
    iqm_low: float
    iqm_high: float

    @classmethod
    def of(cls, scores: Sequence[Sequence[float]], draws: int, seed: int) -> Spread:
        """Summarises scores (seed, path).

        Args:
            scores: of which more is better.
            draws: resampled sets of the interval.
            seed: of the draws.
        """
        values = np.array(scores, dtype=np.float64)
        low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
        interval = metrics.iqm_interval(values, draws=draws, seed=seed)
        return cls(float(median), float(low), float(high), interval.estimate, interval.low, interval.high)


@dataclass(frozen=True)
class Validation:
    """How a run's config does on every path through its folds.

    Attributes:
        model: of the run, in words.
        folds, tested, splits: N, k and C(N, k).
        seeds: of the fits.
        embargo: bars dropped around what is held out, beyond the purge.
        first, last: days that every path covers.
        bars: of a path.
        trials: that the paths were deflated by, these among them.
        paths: every path of every seed, the seeds one after another.
        sharpe: the annual Sharpe ratio after costs, over all of them.
        loss: share of them that lost money.
        walk_forward: annual Sharpe ratio of the run's own walk-forward test spans; NaN where it held nothing.
        middle: seed and path of the median Sharpe ratio (of two, the lower), whose verdict this is.
        level, verdict: the judge's on that path.
        regimes: what the middle path earned in which state of the market.
        selection: PBO and SPA over the trials of the market; None where there are too few of them, or of days.
        sentence: the result, for people.
        notes: how to read it, for people.
    """

    model: str
    folds: int
    tested: int
    splits: int
    seeds: tuple[int, ...]
    embargo: int
    first: str
    last: str
    bars: int
    trials: int
    paths: tuple[PathResult, ...]
    sharpe: Spread
    loss: float
    walk_forward: float
    middle: tuple[int, int]
    level: str
    verdict: str
    regimes: tuple[Regimes, ...]
    selection: Selection | None
    sentence: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return short(self, f"{self.level}: {self.sentence}")

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result, and what is known of the search that it is a part of."""
        return (self.sentence,) if self.selection is None else (self.sentence, self.selection.sentence)

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of one row for each path of each seed."""
        import pandas as pd

        return pd.DataFrame([vars(each) for each in self.paths]).set_index(["seed", "path"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is undefined is null."""
        values: dict[str, Any] = plain(asdict(self))
        return values


def middle_of(paths: Sequence[PathResult]) -> PathResult:
    """Returns the path of the median Sharpe ratio; of two in the middle, the lower; of equals, the first."""
    ranked = sorted(paths, key=lambda each: each.sharpe)
    return ranked[(len(ranked) - 1) // 2]
