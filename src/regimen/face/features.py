"""Features as objects, functions and names in one list: the config that says the same."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from regimen.errors import ConfigError
from regimen.features import Feature, FeaturesConfig, FeatureSet, FrameFunction, load_features
from regimen.own import source_of, written_source
from regimen.settings import validated

_FIELD = "features"


def features_section(features: object, folder: Path) -> FeaturesConfig:
    """Returns a config of features.

    Args:
        features: a config, or the name of a set; or a list of library features, their columns' or groups' names, your
            own features and functions, and places of these: ``path/to/file.py:NAME``.
        folder: where the source of what was defined in a notebook is written.

    Raises:
        ConfigError: an unknown name; features of two of our sets; an object that has no place.
    """
    if isinstance(features, FeaturesConfig):
        return features
    if isinstance(features, Mapping):
        return validated(FeaturesConfig, features, "features.")
    if isinstance(features, str) and (near := difflib.get_close_matches(features, ("standard", "indicators"), n=1)):
        if near[0] != features:
            raise ConfigError(_FIELD, f"must be a set, a column or a group (did you mean {near[0]!r}?)", features)
        return FeaturesConfig(kind=features)
    if isinstance(features, FeatureSet):
        whole = features_section(features.features, folder)
        return whole if whole.build().names == features.names else whole.model_copy(update={"columns": features.names})
    if isinstance(features, str | Feature | FrameFunction) or callable(features):
        features = [features]
    if not isinstance(features, Iterable) or getattr(features, "ndim", 1) != 1:
        raise ConfigError(_FIELD, "must be a list of features, names and functions", type(features).__name__)
    names: list[str] = []
    places: list[str] = []
    for each in features:
        if isinstance(each, str) and ":" not in each:
            names.append(each)
        elif isinstance(each, Feature) and (columns := _columns_of(each)):
            names += columns
        else:
            places.append(each if isinstance(each, str) else _from_here(_place(each, folder)))
    return _config(names, tuple(places))


def _columns_of(feature: Feature) -> tuple[str, ...]:
    """The columns of a feature of our sets; empty for one of the user's own."""
    library = (*FeatureSet.standard().features, *FeatureSet.indicators().features)
    return feature.names if any(feature is each for each in library) else ()


def _config(names: list[str], places: tuple[str, ...]) -> FeaturesConfig:
    """The config of columns and groups of one of our sets, and of places."""
    own = tuple(name for place in places for feature in load_features(place) for name in feature.names)
    if not names:
        return FeaturesConfig(kind="custom", features=places)
    sets = {"standard": FeatureSet.standard(), "indicators": FeatureSet.indicators()}
    kind = next((kind for kind, every in sets.items() if _known(names[0], every)), "standard")
    every = sets[kind]
    for name in names:
        if not _known(name, every):
            pool = sets.values() if name == names[0] else (every,)
            known = [each for one in pool for each in (*one.names, *one.groups)]
            near = [each for each in known if name in each] or difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ", which rg.FeatureSet lists by name"
            raise ConfigError(_FIELD, f"must be a column or a group of the {kind} features{hint}", name)
    columns = [column for name in names for column in every.groups.get(name, (name,))]
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise ConfigError(_FIELD, "must name each column once", twice)
    chosen = () if set(columns) == set(every.names) else (*columns, *own)
    return FeaturesConfig(kind=kind, columns=chosen, features=places)


def _known(name: str, features: FeatureSet) -> bool:
    return name in features.names or name in features.groups


def _from_here(place: str) -> str:
    """A place whose file lies below the working folder, as it is written in a config file there."""
    where, _, name = place.rpartition(":")
    inside = where.endswith(".py") and Path(where).is_relative_to(Path.cwd())
    return f"{Path(where).relative_to(Path.cwd())}:{name}" if inside else place


def _place(value: object, folder: Path) -> str:
    """Where an object of the user's own is: by name for a class or a function, else by the name that holds it."""
    if isinstance(value, FrameFunction) and value.place:
        return value.place
    if isinstance(value, FrameFunction) and value.names == (value.function.__name__,):
        value = value.function
    if not isinstance(value, Feature | FrameFunction):
        return source_of(value, _FIELD, folder)
    code = value.step if isinstance(value, Feature) else value.function
    module = sys.modules.get(getattr(code, "__module__", ""))
    name = next((name for name, one in vars(module).items() if one is value), None) if module else None
    if module is not None and module.__name__ == "__main__":
        return written_source(value, _FIELD, folder)
    if module is None or name is None:
        rule = "must be in a file of its own, which can be named: 'path/to/file.py:NAME'"
        raise ConfigError(_FIELD, rule, value)
    path = getattr(module, "__file__", None)
    return f"{module.__name__}:{name}" if path is None or module.__package__ else f"{path}:{name}"
