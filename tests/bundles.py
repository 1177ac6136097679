"""A small run and the bundle of it, for the tests of both ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.runs.conftest import YAML, silent, simulated

from regimen.bundle.manifest import MANIFEST, digest, read_manifest, written
from regimen.records import RunDirectory, load_config
from regimen.runs import Exported, export_run, start

SHORT = ("splits.test=450", "tracking=none", "judge.bootstrap_draws=100")
TRAINING, LITTLE = "training: {{epochs: 6, batch_size: 64, patience: null}}\n", "training: {{epochs: 2}}\n"


def trained(folder: Path, *overrides: str, bars: int = 750) -> RunDirectory:
    """Trains the small run, in one window, and returns its folder."""
    simulated(bars).to_parquet(folder / "coin.parquet")
    assert TRAINING in YAML
    without = ("momentum", "function", "lightgbm", "online_logistic", "online_forest", "online_net")
    bare = any(f"model={{kind: {kind}," in each for kind in without for each in overrides)
    text = YAML.replace(TRAINING, "" if bare else LITTLE)
    if any("model={kind: function," in each for each in overrides):
        text = text.replace("exposure: {{dead_band: 0.0}}\n", "")
    (folder / "small.yaml").write_text(text.format(path=folder / "coin.parquet"))
    directory, _ = start(load_config(folder / "small.yaml", (*SHORT, *overrides)), folder / "runs", silent)
    return directory


def exported(folder: Path, *overrides: str, bars: int = 750, observations: int = 200) -> Exported:
    """Trains and exports."""
    return export_run(trained(folder, *overrides, bars=bars), folder / "bundle", silent, observations=observations)


def rewritten(folder: Path, files: dict[str, bytes] | None = None, **changes: Any) -> None:
    """Writes other files or another manifest into a bundle, with every checksum as it must be."""
    manifest = read_manifest(folder)
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
    checksums = {name: digest((folder / name).read_bytes()) for name in {*manifest.files, *(files or {})}}
    manifest = manifest.model_copy(update={"files": checksums, **changes})
    (folder / MANIFEST).write_bytes(written(manifest))


def values_of(folder: Path) -> dict[str, Any]:
    """Returns the plain values of a bundle's manifest."""
    values: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return values
