"""What `regimen.train` is given, as the one config that the command line would have read from a file."""

from __future__ import annotations

import difflib
import inspect
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regimen.bars import Bars, DataConfig
from regimen.errors import ConfigError
from regimen.execution import VENUES, Costs
from regimen.face.features import features_section
from regimen.own import source_of
from regimen.records import RunConfig, as_written, load_config, model_config, own_model, resolve
from regimen.settings import ModelSettings, members, validated
from regimen.splits import WalkForwardConfig

SOURCES = "sources"
"""The folder, within that of the runs, where the source of what was defined in a notebook is kept."""

_FURTHER = ("costs", "runs", "progress")
"""Arguments of `regimen.train` that are no fields of a config."""


def run_config(
    data: object, model: object, costs: object, features: object, sections: Mapping[str, Any], sources: Path
) -> RunConfig:
    """Resolves everything to a config; see `regimen.train` for what each may be.

    Args:
        data, model, costs, features: as there; None where nothing was said.
        sections: all other fields of `RunConfig`, ``splits`` as text too, and fields of theirs by dotted keys.
        sources: where the source of what was defined in a notebook is written, for whoever resumes the run.

    Raises:
        ConfigError: the first mistake, on one line.
    """
    values = nested(sections)
    for key in values:
        if key not in RunConfig.model_fields:
            raise ConfigError(key, f"is not a known key{_meant(key)}", values[key])
    chosen = model_section("logistic" if model is None else model, sources)
    for section, fields in chosen.presets.items():
        given = values.setdefault(section, {})
        if isinstance(given, dict):
            values[section] = {**fields, **given}
    values |= {"model": chosen, "data": data_section(data)}
    if features is not None:
        values["features"] = features_section(features, sources)
    if costs is not None:
        values["market"] = market_section(costs, values.get("market"))
    if "splits" in values:
        values["splits"] = splits_section(values["splits"], sources)
    if "labels" in values:
        values["labels"] = labels_section(values["labels"], sources)
    values.setdefault("name", _name(chosen, values["data"]))
    return resolve(values)


