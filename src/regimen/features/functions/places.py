"""Features of one's own, by the place where they stand."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING

from regimen.errors import ConfigError
from regimen.own import load_object

if TYPE_CHECKING:
    from regimen.features.feature import Feature
    from regimen.features.functions.frame_function import FrameFunction


def load_features(place: str) -> tuple[Feature | FrameFunction, ...]:
    """Returns the features at ``package.module:NAME`` or ``path/to/file.py:NAME``.

    NAME is a `Feature`, a function of a frame, or a list or tuple of these.

    Raises:
        ConfigError: the module, the file or the name does not exist, or is something else.
    """
    from regimen.features.feature import Feature
    from regimen.features.functions.frame_function import FrameFunction

    value = load_object(place, "features.features")
    features = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not features or not all(isinstance(each, Feature | FrameFunction | FunctionType) for each in features):
        raise ConfigError("features.features", "must name a Feature, a function of a frame, or a tuple of them", place)
    functions = (FrameFunction(each) if isinstance(each, FunctionType) else each for each in features)
    return tuple(each.at(place) if isinstance(each, FrameFunction) else each for each in functions)
