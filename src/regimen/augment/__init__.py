"""Augmentation: more bars to learn from, made of a training slice alone."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.augment.block_bootstrap import BlockBootstrap, BlockBootstrapConfig
from regimen.augment.causal import Causal, CausalConfig
from regimen.augment.crises import Crises, CrisisConfig, Scenario, scenarios
from regimen.augment.paths import Path, Paths

PathsConfig = BlockBootstrapConfig | CrisisConfig | CausalConfig
"""Every way to make more paths of bars."""

AugmentConfig = Annotated[PathsConfig, Field(discriminator="kind")]
"""Every way to make more to learn from; ``kind`` chooses."""

__all__ = [
    "AugmentConfig",
    "BlockBootstrap",
    "BlockBootstrapConfig",
    "Causal",
    "CausalConfig",
    "Crises",
    "CrisisConfig",
    "Path",
    "Paths",
    "PathsConfig",
    "Scenario",
    "scenarios",
]
