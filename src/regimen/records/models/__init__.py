"""All models there are: their union, each by its name, and several as one."""

from __future__ import annotations

from regimen.records.models.compound import CompoundSettings, parts_of
from regimen.records.models.ensemble import EnsembleConfig, Member, MemberConfig
from regimen.records.models.meta import MetaConfig
from regimen.records.models.named import (
    ALIASES,
    ModelConfig,
    kind_name,
    model_config,
    model_configs,
    model_names,
    model_title,
    own_kind,
    own_model,
)

__all__ = [
    "ALIASES",
    "CompoundSettings",
    "EnsembleConfig",
    "Member",
    "MemberConfig",
    "MetaConfig",
    "ModelConfig",
    "kind_name",
    "model_config",
    "model_configs",
    "model_names",
    "model_title",
    "own_kind",
    "own_model",
    "parts_of",
]
