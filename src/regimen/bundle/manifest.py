"""What a bundle says of itself: where it is from, what it needs, how it was examined, and the SHA-256 of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.bars import Calendar
from regimen.bundle.parity import Parity
from regimen.errors import ConfigError, RunError
from regimen.execution import Costs, MarketConfig
from regimen.features import FeaturesConfig
from regimen.observation import ObservationSchema
from regimen.policies.ensemble import MeanConfig, MixingConfig
from regimen.safeguards import SafeguardsConfig
from regimen.settings import validated

MANIFEST = "manifest.json"
VERSION = 1
"""Of the manifest's schema; a bundle of a later one is refused."""
_SEAL = "checksum"
_LARGEST = 16 * 2**20
"""Bytes of a manifest that are read, at most."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Columns(_Part):
    """The features that a bundle's policy sees."""

    config: FeaturesConfig = Field(description="as of the run; files of one's own lie in the bundle")
    names: tuple[str, ...] = Field(description="the columns, in their order")
    hash: str = Field(description="of the columns and of the code of every step")
    warmup: int = Field(ge=0, description="bars before the first row in which every column has a value")


class Observed(_Part):
    """The observation of one policy; `regimen.observation.ObservationSchema`."""

    features: str = Field(description="hash of the feature columns")
    inputs: int = Field(ge=0, description="feature columns of one row")
    volatility: bool = Field(description="whether the annual volatility follows")
    account: bool = Field(description="whether the account's columns follow")
    target: bool = Field(description="whether the target in force follows")
    gain: bool = Field(description="whether the gain of the open position follows")
    context: int = Field(ge=1, description="feature rows in an observation")
    precision: Literal["float32", "float64"] = Field(description="of the numbers")
    names: tuple[str, ...] = Field(description="of the feature columns")
    hash: str = Field(description="of all that")

    @classmethod
    def of(cls, schema: ObservationSchema) -> Observed:
        """Returns what a manifest says of a schema."""
        return cls(**vars(schema), hash=schema.hash)

    def schema_of(self) -> ObservationSchema:
        """Returns the schema.

        Raises:
            RunError: this version of the code makes another schema of the same words.
        """
        schema = ObservationSchema(**{name: getattr(self, name) for name in type(self).model_fields if name != "hash"})
        if schema.hash != self.hash:
            raise RunError("bundle", f"must have the observation schema {schema.hash[:12]}", self.hash[:12])
        return schema


class ServedPart(_Part):
    """One graph, or one rule, or what the library that trained it serves; and how it is asked."""

    served: Literal["classifier", "agent", "rule", "python"] = Field(
        description="classifier: rows of features; agent: observations of an account; rule: computed without a graph; "
        "python: by the library that trained it"
    )
    graph: str = Field("", description="the file of its graph; empty where it has none")
    details: tuple[str, ...] = Field(description="what the columns of its details are")
    observation: Observed = Field(description="what it observes of each symbol")
    settings: dict[str, Any] = Field({}, description="what else it is built of: an environment, an exposure rule")


class Around(_Part):
    """What stands around a policy: a section of the run's config."""

    section: Literal["intervals", "novelty", "band"] = Field(description="its name")
    settings: dict[str, Any] = Field(description="its fields")


class Combined(_Part):
    """How the exposures of several members are mixed; see `regimen.policies.ensemble.Mixture`."""

    config: MeanConfig | MixingConfig = Field(discriminator="kind", description="how weights are learned")
    costs: Costs = Field(description="that the members' own accounts are charged")
    latency: int = Field(ge=1, description="bars between a decision and its fill")
    seed: int = Field(description="of what is drawn")
    titles: tuple[str, ...] = Field(description="what the members are called")
    most: float = Field(gt=0.0, description="largest exposure of either sign")


class Decider(_Part):
    """The policy: one member or several, and what stands around."""

    members: tuple[ServedPart, ...] = Field(min_length=1, description="the graphs, in their order")
    combine: Combined | None = Field(None, description="how exposures of several members are mixed; null: one member")
    details: tuple[str, ...] = Field(description="what the columns of its details are")
    preprocess: tuple[str, ...] = Field((), description="kinds of the steps that features pass through first")
    around: tuple[Around, ...] = Field((), description="what stands around the policy, the innermost first")


class Origin(_Part):
    """Where a policy comes from."""

    run: str = Field(description="id of the run")
    model: str = Field(description="what the model is called")
    window: int = Field(ge=1, description="which of the run's windows it was trained in, from 1")
    windows: int = Field(ge=1, description="how many the run has")
    trained_from: str = Field(description="first bar of its training span, UTC")
    trained_until: str = Field(description="first bar that it was not trained on, UTC")
    fingerprint: str = Field(description="of the run's bars")
    source: str = Field(description="file or sample that the bars are from")
    first_bar: str = Field(description="first bar of the run's data, UTC")
    last_bar: str = Field(description="last bar of the run's data, UTC; the bundle starts behind it")
    seed: int = Field(description="of the run")
    code: str = Field(description="version of the code that trained it")
    exported_by: str = Field(description="version of the code that exported it")
    packages: dict[str, str] = Field(description="versions of the libraries that trained it")


