"""What no graph computes: its own files go with the bundle, and the library that trained it serves it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from regimen.errors import RunError
from regimen.execution import Policy
from regimen.features import FeaturesConfig
from regimen.own import OwnSource, source_files
from regimen.policies import Preprocessed
from regimen.records import EnsembleConfig, RunConfig, located, parts_of
from regimen.records.layout import CHECKPOINT, DRAWN, END, EXPOSURES, LAST, UNADAPTED
from regimen.runs.families import family_of
from regimen.runs.families.ensembles.members import MEMBERS, load_members
from regimen.settings import validated

FOLDER, OWN = "policy", "own"
"""Where these files lie in a bundle, and those of the user's own features."""
_CONFIG, _OWN = "config.json", "own"
_LEFT_OUT = (EXPOSURES, DRAWN, *(f"{name}/*" for name in (LAST, CHECKPOINT, UNADAPTED, END)), ".*", "*/.*")


def policy_files(
    window: Path, config: RunConfig, features: FeaturesConfig, scratch: Path, members: Sequence[int] | None = None
) -> dict[str, bytes]:
    """Returns the files of a window's policy as they lie in a bundle, with its config and code of the user's own.

    Args:
        window: folder of the window.
        config: of the run, its places counted from here.
        features: its features, their places counted from the bundle.
        scratch: an empty folder.
        members: those of a mixture whose files go with it, by their place; None: the whole policy's.
    """
    files = {f"{FOLDER}/{_CONFIG}": _config_of(config.model_copy(update={"features": features}))}
    folders = [Path()]
    if members is not None:
        assert isinstance(config.model, EnsembleConfig)
        every = config.model.fitted(config.seed)
        folders = [Path(MEMBERS, every[member].place) for member in members]
    for folder in folders:
        for path in sorted((window / folder).rglob("*")):
            name = path.relative_to(window / folder).as_posix()
            if path.is_file() and not any(fnmatch(name, pattern) for pattern in _LEFT_OUT):
                files[f"{FOLDER}/{(folder / name).as_posix()}"] = path.read_bytes()
    for name, part in parts_of(config):
        if isinstance(part, OwnSource):
            part.copy_to(scratch, f"{name}.source")
    for path in sorted(scratch.rglob("*")):
        if path.is_file():
            files[f"{FOLDER}/{_OWN}/{path.relative_to(scratch).as_posix()}"] = path.read_bytes()
    return files


def revive(folder: Path, member: int | None = None) -> Policy:
    """Returns the policy of a bundle from its own files, without its preprocessing and wrappers.

    Args:
        folder: of the bundle, whose files were checked.
        member: that of a mixture which is wanted, by its place; None: the whole policy.

    Raises:
        ConfigError: a library that it needs is not installed.
        RunError: the files are not those of a policy.
    """
    place = folder / FOLDER
    try:
        values = json.loads((place / _CONFIG).read_bytes())
    except (OSError, ValueError):
        raise RunError("bundle", f"must hold {FOLDER}/{_CONFIG}", str(folder)) from None
    config = located(validated(RunConfig, values), place / _OWN)
    config = config.model_copy(update={"features": config.features.began_in(folder)})
    schema = config.features.build().hash
    if member is not None:
        if not isinstance(config.model, EnsembleConfig):
            raise RunError("bundle", f"must hold the config of a mixture in {FOLDER}/{_CONFIG}", config.model.kind)
        return next(load_members(place, config.model.fitted(config.seed)[member : member + 1], config, schema))
    policy = family_of(config.model).load(place, config, schema)
    return policy.policy if isinstance(policy, Preprocessed) else policy


def own_features(config: FeaturesConfig, field: str = "features.features") -> tuple[FeaturesConfig, dict[str, bytes]]:
    """Returns the features of a config with the files of one's own as they lie in a bundle, and those files."""
    places, files = [], dict[str, bytes]()
    for place in config.features:
        where, _, name = place.rpartition(":")
        if not where.endswith(".py"):
            places.append(place)
            continue
        sources = source_files(place, field)
        for source in sources:
            inside = source.resolve().relative_to(sources[0].resolve().parent).as_posix()
            files[f"{OWN}/{inside}"] = source.read_bytes()
        places.append(f"{OWN}/{Path(where).name}:{name}")
    return FeaturesConfig(**{**dict(config), "features": tuple(places)}), files


def _config_of(config: RunConfig) -> bytes:
    values = config.model_dump(mode="json", by_alias=True)
    return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()
