"""Splits: windows and folds, purged by the span of each label and embargoed; only a `Slice` can be fitted on."""

from __future__ import annotations

from regimen.splits.combinatorial import Combinatorial, combinatorial
from regimen.splits.folds import Fold, purged_folds
from regimen.splits.own_splits import OwnSplitsConfig
from regimen.splits.purge import usable_for_training
from regimen.splits.slices import Role, Slice
from regimen.splits.splitting import SplitsConfig, split
from regimen.splits.spread import evenly_spread
from regimen.splits.walk_forward import WalkForwardConfig, Window, walk_forward

__all__ = [
    "Combinatorial",
    "Fold",
    "OwnSplitsConfig",
    "Role",
    "Slice",
    "SplitsConfig",
    "WalkForwardConfig",
    "Window",
    "combinatorial",
    "evenly_spread",
    "purged_folds",
    "split",
    "usable_for_training",
    "walk_forward",
]
