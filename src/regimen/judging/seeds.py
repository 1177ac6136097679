"""Several seeds of one policy: their distribution, and whether the judged one hangs on its seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from regimen import metrics
from regimen.errors import ConfigError
from regimen.judging.curves import equity_at, positions
from regimen.judging.document import read
from regimen.judging.measures import measure
from regimen.judging.periods import stamp
from regimen.judging.verdicts.alarms import Alarm
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.execution import Ledger


@dataclass(frozen=True)
class SeedRow:
    """What one seed brought on the judged bars; see `regimen.judging.Row` for the columns.

    Attributes:
        seed: of the training.
        total_return, annual_return, volatility, sharpe, max_drawdown, turnover, exposure, cost_drag: after costs.
    """

    seed: int
    total_return: float
    annual_return: float
    volatility: float
    sharpe: float
    max_drawdown: float
    turnover: float
    exposure: float
    cost_drag: float

    @classmethod
    def of(cls, seed: int, ledger: Ledger) -> SeedRow:
        """Measures the ledger of one seed. A policy that never moved has a Sharpe ratio of 0 here, not NaN.

        It earned nothing per unit of nothing; left out of the distribution it would flatter the rest.
        """
        row = measure(ledger, f"seed_{seed}", f"Seed {seed}")
        return cls(
            seed=seed,
            total_return=row.total_return,
            annual_return=row.annual_return,
            volatility=row.volatility,
            sharpe=0.0 if math.isnan(row.sharpe) else row.sharpe,
            max_drawdown=row.max_drawdown,
            turnover=row.turnover,
            exposure=row.exposure,
            cost_drag=row.cost_drag,
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Distribution:
    """One score over the seeds; ``low`` and ``high`` are the ends of the interval of the IQM."""

    iqm: float
    low: float
    high: float
    median: float
    worst: float
    best: float

    @classmethod
    def of(cls, scores: Sequence[float], level: float, draws: int, seed: int) -> Distribution:
        """Summarises the scores, of which more is better."""
        values = np.array(scores, dtype=np.float64)
        interval = metrics.iqm_interval(values, level=level, draws=draws, seed=seed)
        ends = float(values.min()), float(values.max())
        return cls(interval.estimate, interval.low, interval.high, float(np.median(values)), *ends)

    def to_dict(self) -> dict[str, float]:
        """Returns plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class SeedSummary:
    """The distribution over seeds.

    Attributes:
        n: how many seeds.
        sharpe: of the annual Sharpe ratio.
        total_return: of the total return.
        level: of the intervals.
    """

    n: int
    sharpe: Distribution
    total_return: Distribution
    level: float

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values."""
        return {
            "n": self.n,
            "level": self.level,
            "sharpe": self.sharpe.to_dict(),
            "total_return": self.total_return.to_dict(),
        }


@dataclass(frozen=True)
class Fan:
    """How far the equity of the seeds is spread, over time and window by window.

    Attributes:
        time: start stamps of the bars of ``equity``, ISO-8601 UTC.
        levels: quantiles over the seeds, from 0, the worst, to 1, the best.
        equity: (level, time) multiples of the starting equity.
        starts: of the windows, likewise.
        windows: (seed, window) return of each seed in each window, after costs, the seeds in the order of the rows.
    """

    time: tuple[str, ...]
    levels: tuple[float, ...]
    equity: tuple[tuple[float, ...], ...]
    starts: tuple[str, ...]
    windows: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, ledgers: Sequence[Ledger], edges: Sequence[int]) -> Fan:
        """Measures the ledgers of all seeds, which are of the same bars.

        Args:
            ledgers: one for each seed.
            edges: positions of the window bounds, first and last included.
        """
        from regimen.charts import LEVELS  # charts are drawn in few places

        time = ledgers[0].time
        at = positions(len(time))
        equity = np.quantile(np.stack([equity_at(each.returns, at) for each in ledgers]), LEVELS, axis=0)
        windows = tuple(
            tuple(metrics.total_return(each.returns[start:stop]) for start, stop in pairwise(edges)) for each in ledgers
        )
        return cls(
            time=tuple(stamp(time[place]) for place in at),
            levels=LEVELS,
            equity=tuple(tuple(row.tolist()) for row in equity),
            starts=tuple(stamp(time[edge]) for edge in edges[:-1]),
            windows=windows,
        )


@dataclass(frozen=True)
class Seeds:
    """The seeds of a judgement.

    Attributes:
        summary: the distribution over them.
        headline: the seed whose ledger was judged.
        rows: one for each.
        fan: their equity over time and by window; None in a judgement of an earlier version.
    """

    summary: SeedSummary
    headline: int
    rows: tuple[SeedRow, ...]
    fan: Fan | None = None

    def __repr__(self) -> str:
        n, sharpe = self.summary.n, self.summary.sharpe
        return short(self, f"{n}: Sharpe ratio {sharpe.worst:.2f} to {sharpe.best:.2f}, IQM {sharpe.iqm:.2f}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], at: str) -> Seeds:
        """Reads what `to_dict` wrote; raises `RunError` for another shape."""
        return read(cls, {**values, "summary": values}, at)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values."""
        own = {"headline": self.headline, "rows": [row.to_dict() for row in self.rows]}
        return {**self.summary.to_dict(), **own, **({} if self.fan is None else {"fan": vars(self.fan)})}


