"""Augmentation: more bars to learn from, made of a training slice alone."""

from __future__ import annotations

from regimen.augment.block_bootstrap import BlockBootstrap, BlockBootstrapConfig
from regimen.augment.paths import Paths

AugmentConfig = BlockBootstrapConfig
"""Every way to make more paths."""

__all__ = ["AugmentConfig", "BlockBootstrap", "BlockBootstrapConfig", "Paths"]
