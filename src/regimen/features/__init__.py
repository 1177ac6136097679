"""Causal features in named groups: each is one compiled step, for a million bars or for the next one."""

from __future__ import annotations

from regimen.features.config import FeaturesConfig, load_features
from regimen.features.feature import Feature
from regimen.features.feature_set import STANDARD_GROUPS, FeatureFrame, FeatureSet
from regimen.features.live.stream import FeatureStream
from regimen.scan import Bar, Stateless

__all__ = [
    "STANDARD_GROUPS",
    "Bar",
    "Feature",
    "FeatureFrame",
    "FeatureSet",
    "FeatureStream",
    "FeaturesConfig",
    "Stateless",
    "load_features",
]
