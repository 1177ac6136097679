"""How many things were tried before this one: what the Deflated Sharpe Ratio divides by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regimen.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Trials:
    """The trials behind a result, as the trial ledger counts them; the judged one is among them.

    Attributes:
        count: N, every different fit or evaluation, seeds and abandoned runs included.
        sharpe_variance: variance of the trials' per-bar Sharpe ratios; None when unknown (a single trial).
        measured: from how many Sharpe ratios ``sharpe_variance`` was taken; None means all N.
        timing_variance: variance of the per-bar Sharpe ratios of the trials' *timing*, what each earned beyond its own
            average exposure; None when unknown.
        effective: number of clusters of correlated trials, where known; reported beside N, which the
            verdict uses.
    """

    count: int
    sharpe_variance: float | None = None
    effective: int | None = None
    measured: int | None = None
    timing_variance: float | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError("trials.count", "must be at least 1: the judged run is itself a trial", self.count)
        for name in ("sharpe_variance", "timing_variance"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ConfigError(f"trials.{name}", "must not be negative", value)
        if self.effective is not None and not 1 <= self.effective <= self.count:
            raise ConfigError("trials.effective", f"must be from 1 to the count of {self.count}", self.effective)

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of one row: the count and what is known of the trials' Sharpe ratios."""
        import pandas as pd

        return pd.DataFrame([vars(self)])

    @property
    def recorded_variance(self) -> float | None:
        """That of the trials' timing, and where it was not recorded that of their whole returns."""
        return self.sharpe_variance if self.timing_variance is None else self.timing_variance

    def variance_used(self, bars: int) -> float:
        """Returns the variance of per-bar Sharpe ratios that the judge works with; see `at_least_null`."""
        return at_least_null(self.recorded_variance, bars)


@dataclass(frozen=True)
class Deflation:
    """What a judgement's DSR was deflated by.

    Attributes:
        count, effective, measured, sharpe_variance, timing_variance: see `Trials`.
        sharpe_variance_used: see `Trials.variance_used`.
        expected_max_sharpe: annual Sharpe ratio that the best of N trials without skill shows by luck.
        dsr_effective: the DSR with the effective number of trials; NaN where that is unknown.
    """

    count: int
    effective: float | None
    measured: int | None
    sharpe_variance: float | None
    timing_variance: float | None
    sharpe_variance_used: float
    expected_max_sharpe: float
    dsr_effective: float


def null_variance(bars: int) -> float:
    """Returns 1 / (T − 1), the variance of the per-bar Sharpe ratio of trials without skill."""
    return 1.0 / max(bars - 1, 1)


def at_least_null(variance: float | None, bars: int) -> float:
    """Returns a recorded variance of Sharpe ratios, never below that of trials without skill, at every N.

    N near copies of one trial have a variance near zero: believed, it would let the expected maximum of N trials
    shrink while N grows, so that copies of a trial lower the bar. An unknown variance is the null's too.

    Args:
        variance: of the trials' per-bar Sharpe ratios; None or NaN when unknown.
        bars: T, the length of the judged result.
    """
    null = null_variance(bars)
    return null if variance is None or not math.isfinite(variance) else max(variance, null)
