"""All models there are: their union, and each by its name."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from regimen.agents import AgentConfig, OwnAgentConfig
from regimen.errors import ConfigError
from regimen.own import OwnSource, load_object, source_of
from regimen.policies import FunctionConfig, RuleConfig
from regimen.predictors import EstimatorConfig, ModuleConfig, PredictorConfig, is_estimator
from regimen.settings import ModelSettings, members, validated

ModelConfig = Annotated[
    PredictorConfig | EstimatorConfig | AgentConfig | OwnAgentConfig | RuleConfig, Field(discriminator="kind")
]
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
    config = known.get(ALIASES.get(plain, plain))
    if config is None:
        near = difflib.get_close_matches(plain, model_names(), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ConfigError("--model", f"must be one of {', '.join(model_names())}{hint}", name)
    return config


def own_model(
    model: object, settings: Mapping[str, Any] | None = None, folder: Path = Path("sources"), **fields: Any
) -> ModelSettings:
    """Returns the config of a model that the user brings, of the kind that it is.

    Args:
        model: ``path/to/file.py:NAME`` or ``package.module:NAME``, or an object in memory: a class, a function, or a
            scikit-learn estimator, whose own settings count.
        settings: what it is called with; those of an estimator in memory are added to.
        folder: where the source of an object is written that has no file, such as one of a notebook.
        fields: other fields of its config, such as the ``context`` of a module.

    Raises:
        ConfigError: it cannot be found, is of no kind that can be trained or asked, or needs to be in a file.
    """
    given = dict(settings or {})
    if isinstance(model, str):
        source, thing = model, load_object(model, "model.source")
    else:
        thing, own = _place_and_settings(model)
        given = own | given
        source = source_of(thing, "model", folder)
    values = {"source": source, **fields} | ({"settings": given} if given else {})
    return validated(own_kind(thing, source), values, "model.")


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


def _place_and_settings(model: Any) -> tuple[object, dict[str, Any]]:
    """Returns what can be found again of an object in memory, its class or itself, and the settings that it has.

    Raises:
        ConfigError: an object whose settings are no plain values, or that does not say which it has.
    """
    if isinstance(model, type) or inspect.isfunction(model):
        return model, {}
    name = type(model).__name__
    if not is_estimator(model):
        rule = f"must be a class, a function or an estimator; give the class {name} and its settings"
        raise ConfigError("model", rule, model)
    usual = {key: each.default for key, each in inspect.signature(type(model)).parameters.items()}
    own = {key: value for key, value in model.get_params(deep=False).items() if not _same(value, usual.get(key))}
    for key, value in own.items():
        try:
            own[key] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            rule = (
                "must be plain values: put it in a file as a function that returns it, and give the function "
                f"(def build(): return {name}(...))"
            )
            raise ConfigError(f"model.settings.{key}", rule, value) from None
    return type(model), own


def _same(left: object, right: object) -> bool:
    """Whether two settings are the same; what does not compare is not."""
    try:
        return left is right or (type(left) is type(right) and bool(left == right))
    except (TypeError, ValueError):
        return False


def model_title(model: ModelConfig) -> str:
    """Returns what tables and pictures call a model: its kind, or the name of one's own."""
    return model.name if isinstance(model, OwnSource) else model.kind


def kind_name(kind: str) -> str:
    """Returns a kind as a name: ``recurrent_ppo`` is recurrent-ppo."""
    return kind.replace("_", "-")
