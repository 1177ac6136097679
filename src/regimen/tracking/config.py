"""Where the course of a run is shown besides its own folder: TensorBoard, MLflow, Weights & Biases, or nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated, Literal
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from regimen.errors import ConfigError

_KINDS = "tensorboard, mlflow, wandb"
_RULE = f"must be {_KINDS}, none, or a list of the first three"
_SECRETS = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)
_FROM_ENVIRONMENT = re.compile(r"\$\{\w+\}")
_STORES = re.compile(r"(sqlite:///.|https?://.|postgresql\W|mysql\W|mssql\W|databricks)")


class TensorBoardConfig(BaseModel):
    """Event files that `tensorboard --logdir` reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["tensorboard"] = Field("tensorboard", description="TensorBoard")
    folder: str | None = Field(
        None, description="a folder that gets one folder for each run; null: tensorboard/ inside the run's own"
    )


class MLflowConfig(BaseModel):
    """One MLflow run, in a local SQLite file or on a server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mlflow"] = Field("mlflow", description="MLflow")
    uri: str | None = Field(
        None,
        description="sqlite:///FILE, or http(s)://SERVER; null: mlflow.db beside the runs, artefacts beside it; "
        "${NAME} is the environment's",
    )
    experiment: str = Field("regimen", min_length=1, description="the experiment that the runs are listed under")

    @field_validator("uri")
    @classmethod
    def _is_a_store(cls, uri: str | None) -> str | None:
        if uri is not None and not _STORES.match(uri):
            raise ValueError("must be sqlite:///FILE or http(s)://SERVER: MLflow keeps no plain folders any more")
        if uri is not None and _has_credentials(uri):
            raise ValueError(
                "must not hold a password or a token, which would be written down with the run: "
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or write ${NAME} and set NAME"
            )
        return uri


def expanded(uri: str) -> str:
    """Returns an address with every ``${NAME}`` replaced by the environment's value.

    Raises:
        ConfigError: a variable that is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match[0][2:-1]
        if name not in os.environ:
            raise ConfigError("tracking.uri", "must name variables of the environment that are set", name)
        return os.environ[name]

    return _FROM_ENVIRONMENT.sub(value, uri)


def _has_credentials(uri: str) -> bool:
    """Whether an address holds something secret itself, and not the name of a variable that does."""
    scheme, _, rest = uri.partition("://")
    user, _, password = rest.rpartition("@")[0].partition(":")
    # a web server's user name alone may be a token; that of a database is none
    secrets = [password or user if scheme.startswith("http") else password]
    secrets += [value for name, value in parse_qsl(rest.partition("?")[2]) if _SECRETS.search(name)]
    return any(secret and not _FROM_ENVIRONMENT.fullmatch(secret) for secret in secrets)


class WandbConfig(BaseModel):
    """One Weights & Biases run; offline it is a folder inside the run's own that ``wandb sync`` can upload later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["wandb"] = Field("wandb", description="Weights & Biases")
    project: str = Field("regimen", min_length=1, description="the project that the runs are listed under")
    entity: str | None = Field(None, description="user or team; null: the account's default")
    mode: Literal["offline", "online"] = Field("offline", description="offline sends nothing anywhere")


TrackerConfig = Annotated[TensorBoardConfig | MLflowConfig | WandbConfig, Field(discriminator="kind")]


def _listed(value: object) -> object:
    """Turns a name, a mapping, ``none`` or a list of names and mappings into a list of mappings."""
    if value is None or value == "none":
        return []
    if isinstance(value, list | tuple):
        return [_mapping(each) for each in value]
    return [_mapping(value)]


def _mapping(value: object) -> object:
    if isinstance(value, str):
        if value not in _KINDS.split(", "):
            raise ValueError(_RULE)
        return {"kind": value}
    if isinstance(value, Mapping) and "kind" not in value:
        raise ValueError(f"must have a kind: {_KINDS}")
    if not isinstance(value, Mapping | BaseModel):
        raise ValueError(_RULE)
    return value


def _once(value: tuple[TrackerConfig, ...]) -> tuple[TrackerConfig, ...]:
    kinds = [each.kind for each in value]
    if len(set(kinds)) < len(kinds):
        raise ValueError("must name each kind once")
    return value


TrackingConfig = Annotated[tuple[TrackerConfig, ...], BeforeValidator(_listed), AfterValidator(_once)]
"""The section ``tracking`` of a run: a name, a mapping with a ``kind``, a list of these, or ``none``."""

_LIBRARIES: dict[str, tuple[str, ...]] = {"tensorboard": ("tensorboard",), "mlflow": ("mlflow",), "wandb": ("wandb",)}
_SQLITE = ("sqlalchemy", "alembic")


def require_trackers(config: tuple[TrackerConfig, ...]) -> None:
    """Finds out, without importing anything, whether every tracker can be used here.

    Raises:
        ConfigError: a library is not installed; the line names the extra that brings it.
    """
    for each in config:
        needed = _LIBRARIES[each.kind]
        if isinstance(each, MLflowConfig) and (each.uri is None or each.uri.startswith("sqlite")):
            needed += _SQLITE
        if missing := [name for name in needed if find_spec(name) is None]:
            extra = "regimen" if each.kind == "tensorboard" else "regimen[track]"
            rule = f"needs {' and '.join(missing)}, not installed here: pip install '{extra}'"
            raise ConfigError("tracking", rule, each.kind)
