"""A config file with its section ``search``, taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regimen.errors import ConfigError
from regimen.records import SEARCH, read_yaml
from regimen.runs.search.settings import SearchConfig
from regimen.settings import apply_overrides, validated


def read_search(path: Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], SearchConfig]:
    """Returns the values of a config file without its search, and its search.

    Raises:
        ConfigError: as for a run's file; the section is no mapping, or breaks a rule.
    """
    values = apply_overrides(read_yaml(path), overrides)
    section = values.pop(SEARCH, None) or {}
    if not isinstance(section, dict):
        raise ConfigError(SEARCH, "must be a mapping with space, objectives, sampler", section)
    splits = section.get("splits")
    if isinstance(splits, dict):
        section = {**section, "splits": {"kind": "walk_forward", **splits}}
    return values, validated(SearchConfig, section, f"{SEARCH}.")
