"""Augmentation: more to learn from, made of a training slice alone: paths of bars, or rows as a model sees them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.augment.block_bootstrap import BlockBootstrap, BlockBootstrapConfig
from regimen.augment.causal import Causal, CausalConfig
from regimen.augment.crises import Crises, CrisisConfig, Scenario, scenarios
from regimen.augment.martingale import matched_martingale
from regimen.augment.nearest import nearest
from regimen.augment.paths import Path, Paths
from regimen.augment.ratios import ratios_of, requoted, with_ratios
from regimen.augment.samples import LearnedRows, Samples, misfit
from regimen.augment.tabddpm import TabDDPM, TabDDPMConfig
from regimen.augment.timegan import TimeGAN, TimeGANConfig

PathsConfig = BlockBootstrapConfig | CrisisConfig | CausalConfig
"""Every way to make more paths of bars."""

SamplesConfig = TabDDPMConfig | TimeGANConfig
"""Every way to make more rows, or windows of rows."""

AugmentConfig = Annotated[PathsConfig | SamplesConfig, Field(discriminator="kind")]
"""Every way to make more to learn from; ``kind`` chooses."""

__all__ = [
    "AugmentConfig",
    "BlockBootstrap",
    "BlockBootstrapConfig",
    "Causal",
    "CausalConfig",
    "Crises",
    "CrisisConfig",
    "LearnedRows",
    "Path",
    "Paths",
    "PathsConfig",
    "Samples",
    "SamplesConfig",
    "Scenario",
    "TabDDPM",
    "TabDDPMConfig",
    "TimeGAN",
    "TimeGANConfig",
    "matched_martingale",
    "misfit",
    "nearest",
    "ratios_of",
    "requoted",
    "scenarios",
    "with_ratios",
]