def _meant(key: str) -> str:
    """What an unknown argument should have been: a field within its section, or else the nearest argument."""
    for section, field in RunConfig.model_fields.items():
        if section != "model" and any(key in config.model_fields for config in members(field.annotation)):
            return f"; it is a field of {section}: {section}={{{key!r}: ...}}"
    near = difflib.get_close_matches(key, [*RunConfig.model_fields, *_FURTHER], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def whole_config(data: object, given: Mapping[str, object]) -> RunConfig | None:
    """Returns the config that ``data`` is, or is the YAML file of; None where it is data.

    Raises:
        ConfigError: something else was given beside it.
    """
    if isinstance(data, str | os.PathLike) and str(data).lower().endswith((".yaml", ".yml")):
        data = load_config(Path(data))
    if not isinstance(data, RunConfig):
        return None
    for name, value in given.items():
        raise ConfigError(name, "must be left out beside a whole config, which says it already", value)
    return data


def data_section(data: object) -> object:
    """Returns what ``RunConfig(data=...)`` takes: a config, the path of a file, or bars, which a frame becomes."""
    if isinstance(data, Mapping | DataConfig | Bars):
        return data
    if isinstance(data, str | os.PathLike):
        if not os.fspath(data):
            raise ConfigError("data", "must name a file or a folder", data)
        return {"path": os.fspath(data)}
    if hasattr(data, "__arrow_c_stream__"):
        return Bars.from_frame(data)
    raise ConfigError("data", "must be a path, Bars, a data frame, or a DataConfig", type(data).__name__)


def model_section(model: object, sources: Path) -> ModelSettings:
    """Returns the config of a model: of one that is named, configured, or the user's own."""
    if isinstance(model, ModelSettings):
        return model
    fields: dict[str, Any] = {}
    if isinstance(model, Mapping):
        fields = dict(model)
        model = fields.pop("kind", "baseline")
    if isinstance(model, str) and ":" not in model:
        try:
            return validated(model_config(model), fields, "model.")
        except ConfigError as error:
            raise as_written(error.named("model") if error.field == "--model" else error) from None
    return own_model(model, folder=sources)


def labels_section(labels: object, sources: Path) -> object:
    """Returns what ``RunConfig(labels=...)`` takes: of a kind, or of a function of one's own or its place."""
    own = own_section(labels, "labels", sources)
    if own is None and isinstance(labels, str):
        return {"kind": labels}
    return own or labels


def own_section(brought: object, field: str, sources: Path) -> dict[str, object] | None:
    """Returns a section of kind ``own`` of a function, or of the place of one; None of anything else."""
    if isinstance(brought, str):
        return {"kind": "own", "source": brought} if ":" in brought else None
    if inspect.isfunction(brought):
        return {"kind": "own", "source": source_of(brought, field, sources)}
    return None


def splits_section(splits: object, sources: Path) -> object:
    """Returns a config of splits; ``"2y/3mo"`` trains on two years and tests on the next three months."""
    own = own_section(splits, "splits", sources)
    if own is not None or not isinstance(splits, str):
        return own or splits
    train, slash, test = (part.strip() for part in splits.partition("/"))
    if not (slash and train and test) or "/" in test:
        rule = "must be the spans of training and test, TRAIN/TEST: '2y/3mo', '50%/10%' or '1000/250' bars"
        raise ConfigError("splits", rule, splits)
    return validated(WalkForwardConfig, {"train": _span(train), "test": _span(test)}, "splits.")


def _span(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def market_section(costs: object, market: object) -> object:
    """Returns the section ``market`` with these costs in it.

    Raises:
        ConfigError: no such venue; costs that are given twice.
    """
    if market is None:
        market = {}
    if not isinstance(market, Mapping) or "costs" in market:
        raise ConfigError("costs", "must be given once, here or within market", costs)
    return {**market, "costs": costs_of(costs)}


def costs_of(costs: object) -> Costs:
    """Returns the costs of a venue, from rates, or as they are.

    Raises:
        ConfigError: no such venue, an unknown rate, or something else.
    """
    if isinstance(costs, Costs):
        return costs
    if isinstance(costs, Mapping):
        return Costs(**costs)
    if not isinstance(costs, str):
        raise ConfigError("costs", "must be the name of a venue, or Costs", type(costs).__name__)
    if costs not in VENUES:
        venues: list[str] = list(VENUES)
        names = {name.partition("-")[0]: name for name in reversed(venues)} | {name: name for name in venues}
        near = difflib.get_close_matches(costs, names, n=1)
        hint = f" (did you mean {names[near[0]]!r}?)" if near else ""
        raise ConfigError("costs", f"must be one of {', '.join(VENUES)}{hint}", costs)
    return Costs(venue=costs)


def nested(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Returns sections as nested plain values: ``{"training.epochs": 5}`` is ``{"training": {"epochs": 5}}``.

    Raises:
        ConfigError: a field of a section that was given whole.
    """
    values: dict[str, Any] = {}
    for key, value in sorted(sections.items(), key=lambda item: item[0].count(".")):
        *parents, last = key.split(".")
        inside = values
        for parent in parents:
            inside = inside.setdefault(parent, {})
            if not isinstance(inside, dict):
                raise ConfigError(key, f"{parent} is given whole: its fields cannot be changed beside it", value)
        inside[last] = dict(value) if isinstance(value, Mapping) else value
    return values


def _name(model: ModelSettings, data: object) -> str:
    """The name of a run: the model's and the file's, as on the command line."""
    kind = getattr(model, "source", "").rpartition(":")[2] or type(model).model_fields["kind"].default
    place = getattr(data, "source", None) or getattr(data, "path", None) or getattr(data, "sample", None)
    if isinstance(data, Mapping):
        place = data.get("path") or data.get("sample")
    parts = (kind.replace("_", "-"), Path(str(place or "")).stem)
    return "-".join(part for each in parts if (part := re.sub(r"[^A-Za-z0-9_.-]+", "-", each).strip("-")))
