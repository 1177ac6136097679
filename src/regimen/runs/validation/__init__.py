"""A run's config on every choice of folds: combinatorial purged cross-validation over seeds, its paths judged."""

from __future__ import annotations

from regimen.runs.validation.exhibit import PATHS, REGIMES, path_cells, regime_cells, spread_cells
from regimen.runs.validation.result import PathResult, Spread, Validation
from regimen.runs.validation.selection import Selection
from regimen.runs.validation.validation import FILE, FOLDS, TESTED, validate_run

__all__ = [
    "FILE",
    "FOLDS",
    "PATHS",
    "REGIMES",
    "TESTED",
    "PathResult",
    "Selection",
    "Spread",
    "Validation",
    "path_cells",
    "regime_cells",
    "spread_cells",
    "validate_run",
]
