"""What an evaluation puts into its line of the trial ledger, read from its books."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from regimen import metrics
from regimen.judging import timing_sharpe
from regimen.records.returns.daily import daily_text
from regimen.records.trial import Trial

if TYPE_CHECKING:
    from regimen.execution import Ledger


def recorded_sharpe(ledger: Ledger) -> float | None:
    """Returns the annual Sharpe ratio for the trial ledger; None where it is not defined (no variance)."""
    value = metrics.annual_sharpe(ledger.returns, ledger.bars.periods_per_year)
    return value if math.isfinite(value) else None


def evaluated(trial: Trial, ledger: Ledger) -> Trial:
    """Returns a line of the trial ledger with what its evaluation showed.

    Args:
        trial: what was tried; its own number of bars does not count.
        ledger: the books: their bars, annual Sharpe ratios, whole and of the timing, and what each day earned.
    """
    return replace(
        trial,
        bars=len(ledger),
        sharpe=recorded_sharpe(ledger),
        timing=timing_sharpe(ledger),
        daily=daily_text(ledger),
    )
