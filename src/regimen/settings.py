"""Plain values become a frozen config, or one line that names the field, the rule and the value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import AliasChoices, AliasGenerator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from regimen.errors import ConfigError
from regimen.yamltext import MalformedError, UnboundedError, parse_yaml

Config = TypeVar("Config", bound=BaseModel)

FORMER = {"context": "window", "volatility_bars": "volatility_window", "bars": "window"}
"""What a field was called before, in the classes whose `ConfigDict` has `FORMER_NAMES`. Both names are read. What is
hashed, and what identifies a file, is ``model_dump(by_alias=True)``: the former names, so that it stays what it was."""


FORMER_PLACES = {"training.weights": "labels.weights"}
"""Where fields of a run's config stood before, and where they stand now. Both places are read."""


def placed(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the values of a run's config with what stands at a former place where it stands now.

    Raises:
        ConfigError: both places have it.
    """
    for former, place in FORMER_PLACES.items():
        (then, field), (now, name) = former.split("."), place.split(".")
        section, home = values.get(then), values.get(now, {})
        if isinstance(home, BaseModel):
            home = home.model_dump()
        if not (isinstance(section, Mapping) and field in section and isinstance(home, Mapping)):
            continue
        if name in home:
            rule = f"is where {place} was before: leave one of the two out"
            raise ConfigError(former, rule, section[field])
        rest = {key: value for key, value in section.items() if key != field}
        others = {key: value for key, value in values.items() if key != then}
        values = {**others, **({then: rest} if rest else {}), now: {**home, name: section[field]}}
    return values


def place_of(key: str) -> str:
    """Returns a dotted key of a run's config as it is written now."""
    for former, place in FORMER_PLACES.items():
        if f"{key}.".startswith(f"{former}."):
            return place + key[len(former) :]
    return key


def _read_by(name: str) -> str | AliasChoices:
    return AliasChoices(name, FORMER[name]) if name in FORMER else name


FORMER_NAMES = AliasGenerator(validation_alias=_read_by, serialization_alias=lambda name: FORMER.get(name, name))


class ModelSettings(BaseModel):
    """What the config of every model has in common, whatever its family: it is frozen, and says what it reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reads: ClassVar[tuple[str, ...]] = ()
    """Sections of a run's config that decide how this model is fitted and trades, besides those that all models read;
    ``section.field`` where one field of a section does. What a model does not read is refused beside it and changes no
    hash."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Fields of those sections, by section, that this model has where nothing else is said of them."""

    def sections(self) -> tuple[str, ...]:
        """Returns what this very model reads: `reads`, unless that depends on its fields."""
        return self.reads

    def usual(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns what this very model presets: `presets`, unless that depends on its fields."""
        return self.presets


def validated(model: type[Config], values: Mapping[str, Any], prefix: str = "") -> Config:
    """Validates plain values into a config; every mistake becomes one `ConfigError` on one line.

    Args:
        model: the config's class.
        values: as YAML or keywords gave them.
        prefix: what the fields are called from outside, e.g. ``data.``.
    """
    _require_words(values, prefix)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise one_line(error, model, values, prefix) from None


def _require_words(values: object, prefix: str) -> None:
    """Refuses keys that are no words, which pydantic and keyword arguments meet with errors of their own."""
    if not isinstance(values, Mapping):
        return
    for key, value in values.items():
        if not isinstance(key, str):
            raise ConfigError(prefix.rstrip(".") or "config", "must have text as keys", key)
        _require_words(value, f"{prefix}{key}.")


def one_line(
    error: ValidationError, model: type[BaseModel], values: Mapping[str, Any], prefix: str = ""
) -> ConfigError:
    """Turns pydantic's complaints into the one that a user should read first."""
    problems = [
        (_written(problem["loc"], values, problem["type"] == "missing"), problem)
        for problem in error.errors(include_url=False)
    ]
    # a misspelt key explains what is missing elsewhere, and a rule of ours says more than one of a type
    order = ("extra_forbidden", "value_error")
    where, first = min(
        problems, key=lambda each: order.index(each[1]["type"]) if each[1]["type"] in order else len(order)
    )
    if first["type"] == "value_error":
        others = [problem for path, problem in problems if path == where]
        first = next(problem for problem in others if problem["type"] == "value_error")
    rule, value = _rule(first, model), first["input"]
    if first["type"] == "union_tag_invalid":
        where, value = (*where, first["ctx"]["discriminator"].strip("'")), first["ctx"]["tag"]
    elsewhere = len({path for path, _ in problems if path != where[: len(path)]})
    if elsewhere:
        rule += f" (and {elsewhere} more)"
    field = (prefix + ".".join(str(part) for part in where)).rstrip(".") or "config"
    if first["type"] == "missing" or not first["loc"] or "; got " in rule:  # a rule over several fields says its own
        return ConfigError(field, rule)
    return ConfigError(field, rule, value)


_MAPPINGS = ("model_type", "model_attributes_type", "dict_type")
_LISTS = ("list_type", "tuple_type")


def _rule(problem: ErrorDetails, model: type[BaseModel]) -> str:
    """Pydantic's message in the words of this house: what would be right."""
    kind = problem["type"]
    if kind == "extra_forbidden":
        return _unknown(model, problem["loc"])
    if kind == "missing":
        return "is required"
    if kind == "union_tag_not_found":
        discriminator = str(problem["ctx"]["discriminator"]).strip("'")
        return f"must have a {discriminator}"
    if kind == "union_tag_invalid":
        tags = problem["ctx"]["expected_tags"]
        tag, known = str(problem["ctx"]["tag"]).lower().replace("-", "_"), re.findall("'([^']*)'", tags)
        return f"must be one of {tags}{meant(tag, known)}"
    if kind in _MAPPINGS:
        return "must be a mapping of keys to values"
    if kind in _LISTS:
        return "must be a list: [..., ...]"
    message = problem["msg"].removeprefix("Value error, ")
    return re.sub(r"^(Input|Value|String|Tuple|List|Dictionary) should", "must", message)


def _written(location: Sequence[str | int], values: object, missing: bool) -> tuple[str | int, ...]:
    """The part of pydantic's path that the user wrote, or should have: without the tags and members of unions."""
    path: list[str | int] = []
    for place, part in enumerate(location):
        if isinstance(values, Mapping) and part in values:
            values = values[part]
        elif isinstance(values, Sequence) and not isinstance(values, str) and isinstance(part, int):
            values = values[part] if part < len(values) else None
        elif not missing or place < len(location) - 1:
            continue
        path.append(part)
    return tuple(path)


def _unknown(model: type[BaseModel], path: Sequence[str | int]) -> str:
    """What is to be said of a key that is not known: the nearest one, or that it is the former name of one given."""
    models: list[type[BaseModel]] = [model]
    for part in path[:-1]:
        if isinstance(part, int):  # a place in a list, whose members are known already
            continue
        kinds = [one for one in models if "kind" in one.model_fields and one.model_fields["kind"].default == part]
        if kinds:  # a union's tag picks its member
            models = kinds
            continue
        fields = [one.model_fields[str(part)] for one in models if str(part) in one.model_fields]
        models = [member for field in fields for member in members(field.annotation)]
    key = str(path[-1])
    known = {name: name for one in models for name in one.model_fields}
    former = {
        FORMER[name]: name
        for one in models
        if one.model_config.get("alias_generator") is FORMER_NAMES
        for name in FORMER.keys() & one.model_fields.keys()
    }
    if key in former:
        return f"is what {former[key]!r} was called before: leave one of the two out"
    names = former | known
    near = difflib.get_close_matches(key, names, n=1)
    return "is not a known key" + (f" (did you mean {names[near[0]]!r}?)" if near else "")


def meant(name: str, known: Sequence[str]) -> str:
    """Returns the hint with the nearest of the names that there are; nothing where none is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def require_names(field: str, names: Iterable[str], known: Sequence[str], rule: str, some: Sequence[str]) -> None:
    """Refuses names that there are not.

    Args:
        field: where the names stand.
        names: as a person wrote them.
        known: the names that there are.
        rule: what the names must be.
        some: of those that there are, which are named where none is near.

    Raises:
        ConfigError: the first name that is none of them, with the nearest that is, or with some that are.
    """
    for name in names:
        if name not in known:
            raise ConfigError(field, rule + (meant(name, known) or f" (as {', '.join(some)} are)"), name)


def members(union: object) -> list[type[BaseModel]]:
    """Returns the configs of a union, in order, through whatever annotations surround it."""
    if isinstance(union, type) and issubclass(union, BaseModel):
        return [union]
    return [member for part in get_args(union) for member in members(part)]


def _set(values: dict[str, Any], dotted: str, value: object) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        child = values.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(dotted, f"{parent!r} is a single value and has no fields", child)
        values = child
    for pair in FORMER.items():  # an override wins over the file, whichever name either has
        if last in pair:
            other = pair[last == pair[0]]
            if isinstance(values.get(other), int):  # all of them are; an extra of the user's own name is not
                del values[other]
    values[last] = value


def apply_overrides(values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Applies ``training.epochs=5`` overrides; each value is read as YAML, so ``[a, b]`` and ``null`` work."""
    values = dict(placed(values))
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise ConfigError("override", "must look like key=value, e.g. training.epochs=5", override)
        try:
            value = parse_yaml(text) if text.strip() else None
        except MalformedError:
            value = text
        except UnboundedError as error:
            raise ConfigError(key.strip(), str(error), text) from None
        _set(values, place_of(key.strip()), value)
    return values
