"""The daily returns of all trials on one market side by side: what the statistics of a selection are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.records.returns.daily import DailyReturns, Days
from regimen.records.trial import identity
from regimen.reprs import many, short

ENOUGH = 0.8
"""Share of the days of the trial in question that another must have traded: a short one would cut all others short."""


@dataclass(frozen=True, eq=False)
class TrialReturns:
    """What every evaluated trial on a market earned, on the days that all of them traded.

    Attributes:
        days: (day,) ascending ``datetime64[D]``.
        values: (day, trial) simple returns after costs.
        runs: (trial,) the run, seed or backtest of each column, as the trial ledger has it.
        short: evaluated trials that are left out because they traded less than 80 % of the days.
        unknown: those whose returns are not on record: of a version that kept none.
    """

    days: Days
    values: NDArray[np.float64]
    runs: tuple[str, ...]
    short: int = 0
    unknown: int = 0

    def __repr__(self) -> str:
        left = f", {self.short} left out, {self.unknown} unknown" if self.short or self.unknown else ""
        return short(self, f"{many(len(self.runs), 'trial')}, {many(len(self.days), 'day')}{left}")

    @property
    def evaluated(self) -> int:
        """How many different trials were evaluated, those that are not in the table included."""
        return len(self.runs) + self.short + self.unknown

    @cached_property
    def effective(self) -> int:
        """Clusters of correlated trials, see `regimen.metrics.effective_trials`; one more for each not in the table."""
        apart = self.short + self.unknown
        if len(self.runs) < 2 or len(self.days) < 2:
            return self.evaluated
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = np.atleast_2d(np.corrcoef(self.values, rowvar=False))
        return metrics.effective_trials(correlation) + apart


def traded(rows: Sequence[Mapping[str, Any]], first: np.datetime64, last: np.datetime64) -> int:
    """Returns how many evaluations among lines of the ledger traded on a day behind ``first``, up to ``last``."""
    count = 0
    for row in rows:
        if row["kind"] == "evaluation" and row["daily"]:
            days = DailyReturns.from_text(str(row["daily"])).days
            count += bool(((days > first) & (days <= last)).any())
    return count


def side_by_side(rows: Sequence[Mapping[str, Any]], run: str | None = None) -> TrialReturns:
    """Lays the returns of the evaluated trials among lines of the ledger side by side.

    The same trial once more counts once, with its latest returns; stress tests do not count.

    Args:
        rows: lines of one market with their ``daily`` returns, in the order of their coming.
        run: the run, seed or backtest whose days are asked for; None: of the trial with the most days.
    """
    latest: dict[tuple[object, ...], tuple[str, str]] = {}
    ours: tuple[object, ...] = ()
    for row in rows:
        if row["kind"] == "evaluation" and not row["stress"]:
            trial = identity(row)
            latest[trial] = (str(row["run"]), str(row["daily"] or latest.get(trial, ("", ""))[1]))
            ours = trial if row["run"] == run else ours
    known = {trial: DailyReturns.from_text(text) for trial, (_, text) in latest.items() if text}
    unknown = len(latest) - len(known)
    if not known:
        return TrialReturns(np.empty(0, "datetime64[D]"), np.empty((0, 0)), (), 0, unknown)
    asked = known.get(ours) or max(known.values(), key=lambda each: len(each.days))
    kept = {trial: one for trial, one in known.items() if np.isin(asked.days, one.days).mean() >= ENOUGH}
    days = asked.days
    for one in kept.values():
        days = np.intersect1d(days, one.days, assume_unique=True)
    columns = [one.values[np.isin(one.days, days, assume_unique=True)] for one in kept.values()]
    runs = tuple(latest[trial][0] for trial in kept)
    return TrialReturns(days, np.column_stack(columns), runs, len(known) - len(kept), unknown)
