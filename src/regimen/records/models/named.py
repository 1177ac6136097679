"""The union of all models, and each by its name."""

from __future__ import annotations

import difflib
import inspect
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from regimen.agents import OwnAgentConfig
from regimen.errors import ConfigError
from regimen.own import load_object, source_of, written_expression
from regimen.policies import FunctionConfig
from regimen.predictors import EstimatorConfig, ModuleConfig, is_estimator
from regimen.records.models.ensemble import EnsembleConfig, MemberConfig
from regimen.records.models.meta import MetaConfig
from regimen.settings import ModelSettings, members, validated

ModelConfig = Annotated[MemberConfig | EnsembleConfig | MetaConfig, Field(discriminator="kind")]
"""Every model's config; ``kind`` says which."""
ALIASES = {"ppo-lstm": "recurrent-ppo"}
"""Second names of models."""


def model_configs() -> dict[str, type[ModelSettings]]:
    """Returns the config of every model of the house by its name: the ``kind`` with hyphens, predictors first.

    Read from the union of all models, so that a new member has its name by being one. What a user brings has the place
    of its source for a name.
    """
    configs = [member for member in members(ModelConfig) if issubclass(member, ModelSettings)]
    house = [member for member in configs if "source" not in member.model_fields]
    return {kind_name(member.model_fields["kind"].default): member for member in house}


def model_names() -> tuple[str, ...]:
    """Returns every name that `model_config` takes: predictors, agents, rules, second names."""
    return (*model_configs(), *ALIASES)


def model_config(name: str) -> type[ModelSettings]:
    """Returns the config of a model; hyphens and underscores are the same.

    Raises:
        ConfigError: no model has that name; the line says which names there are.
    """
    known = model_configs()
    plain = kind_name(name.strip().lower())
    if plain == "hindsight":
        rule = "must not know the future; --model cloned with model.expert=hindsight learns from who does"
        raise ConfigError("--model", rule, name)
    config = known.get(ALIASES.get(plain, plain))
    if config is None:
        near = difflib.get_close_matches(plain, model_names(), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ConfigError(
            "--model", f"must be one of {', '.join(model_names())}, or FILE.py:NAME of your own{hint}", name
        )
    return config


def own_model(
    model: object, settings: Mapping[str, Any] | None = None, folder: Path = Path("sources"), **fields: Any
) -> ModelSettings:
    """Returns the config of a model that the user brings, of the kind that it is.

    Args:
        model: ``path/to/file.py:NAME`` or ``package.module:NAME``, or an object in memory: a class, a function, or an
            estimator that is not fitted, alone or a pipeline.
        settings: what it is called with, besides what an estimator in memory was given.
        folder: where the source is written of what has no file: code of a notebook, a pipeline in memory.
        fields: other fields of its config, such as the ``context`` of a module.

    Raises:
        ConfigError: it cannot be found, is of no kind that can be trained or asked, or needs to be in a file.
    """
    source, own = (model, {}) if isinstance(model, str) else _place_and_settings(model, folder)
    given = own | dict(settings or {})
    values = {"source": source, **fields} | ({"settings": given} if given else {})
    return validated(own_kind(load_object(source, "model.source"), source), values, "model.")


def own_kind(thing: object, source: str) -> type[ModelSettings]:
    """Returns the config of what an object is: a torch module, an estimator, an agent, a rule, or what makes one.

    A function is known by the arguments that it cannot do without: (observation) is a rule, (inputs, classes) makes a
    module, none an estimator.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(thing, type) and any(base.__module__.startswith("torch.nn.") for base in thing.__mro__):
        return ModuleConfig
    if isinstance(thing, type) and callable(getattr(thing, "learn", None)):
        return OwnAgentConfig
    if is_estimator(thing):
        return EstimatorConfig
    if inspect.isfunction(thing):
        needed = [
            each
            for each in inspect.signature(thing).parameters.values()
            if each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        ]
        kinds: dict[int, type[ModelSettings]] = {0: EstimatorConfig, 1: FunctionConfig, 2: ModuleConfig}
        if len(needed) in kinds:
            return kinds[len(needed)]
    rule = (
        "must be a torch module's class, a class with scikit-learn's methods, an agent's with learn, predict, save and "
        "load, or a function: (observation, **settings) a rule, (inputs, classes, **settings) makes a module, "
        "(**settings) an estimator"
    )
    raise ConfigError("model", rule, source)


def _place_and_settings(model: Any, folder: Path) -> tuple[str, dict[str, Any]]:
    """Returns the place of an object in memory, or of its class, and the settings that it was given.

    Raises:
        ConfigError: an object that cannot be made again.
    """
    if isinstance(model, type) or inspect.isfunction(model):
        return source_of(model, "model", folder), {}
    if not is_estimator(model):
        name = type(model).__name__
        rule = f"must be a class, a function or an estimator; give the class {name} and its settings"
        raise ConfigError("model", rule, model)
    usual = {key: each.default for key, each in inspect.signature(type(model)).parameters.items()}
    own = {key: value for key, value in model.get_params(deep=False).items() if not _same(value, usual.get(key))}
    if all(_is_plain(value) for value in own.values()):
        return source_of(type(model), "model", folder), json.loads(json.dumps(own))  # tuples are lists there
    return written_expression(model, model.get_params(deep=True).values(), "model", folder), {}


def _is_plain(value: object) -> bool:
    """Whether a setting is the same after it was written into a config."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, bool | int | str)


def _same(left: object, right: object) -> bool:
    """Whether two settings are the same; what does not compare is not."""
    try:
        return left is right or (type(left) is type(right) and bool(left == right))
    except (TypeError, ValueError):
        return False


def model_title(model: ModelSettings) -> str:
    """Returns what tables and pictures call a model: its kind, or the name of one's own."""
    name = getattr(model, "name", None) if "source" in type(model).model_fields else None
    return str(name or type(model).model_fields["kind"].default)


def kind_name(kind: str) -> str:
    """Returns a kind as a name: ``recurrent_ppo`` is recurrent-ppo."""
    return kind.replace("_", "-")
