"""What each trial earned, day by day: kept with its line of the trial ledger, and read side by side."""

from __future__ import annotations

from regimen.records.returns.daily import DailyReturns, daily_text
from regimen.records.returns.evaluation import evaluated, recorded_sharpe
from regimen.records.returns.panel import TrialReturns, side_by_side, traded

__all__ = ["DailyReturns", "TrialReturns", "daily_text", "evaluated", "recorded_sharpe", "side_by_side", "traded"]