def seed_summary(rows: Sequence[SeedRow], *, level: float = 0.95, draws: int = 2000, seed: int = 0) -> SeedSummary:
    """Summarises the seeds of one policy.

    Args:
        rows: one for each seed.
        level, draws, seed: of the intervals, see `regimen.metrics.iqm_interval`.

    Raises:
        ConfigError: no rows, or two of one seed.
    """
    seeds = [row.seed for row in rows]
    if not rows:
        raise ConfigError("seeds", "must have at least one row", 0)
    if len(set(seeds)) < len(seeds):
        raise ConfigError("seeds", "must be distinct", seeds)
    return SeedSummary(
        n=len(rows),
        sharpe=Distribution.of([row.sharpe for row in rows], level, draws, seed),
        total_return=Distribution.of([row.total_return for row in rows], level, draws, seed),
        level=level,
    )


def seed_alarms(rows: Sequence[SeedRow], summary: SeedSummary, headline: int) -> tuple[Alarm, ...]:
    """Returns "seeds disagree" when the headline seed earned and the seeds together do not say so.

    That is: its Sharpe ratio is above 0, and another seed lost money (or has one below 0), or the interval of the IQM
    reaches 0.

    Raises:
        ConfigError: the headline seed has no row.
    """
    own = next((row for row in rows if row.seed == headline), None)
    if own is None:
        raise ConfigError("headline", "must be one of the seeds", headline)
    sharpe = summary.sharpe
    losers = sum(row.sharpe < 0.0 or row.total_return < 0.0 for row in rows)
    if summary.n < 2 or not own.sharpe > 0.0 or (losers == 0 and sharpe.low > 0.0):
        return ()
    lost = f"; {losers} of {summary.n} seeds lost money" if losers else ""
    level = f"{100 * summary.level:.0f} % interval {sharpe.low:.2f} to {sharpe.high:.2f}"
    return (
        Alarm(
            "seeds disagree",
            f"The result hangs on the seed: the Sharpe ratio is {own.sharpe:.2f} for seed {headline}, and from "
            f"{sharpe.worst:.2f} to {sharpe.best:.2f} over {summary.n} seeds "
            f"(IQM {sharpe.iqm:.2f}, {level}{lost}).",
        ),
    )


def judge_seeds(
    rows: Sequence[SeedRow], headline: int, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[Seeds, tuple[Alarm, ...]]:
    """Summarises the seeds for a judgement.

    Args:
        rows: one for each seed, all on the same bars.
        headline: the seed whose ledger was judged.
        level, draws, seed: of the intervals.

    Returns:
        `Judgement.seeds`, and the alarms that join those of the verdict.

    Raises:
        ConfigError: no rows, two of one seed, or none of the headline seed.
    """
    summary = seed_summary(rows, level=level, draws=draws, seed=seed)
    return Seeds(summary, headline, tuple(rows)), seed_alarms(rows, summary, headline)
