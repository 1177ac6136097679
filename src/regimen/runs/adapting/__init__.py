"""Few-shot adaptation of a finished run to its newest bars, measured before it is kept."""

from __future__ import annotations

from regimen.runs.adapting.adaptation import Adaptation, adapt_run

__all__ = ["Adaptation", "adapt_run"]
