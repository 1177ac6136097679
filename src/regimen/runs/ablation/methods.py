"""Which parts of a run's config are methods, and the same config with some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from regimen.errors import ConfigError
from regimen.records import RunConfig, resolve

LISTS = ("preprocess", "augment", "training.recipes")
"""Each member of these lists is a method."""
PARTS = (
    "labels.weights",
    "model.normalise",
    "training.sampler",
    "training.class_weights",
    "training.label_smoothing",
    "training.snapshots",
    "calibration",
    "intervals",
    "novelty",
    "band",
)
"""Each of these is a method where it is not what it is when nothing is said of it."""


@dataclass(frozen=True)
class Method:
    """One part of a config that can be taken out.

    Attributes:
        name: what it is called: its kind, with its section where that alone says too little.
        place: dotted key of the section or list.
        member: its number in a list; None where the place is the method.
    """

    name: str
    place: str
    member: int | None = None


def methods_of(config: RunConfig) -> tuple[Method, ...]:
    """Returns the methods of a config, in the order of a run.

    Raises:
        ConfigError: it has none.
    """
    methods = []
    for place in LISTS:
        kinds = [part.kind for part in _at(config, place) or ()]
        many = Counter(kinds)
        for number, kind in enumerate(kinds):
            again = f" {kinds[: number + 1].count(kind)}" if many[kind] > 1 else ""
            methods.append(Method(f"{kind}{again}", place, number))
    for place in PARTS:
        value = _at(config, place)
        if value != _default(config, place):
            methods.append(Method(_called(place, value), place))
    if not methods:
        rule = f"must have at least one method: a member of {', '.join(LISTS)}, or one of {', '.join(PARTS)}"
        raise ConfigError("config", f"{rule} that is not its default", config.name)
    return _named_apart(methods)


def with_methods(config: RunConfig, methods: Collection[Method]) -> RunConfig:
    """Returns a config whose only methods are some of its own, in the order that they have there.

    Raises:
        ConfigError: what is left cannot be run without the others.
    """
    values = config.as_dict()
    for place in LISTS:
        whole = _at(config, place) or ()
        kept = {method.member for method in methods if method.place == place}
        members = [part.model_dump(mode="json") for number, part in enumerate(whole) if number in kept]
        _put(values, place, members or None)
    for place in PARTS:
        if _at(config, place) != _default(config, place) and all(method.place != place for method in methods):
            _put(values, place, None)
    return resolve(values)


def _named_apart(methods: list[Method]) -> tuple[Method, ...]:
    """Returns the methods; where two lists have a name in common, the list is said too."""
    many = Counter(method.name for method in methods)
    return tuple(
        method if many[method.name] == 1 else Method(f"{method.place} {method.name}", method.place, method.member)
        for method in methods
    )


def _called(place: str, value: Any) -> str:
    """Returns the name of a method that is no member of a list: ``novelty mahalanobis``, ``snapshots 5``."""
    if isinstance(value, BaseModel):
        kind = getattr(value, "kind", None)
        if kind is None:  # weights: which of them are asked for
            kind = " ".join(name for name, field in value if field != type(value).model_fields[name].default)
        return f"{place.removeprefix('labels.')} {kind}"
    name = place.rpartition(".")[2]
    return f"{name} {'none' if value is None else value}"


def _at(config: BaseModel, place: str) -> Any:
    """Returns what stands at a dotted key; None where there is no such place."""
    value: Any = config
    for part in place.split("."):
        value = getattr(value, part, None)
    return value


def _default(config: RunConfig, place: str) -> Any:
    """Returns what stands at a dotted key where nothing is said of it, in sections of the same kind."""
    section, _, field = place.rpartition(".")
    owner = _at(config, section) if section else config
    fields: Mapping[str, Any] = type(owner).model_fields if isinstance(owner, BaseModel) else {}
    name = field if section else place
    return fields[name].get_default(call_default_factory=True) if name in fields else None


def _put(values: dict[str, Any], place: str, value: Any) -> None:
    """Puts a value at a dotted key; None takes it out."""
    *parents, last = place.split(".")
    for parent in parents:
        values = values[parent]
    if value is None:
        values.pop(last, None)
    else:
        values[last] = value
