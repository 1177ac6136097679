"""All models there are: their union, each by its name, and several as one."""

from __future__ import annotations

from regimen.records.models.ensemble import EnsembleConfig, Member, MemberConfig, parts_of
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
    "EnsembleConfig",
    "Member",
    "MemberConfig",
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