class VerdictThen(_Part):
    """What the judge said of the run, when it was exported."""

    level: str = Field(description="by all trials of that day")
    sentence: str = Field(description="of the run's own judgement")
    settled_by: str = Field(description="which data would settle it")
    alarms: tuple[str, ...] = Field(description="what must be known before any number is believed")
    trials: int = Field(ge=0, description="tried on this market by then")
    sharpe: float | None = Field(description="annual, after costs, out of sample; null: undefined")
    net_return: float | None = Field(description="total, after costs, out of sample")
    volatility: float | None = Field(None, description="annual, of its returns after costs, out of sample")


class Manifest(_Part):
    """Everything about a bundle."""

    version: int = Field(description="of this schema")
    created: str = Field(description="when, UTC")
    origin: Origin = Field(description="where the policy comes from")
    symbols: tuple[str, ...] = Field(min_length=1, description="in the order of every array")
    bar_length: int = Field(gt=0, description="nanoseconds")
    periods_per_year: float = Field(gt=0.0, description="bars a year")
    calendar: Calendar = Field(description="of the bars: name, bars of a session, where a day ends")
    extras: tuple[str, ...] = Field(description="columns that the run's bars had besides prices and volume")
    volatility_bars: int | None = Field(description="returns in the volatility that is observed; null: none is")
    columns: Columns = Field(description="the features")
    market: MarketConfig = Field(description="how orders become money")
    policy: Decider = Field(description="what decides")
    safeguards: SafeguardsConfig = Field(description="the limits that it is to trade within")
    verdict: VerdictThen = Field(description="what the judge said")
    parity: Parity = Field(description="how far its answers are from those of the policy that was trained")
    files: dict[str, str] = Field(description="SHA-256 of every other file, by name")


def written(manifest: Manifest) -> bytes:
    """Returns the file of a manifest, which carries its own checksum."""
    values = json.loads(manifest.model_dump_json())
    return _dumped({**values, _SEAL: _seal(values)})


def read_manifest(folder: Path) -> Manifest:
    """Reads the manifest of a bundle.

    Raises:
        RunError: the folder is no bundle, the manifest is damaged, or of a later version.
    """
    if not folder.is_dir():
        raise RunError("bundle", "must be the folder of a bundle", str(folder))
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _LARGEST:
            raise RunError("bundle", f"must have a {MANIFEST} of at most 16 MiB", str(folder))
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunError(
            "bundle", f"must be a folder with a {MANIFEST}, as `regimen export` writes it", str(folder)
        ) from None
    except OSError as error:
        raise RunError("bundle", f"must have a readable {MANIFEST} ({error.strerror or error})", str(folder)) from None
    except (ValueError, RecursionError):
        raise RunError("bundle", f"holds a damaged {MANIFEST}: it is no JSON", str(folder)) from None
    if not isinstance(values, dict) or values.pop(_SEAL, None) != _seal(values):
        raise RunError("bundle", f"holds a damaged {MANIFEST}: its checksum differs", str(folder))
    version = values.get("version")
    if isinstance(version, int) and version > VERSION:
        rule = f"must have a {MANIFEST} of version {VERSION} or before: update Regimen"
        raise RunError("bundle", rule, version)
    try:
        return validated(Manifest, values)
    except ConfigError as error:
        rule = f"holds a {MANIFEST} of another shape: {error.field} {error.rule}"
        raise RunError("bundle", rule, str(folder)) from None


def require_files(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """Returns the content of every file of a bundle besides its manifest, by name.

    Raises:
        RunError: a file is missing, is there without being listed, is a link, or holds other bytes.
    """
    there = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    if missing := sorted(manifest.files.keys() - there):
        raise RunError("bundle", f"lacks {missing[0]}", str(folder))
    if more := sorted(there - manifest.files.keys() - {MANIFEST}):
        raise RunError("bundle", f"must hold the files of its {MANIFEST} and no other", more[0])
    contents = {}
    for name, checksum in manifest.files.items():
        path = folder / name
        try:
            content = b"" if path.is_symlink() else path.read_bytes()
        except OSError as error:
            raise RunError("bundle", f"must have a readable {name} ({error.strerror or error})", str(folder)) from None
        if digest(content) != checksum:
            raise RunError("bundle", f"holds a damaged {name}: its bytes are not those that were exported", str(folder))
        contents[name] = content
    return contents


def digest(content: bytes) -> str:
    """Returns the SHA-256 of bytes, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _seal(values: Mapping[str, Any]) -> str:
    return digest(_dumped(values))


def _dumped(values: object) -> bytes:
    return (json.dumps(values, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n").encode()
