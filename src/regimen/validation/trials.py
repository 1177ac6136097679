"""How many things were tried before this one: what the Deflated Sharpe Ratio divides by."""

from __future__ import annotations

import math
from dataclasses import dataclass

from regimen.errors import ConfigError

FEW = 10
"""With fewer trials than this their variance is too uncertain to be believed when it is small."""


@dataclass(frozen=True)
class Trials:
    """The trials behind a result, as the trial ledger counts them; the judged one is among them.

    Attributes:
        count: N, every fit and every evaluation, seeds and abandoned runs included.
        sharpe_variance: variance of the trials' per-bar Sharpe ratios; None when unknown (a single trial).
        measured: from how many Sharpe ratios the variance was taken; None means all N.
        effective: number of clusters of correlated trials, where known; reported beside N, which the
            verdict uses.
    """

    count: int
    sharpe_variance: float | None = None
    effective: int | None = None
    measured: int | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError("trials.count", "must be at least 1: the judged run is itself a trial", self.count)
        if self.sharpe_variance is not None and self.sharpe_variance < 0:
            raise ConfigError("trials.sharpe_variance", "must not be negative", self.sharpe_variance)
        if self.effective is not None and not 1 <= self.effective <= self.count:
            raise ConfigError("trials.effective", f"must be from 1 to the count of {self.count}", self.effective)

    def variance_used(self, bars: int) -> float:
        """Returns the variance of per-bar Sharpe ratios that the judge works with.

        An unknown variance is that of trials without skill, 1 / (T − 1). With fewer than ten measured, the
        recorded one counts only where it is larger: two or three close Sharpe ratios prove nothing.
        """
        null = 1.0 / max(bars - 1, 1)
        if self.sharpe_variance is None or not math.isfinite(self.sharpe_variance):
            return null
        measured = self.count if self.measured is None else self.measured
        return max(self.sharpe_variance, null) if measured < FEW else self.sharpe_variance
