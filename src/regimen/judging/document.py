"""The document of a judgement: what JSON can hold, and the way back into the objects that it was written from."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin

import numpy as np

from regimen.errors import RunError

T = TypeVar("T")


def plain(value: object) -> object:
    """Returns a value for JSON: arrays and tuples are lists, undefined and infinite numbers None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read(kind: type[T], values: object, at: str) -> T:
    """Returns the object of a dataclass that a part of the document describes, field by field.

    A number that is null or absent is NaN where the field is a plain float: an infinity was written as null too. A
    field that may be None is None where it is null or absent. Whole numbers stay whole, also in float fields, so that
    they are written again as they were. Keys without a field are passed over.

    Args:
        kind: a dataclass of numbers, texts, tuples, mappings and other such classes; one that has a ``from_dict`` of
            its own is read by that.
        values: the part.
        at: where it stands, for the error.

    Raises:
        RunError: a part of another shape.
    """
    if not isinstance(values, Mapping):
        raise RunError(at, "must be a mapping", values)
    assert is_dataclass(kind)
    types_of = _types(kind)
    arguments = {}
    for field in fields(kind):
        absent = field.name not in values
        if absent and (field.default is not MISSING or field.default_factory is not MISSING):
            continue
        arguments[field.name] = _value(types_of[field.name], values.get(field.name), f"{at}.{field.name}")
    return kind(**arguments)


@cache
def _types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(kind: Any, value: object, at: str) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        (kind,) = (part for part in parts if part is not type(None))
        return _value(kind, value, at)
    if origin is tuple:
        return _items(parts, value, at)
    if origin is not None and origin is not Literal:  # a mapping by name
        if not isinstance(value, Mapping):
            raise RunError(at, "must be a mapping", value)
        return {str(key): _value(parts[1], item, f"{at}.{key}") for key, item in value.items()}
    if hasattr(kind, "from_dict"):
        if not isinstance(value, Mapping):
            raise RunError(at, "must be a mapping", value)
        return kind.from_dict(value, at)
    return read(kind, value, at) if isinstance(kind, type) and is_dataclass(kind) else _scalar(kind, value, at)


def _items(parts: tuple[Any, ...], value: object, at: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise RunError(at, "must be a list", value)
    if parts[-1] is ...:
        if parts[0] is float and all(type(item) is float for item in value):  # a long curve
            return tuple(value)
        return tuple(_value(parts[0], item, f"{at}.{position}") for position, item in enumerate(value))
    if len(value) != len(parts):
        raise RunError(at, f"must be a list of {len(parts)}", value)
    return tuple(
        _value(part, item, f"{at}.{position}") for position, (part, item) in enumerate(zip(parts, value, strict=True))
    )


_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _scalar(kind: Any, value: object, at: str) -> Any:
    wanted = str if get_origin(kind) is Literal else kind  # a level of a later version is shown by its name
    if wanted is object:
        return value
    if wanted is float and value is None:
        return math.nan
    fits = isinstance(value, int | float if wanted is float else wanted)
    if not fits or (isinstance(value, bool) and wanted is not bool):
        raise RunError(at, f"must be {_NAMES[wanted]}", value)
    return value
