"""`FeaturesConfig`: the features of a run, as a config file names them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import ConfigError

if TYPE_CHECKING:
    from regimen.features.feature import Feature
    from regimen.features.feature_set import FeatureSet


class FeaturesConfig(BaseModel):
    """Which features a run computes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["standard", "indicators", "custom"] = Field(
        default="standard",
        description="standard (60 stationary columns in six groups), indicators (27 classic ones), or custom "
        "(only your own)",
    )
    groups: tuple[str, ...] = Field(default=(), description="keep the columns of these groups only")
    columns: tuple[str, ...] = Field(
        default=(), description="keep these columns only (with groups: these as well), in this order"
    )
    features: tuple[str, ...] = Field(
        default=(),
        description="your own features: 'package.module:NAME' or 'path/to/file.py:NAME', one or several",
    )

    def build(self) -> FeatureSet:
        """Returns the feature set.

        Raises:
            ConfigError: an unknown group or column, a feature that cannot be found, two columns of one name.
        """
        from regimen.features.feature_set import FeatureSet

        own = [feature for place in self.features for feature in load_features(place)]
        if self.kind == "custom":
            if not own:
                raise ConfigError("features.features", "must name at least one feature when features.kind is custom")
            features = FeatureSet(own)
        else:
            features = FeatureSet.standard() if self.kind == "standard" else FeatureSet.indicators()
            features = features.with_features(own)
        return features.select(self.columns, self.groups)


def load_features(place: str) -> tuple[Feature, ...]:
    """Returns the features at ``package.module:NAME`` or ``path/to/file.py:NAME``.

    NAME is a `Feature`, or a list or tuple of features.

    Raises:
        ConfigError: the module, the file or the name does not exist, or is something else.
    """
    from regimen.features.feature import Feature

    where, colon, name = place.rpartition(":")
    if not colon or not where or not name:
        raise ConfigError("features.features", "must be 'package.module:NAME' or 'path/to/file.py:NAME'", place)
    module = _from_file(Path(where), place) if where.endswith(".py") else _from_package(where, place)
    if not hasattr(module, name):
        raise ConfigError("features.features", f"must name something that {where} defines", place)
    value = getattr(module, name)
    features = (value,) if isinstance(value, Feature) else tuple(value) if isinstance(value, Iterable) else ()
    if not features or not all(isinstance(item, Feature) for item in features):
        raise ConfigError("features.features", "must name a Feature or a tuple of them", place)
    return features


def _from_package(where: str, place: str) -> ModuleType:
    try:
        return importlib.import_module(where)
    except ImportError as error:
        raise ConfigError("features.features", f"must name a module that can be imported ({error})", place) from error


def _from_file(path: Path, place: str) -> ModuleType:
    if not path.is_file():
        raise ConfigError("features.features", "must name a file that exists", place)
    name = f"regimen_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError("features.features", "must name a Python file", place)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's code: any error is theirs to read
        rule = f"must be a file that runs ({type(error).__name__}: {error})"
        raise ConfigError("features.features", rule, place) from error
    return module
