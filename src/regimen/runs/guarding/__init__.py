"""A run behind its safeguards: how its targets trade, and what each limit cost and saved."""

from __future__ import annotations

from regimen.runs.guarding.confidence import confidence_of, confidences, entropy_confidence
from regimen.runs.guarding.exhibit import show_safeguards
from regimen.runs.guarding.measure import HEADINGS, GuardedRun, policies_of, row_of, safeguards_of
from regimen.runs.guarding.trading import trade

__all__ = [
    "HEADINGS",
    "GuardedRun",
    "confidence_of",
    "confidences",
    "entropy_confidence",
    "policies_of",
    "row_of",
    "safeguards_of",
    "show_safeguards",
    "trade",
]
