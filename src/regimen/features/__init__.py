"""Causal features in named groups: each is one compiled step, for a million bars or for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.features.config import FeaturesConfig
    from regimen.features.feature import Feature
    from regimen.features.feature_set import STANDARD_GROUPS, FeatureFrame, FeatureSet, standard
    from regimen.features.functions.causality import LookAhead, look_ahead
    from regimen.features.functions.frame_function import FrameFunction
    from regimen.features.functions.places import load_features
    from regimen.features.known.columns import calendar_columns, symbol_columns
    from regimen.features.live.live_bar import checked, stamp_of
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
    "FrameFunction",
    "LookAhead",
    "Stateless",
    "calendar_columns",
    "checked",
    "load_features",
    "look_ahead",
    "stamp_of",
    "standard",
    "symbol_columns",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Bar": "regimen.scan",
        "calendar_columns": ".known.columns",
        "checked": ".live.live_bar",
        "Feature": ".feature",
        "FeatureFrame": ".feature_set",
        "FeaturesConfig": ".config",
        "FeatureSet": ".feature_set",
        "FeatureStream": ".live.stream",
        "FrameFunction": ".functions.frame_function",
        "LookAhead": ".functions.causality",
        "load_features": ".functions.places",
        "look_ahead": ".functions.causality",
        "stamp_of": ".live.live_bar",
        "STANDARD_GROUPS": ".feature_set",
        "standard": ".feature_set",
        "Stateless": "regimen.scan",
        "symbol_columns": ".known.columns",
    },
)
