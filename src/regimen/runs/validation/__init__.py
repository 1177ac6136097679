"""A run's config on every choice of folds: combinatorial purged cross-validation over seeds, its paths judged."""

from __future__ import annotations

from regimen.runs.validation.exhibit import PATHS, path_cells, spread_cells
from regimen.runs.validation.result import PathResult, Spread, Validation
from regimen.runs.validation.validation import FILE, FOLDS, TESTED, validate_run

__all__ = [
    "FILE",
    "FOLDS",
    "PATHS",
    "TESTED",
    "PathResult",
    "Spread",
    "Validation",
    "path_cells",
    "spread_cells",
    "validate_run",
]
