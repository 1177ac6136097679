"""The space of a search: which keys of a config are parameters of a trial, given what it has already."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from pydantic import BaseModel, JsonValue

from regimen.errors import ConfigError, RegimenError
from regimen.records import RunConfig, resolve, unread_by, with_kind
from regimen.runs.search.settings import Parameter

FIXED = ("name", "seed", "seeds", "data", "splits", "market", "judge", "tracking")
"""Sections that decide what every trial is measured by: none of their keys is a parameter."""
KIND = "model.kind"
Settings = dict[str, Any]
"""What one trial has, by dotted key, in the order in which it was proposed."""


@dataclass(frozen=True)
class Domain:
    """What one parameter of one trial is chosen from.

    Attributes:
        choices: the values; None for a range.
        low, high: ends of the range, both among its values.
        log: equal ratios are equally likely.
        integer: whole numbers only.
        points: values of it that a grid tries.
    """

    choices: tuple[JsonValue, ...] | None = None
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    integer: bool = False
    points: int = 5

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that are as bad as any: all choices, or both ends."""
        if self.choices is not None:
            return self.choices
        return (int(self.low), int(self.high)) if self.integer else (self.low, self.high)

    @property
    def grid(self) -> tuple[Any, ...]:
        """The values that a grid tries: all choices, or so many points of the range."""
        if self.choices is not None:
            return self.choices
        if self.integer and self.high - self.low < self.points:
            return tuple(range(int(self.low), int(self.high) + 1))
        steps = np.geomspace if self.log else np.linspace
        values = [float(value) for value in steps(self.low, self.high, self.points)]
        values[0], values[-1] = self.low, self.high  # a power of a root is seldom itself
        return tuple(dict.fromkeys(round(value) for value in values)) if self.integer else tuple(values)


