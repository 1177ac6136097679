"""A run's manifest on disk: what the run depends on, how far it came, and what its files must hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from regimen.errors import ConfigError, RunError
from regimen.records.checksums import has_its_seal, sealed
from regimen.records.documents import plain, read_json, write_json
from regimen.settings import validated

CONFIG, MANIFEST = "config.yaml", "manifest.json"
"""The files without which a folder is no run."""


class _Window(BaseModel):
    number: int
    purged: int
    embargoed: int
    train_from: str
    test_from: str


class _Manifest(BaseModel):
    """What every command may rely on; the earlier runs lack name, config, files and features."""

    id: str
    status: Literal["running", "finished"]
    created: str
    model: str
    fingerprint: str
    windows: list[_Window]
    environment: dict[str, Any]
    config: dict[str, Any] | None = None
    files: dict[str, str] | None = None
    features: dict[str, list[str]] | None = None


def read_manifest(folder: Path) -> dict[str, Any]:
    """Reads the manifest of a run.

    Raises:
        RunError: it is missing, damaged, or no manifest.
    """
    values = read_json(folder / MANIFEST)
    if not has_its_seal(values):
        raise RunError("run", f"holds a damaged {MANIFEST}: its checksum differs", str(folder))
    try:
        validated(_Manifest, values)
    except ConfigError as error:
        rule = f"holds a {MANIFEST} of another shape: {error.field} {error.rule}"
        raise RunError("run", rule, str(folder)) from None
    return values


def write_manifest(folder: Path, values: Mapping[str, Any]) -> None:
    """Writes a manifest, with its checksum inside."""
    write_json(folder / MANIFEST, sealed(plain(values)))
