"""Log growth a year, and whether the growth of two policies on the same bars differs by more than noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from regimen.execution import Ledger

Series = NDArray[np.float64]

MATERIAL = 0.001
"""A difference in annual log growth below this is nothing, however certain: 0.1 % a year."""
_STRETCHES = 50
_ERRORS = 2.0


def annual_growth(ledger: Ledger) -> float:
    """Returns Σ log(1 + r) over the years of the ledger, from its first and last equity; −∞ after ruin."""
    last = float(ledger.equity[-1])
    if ledger.ruined or last <= 0.0:
        return -math.inf
    return math.log(last / ledger.start_equity) * ledger.bars.periods_per_year / len(ledger)


@dataclass(frozen=True)
class Difference:
    """How much more one policy grows than another in a year, in log growth, and the standard error of that.

    Attributes:
        annual: ±∞ when one of the two was ruined, NaN when both were.
        error: standard error; NaN with fewer than four bars.
    """

    annual: float
    error: float

    @property
    def beyond_noise(self) -> bool:
        """Whether it is larger than two of its standard errors; a ruin always is."""
        return math.isinf(self.annual) or abs(self.annual) > _ERRORS * self.error


def difference(returns: Series, other: Series, periods_per_year: float) -> Difference:
    """Compares two policies bar by bar, d = log(1 + r) − log(1 + r'), on the same bars.

    The standard error is that of the mean over 50 consecutive stretches of equal length (batch means), so
    dependence inside a stretch is kept. A difference that comes from one bar is one standard error.

    Args:
        returns, other: (time,) simple returns of the two.
        periods_per_year: of the calendar.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = np.log1p(returns) - np.log1p(other)
    # After a ruin both sides may be −∞ in the same bar; the sum is then undefined.
    annual = float(np.mean(gaps)) * periods_per_year if len(gaps) else math.nan
    stretches = min(_STRETCHES, len(gaps) // 2)
    if not math.isfinite(annual) or stretches < 2:
        return Difference(annual, math.nan)
    length = len(gaps) // stretches
    means = gaps[: stretches * length].reshape(stretches, length).mean(axis=1)
    return Difference(annual, float(np.std(means, ddof=1)) / math.sqrt(stretches) * periods_per_year)