@dataclass(frozen=True, eq=False)
class Space:
    """The parameters of a search over a config.

    A key that the config of a trial's model does not have, or does not read, is no parameter of that trial. Kinds and
    what others depend on come first, all others in the order in which they are written.

    Args:
        base: values of the config file, without its search.
        parameters: by dotted key.
    """

    base: Mapping[str, Any]
    parameters: Mapping[str, Parameter]
    _branches: dict[str, RunConfig] = field(default_factory=dict, repr=False)

    @property
    def order(self) -> tuple[str, ...]:
        """The keys in the order in which a trial gets their values."""
        names = list(self.parameters)
        return tuple(sorted(names, key=lambda name: (name != KIND, not self._is_structural(name), names.index(name))))

    def values(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the values of a config file with settings in them."""
        values = dict(self.base)
        if KIND in settings:
            values = with_kind(values, str(settings[KIND]))
        values = deepcopy(values)
        for name, value in settings.items():
            if name != KIND:
                _put(values, name, value)
        return values

    def config(self, settings: Mapping[str, Any]) -> RunConfig:
        """Returns the config of a trial.

        Raises:
            ConfigError: values that cannot stand together.
        """
        return resolve(self.values(settings))

    def domain(self, name: str, settings: Mapping[str, Any]) -> Domain | None:
        """Returns what a parameter is chosen from; None where it is none of a trial with these settings."""
        parameter, branch = self.parameters[name], self._branch(settings)
        if any(not _allowed(_seen(settings, branch, key), value) for key, value in parameter.when.items()):
            return None
        if any(f"{name}.".startswith(f"{part}.") for part in unread_by(branch.model)):
            return None
        whole = _is_whole(branch, name, parameter)
        if whole is None:
            return None
        if parameter.choices is not None:
            return Domain(parameter.choices)
        assert parameter.low is not None
        assert parameter.high is not None
        return Domain(None, parameter.low, parameter.high, parameter.log, whole, parameter.points)

    def drawn(self, choose: Callable[[str, Domain], Any]) -> Settings:
        """Returns the settings of a trial whose values are chosen one after another."""
        settings: Settings = {}
        for name in self.order:
            domain = self.domain(name, settings)
            if domain is not None:
                settings[name] = choose(name, domain)
        return settings

    def grid(self) -> tuple[Settings, ...]:
        """Returns every combination of the parameters' grids; the last parameter changes fastest."""
        grid: list[Settings] = [{}]
        for name in self.order:
            grid = [{**one, **each} for one in grid for each in self._choices(name, one)]
        return tuple(grid)

    def check(self) -> None:
        """Validates every choice and both ends of every range by the typed config, in each branch where they can be.

        Raises:
            ConfigError: a key that no trial has, or one of `FIXED`; a value that the config refuses; the first one.
        """
        for name, parameter in self.parameters.items():
            place = f"search.space.{name}"
            section = name.partition(".")[0]
            if section in FIXED:
                rule = f"must not be a parameter: {section} decides what every trial is measured by"
                raise ConfigError(place, rule, name)
            if name.endswith(".kind") and name != KIND:
                rule = f"must be {KIND}, or a whole section with its kind as a choice: [{{kind: ...}}, ...]"
                raise ConfigError(place, rule, name)
            if name == KIND and parameter.choices is None:
                raise ConfigError(place, "must have choices")
        tried: dict[str, bool] = {}
        for branch in self._structures():
            with _naming(branch):
                self.config(branch)
            for name in self.order:
                domain = self.domain(name, branch)
                if domain is None:
                    continue
                if tried.setdefault(name, domain.integer) != domain.integer:
                    rule = "must be of one type in all models: give each model a search of its own"
                    raise ConfigError(f"search.space.{name}", rule, name)
                if not self._is_structural(name):
                    for value in domain.ends:
                        with _naming({name: value}):
                            self.config({**branch, name: value})
        for name in self.parameters:
            if name not in tried:
                known = difflib.get_close_matches(name, sorted(_keys(self._branch({}))), n=1)
                hint = f" (did you mean {known[0]!r}?)" if known else ""
                rule = f"must be a key of the config that one of the searched models has and reads{hint}"
                raise ConfigError(f"search.space.{name}", rule, name)

    @property
    def models(self) -> tuple[RunConfig, ...]:
        """A config of each branch of the space."""
        return tuple(self.config(branch) for branch in self._structures())

    def _structures(self) -> list[Settings]:
        """The combinations of those parameters that decide which others there are."""
        branches: list[Settings] = [{}]
        for name in self.order:
            if self._is_structural(name):
                branches = [{**one, **each} for one in branches for each in self._choices(name, one)]
        return branches

    def _choices(self, name: str, settings: Settings) -> Sequence[Settings]:
        domain = self.domain(name, settings)
        return [{}] if domain is None else [{name: value} for value in domain.grid]

    def _is_structural(self, name: str) -> bool:
        if self.parameters[name].choices is None:
            return False
        others = [other for other in self.parameters if other != name]
        inside = any(other.startswith(f"{name}.") for other in others)
        return name == KIND or inside or any(name in self.parameters[other].when for other in others)

    def _branch(self, settings: Mapping[str, Any]) -> RunConfig:
        """The config with only those settings that decide which parameters there are."""
        own = {name: value for name, value in settings.items() if self._is_structural(name)}
        key = repr(own)
        if key not in self._branches:
            with _naming(own):
                self._branches[key] = self.config(own)
        return self._branches[key]


@contextmanager
def _naming(settings: Mapping[str, Any]) -> Iterator[None]:
    """Names in a mistake of a config the parameter whose value it is."""
    try:
        yield
    except RegimenError as error:
        if error.field == "--model" and KIND in settings:
            raise error.named(f"search.space.{KIND}") from None
        if any(f"{error.field}.".startswith(f"{name}.") for name in settings):
            raise error.named(f"search.space.{error.field}") from None
        if not settings:
            raise
        shown = ", ".join(f"{name}={value}" for name, value in settings.items())
        raise error.adding(f" (search.space: {shown})") from None


def _allowed(value: object, wanted: JsonValue) -> bool:
    return value in wanted if isinstance(wanted, list) and not isinstance(value, list) else value == wanted


def _seen(settings: Mapping[str, Any], config: RunConfig, key: str) -> object:
    """What stands at a key for whoever depends on it: what the trial chose, else what the config has."""
    if key in settings:
        return settings[key]
    value = _at(config, key.split("."))
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _at(owner: object, parts: Sequence[str]) -> object:
    for part in parts:
        if isinstance(owner, Mapping):
            owner = owner.get(part)
        elif isinstance(owner, tuple | list):
            owner = owner[int(part)] if part.isdigit() and int(part) < len(owner) else None
        else:
            owner = getattr(owner, part, None)
    return owner


def _is_whole(config: RunConfig, name: str, parameter: Parameter) -> bool | None:
    """Whether a key of a config takes whole numbers; None where the config has no such key."""
    *parents, last = name.split(".")
    owner = _at(config, parents)
    if isinstance(owner, BaseModel):
        info = type(owner).model_fields.get(last)
        if info is None:
            return None
        kinds = {info.annotation, *get_args(info.annotation)}
        return int in kinds and float not in kinds
    whole = all(each is not None and float(each).is_integer() for each in (parameter.low, parameter.high))
    if isinstance(owner, Mapping):  # settings of one's own code
        return whole if last in owner else None
    if isinstance(owner, tuple | list):
        return whole if last.isdigit() and int(last) < len(owner) else None
    return None


def _put(values: Any, name: str, value: Any) -> None:
    """Puts a value at a dotted key of plain values; numbers are places in a list."""
    *parents, last = name.split(".")
    for part in parents:
        if isinstance(values, list):
            values = values[int(part)]
            continue
        child = values.get(part)
        if isinstance(child, str):  # a kind that stands for its section
            child = values[part] = {"kind": child}
        elif child is None:
            child = values[part] = {}
        values = child
    if isinstance(values, list):
        values[int(last)] = value
    else:
        values[last] = value


def _keys(owner: BaseModel, prefix: str = "") -> Iterator[str]:
    """Every dotted key of a config."""
    for name in type(owner).model_fields:
        value = getattr(owner, name)
        yield f"{prefix}{name}"
        if isinstance(value, BaseModel):
            yield from _keys(value, f"{prefix}{name}.")
