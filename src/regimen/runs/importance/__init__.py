"""Which features of a run mattered, on rows of its training slices that its model did not learn from."""

from __future__ import annotations

from regimen.runs.importance.importance import FeatureImportance, Importance
from regimen.runs.importance.measure import FILE, FOLDS, ROWS, SHIFTS, importance_of, measure

__all__ = ["FILE", "FOLDS", "ROWS", "SHIFTS", "FeatureImportance", "Importance", "importance_of", "measure"]
