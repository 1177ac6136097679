"""The config of a run with another model in it, chosen by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regimen.errors import ConfigError
from regimen.own import load_object
from regimen.records.config import RunConfig, read_yaml, resolve, unread_by, without
from regimen.records.models import kind_name, model_config, own_kind
from regimen.settings import ModelSettings, apply_overrides, place_of, placed, validated


@dataclass(frozen=True)
class Chosen:
    """A config for a model that was chosen by name.

    Attributes:
        config: of the run.
        left_out: what the file says and this model does not read, sections or their fields.
    """

    config: RunConfig
    left_out: tuple[str, ...] = ()


def choose_model(name: str, path: Path | None, overrides: Sequence[str] = ()) -> Chosen:
    """Puts a named model into a config file, or into the defaults where there is none.

    What a model presets, such as the one kind of actions that it can choose among, holds where nothing else is said.
    The file's own ``model`` section stays when it is of that kind; else the model has its defaults. Sections that
    it does not read are left out, so that one file serves all models. The run is named by the file's ``name`` and the
    model, or by the model and the data.

    A name with a colon is the place of the user's own: ``my_model.py:MyModel``.

    Args:
        name: of the model.
        path: a YAML file.
        overrides: ``key=value``; they win over the file, and may not set what the model does not read.

    Raises:
        ConfigError: no such model; an override of a section that it does not read; and as `load_config`.
    """
    source = {"source": name} if ":" in name or name.endswith(".py") else {}
    model = own_kind(load_object(name, "--model"), name) if source else model_config(name)
    values = {} if path is None else dict(placed(read_yaml(path)))
    kind = model.model_fields["kind"].default
    own = values.get("model")
    same = isinstance(own, Mapping) and own.get("kind", "baseline") == kind and own.items() >= source.items()
    section = {**own, "kind": kind} if isinstance(own, Mapping) and same else {"kind": kind, **source}
    unread = unread_by(_as_given(model, section, overrides))
    for override in overrides:
        key = place_of(override.partition("=")[0].strip())
        if any(f"{key}.".startswith(f"{part}.") for part in unread):
            raise ConfigError(key, f"is not read by a model of kind {kind}: leave it out", override)
        if key in ("model", "model.kind", *(f"model.{field}" for field in source)):
            raise ConfigError(key, "must be left out with --model, which already names the model", override)
    left_out = _put(values, model, section, unread)
    label = name.rpartition(":")[2] if source else kind_name(kind)
    named = values.get("name") if isinstance(values.get("name"), str) else None
    values = apply_overrides(values, overrides)
    if not values.get("data"):
        raise ConfigError("data", "is required: data.path=FILE, or data.sample=sp500")
    if values.get("name") == named:  # no override names the run
        values["name"] = _name(label, named, values.get("data"))
    return Chosen(resolve(values), left_out)


def with_kind(values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Returns the values of a config file with a model of another kind in it, as `choose_model` puts it there.

    Raises:
        ConfigError: no model of the house is of that kind.
    """
    changed = deepcopy(dict(placed(values)))
    model, own = model_config(kind), changed.get("model")
    name = model.model_fields["kind"].default
    same = isinstance(own, Mapping) and own.get("kind", "baseline") == name
    section = {**own, "kind": name} if isinstance(own, Mapping) and same else {"kind": name}
    _put(changed, model, section, unread_by(_as_given(model, section, ())))
    return changed


def _put(
    values: dict[str, Any], model: type[ModelSettings], section: Mapping[str, Any], unread: Sequence[str]
) -> tuple[str, ...]:
    """Puts a model's section into values: without what it does not read, which is returned, and with its presets."""
    left_out = tuple(part for part in unread if without(values, part) is not None)
    for part, fields in model.presets.items():
        given = values.setdefault(part, {})
        if isinstance(given, dict):
            values[part] = {**deepcopy(dict(fields)), **given}  # overrides go into it
    values["model"] = dict(section)
    return left_out


def _as_given(
    model: type[ModelSettings], section: Mapping[str, Any], overrides: Sequence[str]
) -> ModelSettings | type[ModelSettings]:
    """Returns the config of a model whose fields decide which sections it reads; the class of any other."""
    if model.sections is ModelSettings.sections:
        return model
    own = [each for each in overrides if each.partition("=")[0].strip().startswith("model.")]
    return validated(model, apply_overrides({"model": deepcopy(dict(section))}, own)["model"], "model.")


def _name(model: str, given: str | None, data: Any) -> str:
    """The name of a run of a model: ``btc-1h-sac`` for the file's ``btc-1h``, else ``sac-<data>``."""
    if given is not None:
        return given if model in given else f"{given}-{model}"
    source = data.get("sample") or data.get("path") if isinstance(data, Mapping) else data
    parts = (Path(str(source)).stem, Path(str(source)).parent.name) if source else ()  # of prices/*.csv: prices
    stem = next((name for part in parts if (name := re.sub(r"[^A-Za-z0-9_.-]+", "-", part).strip("-"))), "")
    return f"{model}-{stem}" if stem else model
