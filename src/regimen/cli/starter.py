"""A config to begin with: few lines of YAML, each with its meaning, and every other field at its default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel

if TYPE_CHECKING:
    from regimen.execution import Costs
    from regimen.records import RunConfig

_KEYS = (
    *("name", "seed", "data.path", "features.kind", "labels.kind", "labels.horizon", "splits.train", "splits.test"),
    *(
        "model.kind",
        "model.members",
        "model.seeds",
        "calibration.kind",
        "environment.steps",
        "environment.n_envs",
        "training.epochs",
        "training.patience",
    ),
    *("exposure.kind", "exposure.fraction", "exposure.dead_band", "exposure.scale", "exposure.volatility_target"),
    *("band.kind", "band.width", "market.costs", "market.rebalance", "market.leverage"),
)
"""What a person changes first."""
_KINDS = {
    "labels.kind": "how the class is found; or triple_barrier",
    "model.kind": "which one it is; `regimen train --help` lists all of them",
}
"""What the fields mean that choose among configs, and carry no description of their own."""
_WIDTH = 30
"""Columns before the meaning."""


def starter(config: RunConfig, about: str, command: str, also: Sequence[str] = ()) -> str:
    """Returns YAML that resolves to a config, as far as its other fields are at their defaults.

    Args:
        config: of the run.
        about: what the data are, on a line.
        command: that runs it.
        also: further keys that were chosen, such as ``training.batch_size``.
    """
    from regimen.records import unread_by

    unread = unread_by(config.model)
    if "labels.weights" in unread:
        unread = (*unread, "labels")  # nothing learns from them
    presets = [f"{section}.{field}" for section, fields in config.model.presets.items() for field in fields]
    parts = [tuple(part.split(".")) for part in unread]
    own = ["model.source"] if hasattr(config.model, "source") else []
    keys = [key for key in (*_KEYS, *own, *presets, *also) if _is_written(config, key)]
    paths = list(dict.fromkeys(_path(config, key) for key in keys))
    first: dict[tuple[str, ...], int] = {}
    for place, path in enumerate(paths):
        for depth in range(1, len(path) + 1):
            first.setdefault(path[:depth], place)
    paths.sort(key=lambda path: [first[path[:depth]] for depth in range(1, len(path) + 1)])
    lines = [f"# {about}", f"# Run it: {command}   (with --dry-run it prints every other field)"]
    before: tuple[str, ...] = ()
    for path in paths:
        if any(path[: len(part)] == part for part in parts):
            continue
        for depth in range(1, len(path)):
            if path[:depth] != before[:depth]:
                lines.append(_line(path[:depth], "", _field(config, path[:depth])[1]))
        value, meaning = _field(config, path)
        lines.append(_line(path, _yaml(value), meaning))
        before = path
    return "\n".join(lines) + "\n"


def _is_written(config: RunConfig, key: str) -> bool:
    """Whether a section has such a field and writes it: each kind of a section has fields of its own."""
    section, _, field = key.partition(".")
    inside = config.as_dict().get(section)
    return not field or (isinstance(inside, dict) and field.partition(".")[0] in inside)


def _path(config: RunConfig, key: str) -> tuple[str, ...]:
    """Returns a dotted key as far as it names fields of configs; costs are one value, and so is what is in a table."""
    from regimen.execution import Costs

    holder: Any = config
    path: list[str] = []
    for part in key.split("."):
        if not isinstance(holder, BaseModel) or isinstance(holder, Costs):
            break
        path.append(part)
        holder = getattr(holder, part)
    return tuple(path)


def _field(config: RunConfig, path: Sequence[str]) -> tuple[object, str]:
    """Returns the value of a field, and what it means."""
    from regimen.execution import Costs

    holder: Any = config
    plain: Any = config.as_dict()
    for part in path[:-1]:
        holder, plain = getattr(holder, part), plain[part]
    value = getattr(holder, path[-1])
    meaning = type(holder).model_fields[path[-1]].description or _KINDS.get(".".join(path), path[-1])
    if isinstance(value, Costs):
        return _costs(value), value.sentence.partition(" (")[0]
    if isinstance(value, tuple) and all(isinstance(each, BaseModel) for each in value):
        return [_shortest(each) for each in value], meaning.rstrip(".")
    return plain.get(path[-1]), meaning.rstrip(".")


def _shortest(member: BaseModel) -> dict[str, object]:
    """Returns a member of a union as a person writes it: its kind, and what differs from its defaults."""
    values = member.model_dump(mode="json")
    changed = member.model_dump(mode="json", exclude_defaults=True)
    return {name: value for name, value in values.items() if name == "kind" or name in changed}


def _costs(costs: Costs) -> object:
    """Returns costs as a person writes them: the name of a venue, or rates."""
    if costs.venue is None:
        return costs.model_dump(mode="json", exclude_defaults=True)
    usual = type(costs)(venue=costs.venue)
    changed = {name: value for name, value in costs if value != getattr(usual, name)}
    return {"venue": costs.venue, **changed} if changed else costs.venue


def _line(path: Sequence[str], value: str, meaning: str) -> str:
    text = f"{'  ' * (len(path) - 1)}{path[-1]}: {value}".rstrip()
    return f"{text:<{_WIDTH}} # {meaning}"


def _yaml(value: object) -> str:
    """Returns a value on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1_000_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
