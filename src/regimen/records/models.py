"""All models there are: their union, and each by its name."""

from __future__ import annotations

import difflib
from typing import Annotated

from pydantic import Field

from regimen.agents import AgentConfig
from regimen.errors import ConfigError
from regimen.policies import RuleConfig
from regimen.predictors import PredictorConfig
from regimen.settings import ModelSettings, members

ModelConfig = Annotated[PredictorConfig | AgentConfig | RuleConfig, Field(discriminator="kind")]
"""Every model's config; ``kind`` says which."""
ALIASES = {"ppo-lstm": "recurrent-ppo"}
"""Second names of models."""


def model_configs() -> dict[str, type[ModelSettings]]:
    """Returns the config of every model by its name: the ``kind`` with hyphens, predictors first.

    Read from the union of all models, so that a new member has its name by being one.
    """
    configs = [member for member in members(ModelConfig) if issubclass(member, ModelSettings)]
    return {kind_name(member.model_fields["kind"].default): member for member in configs}


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


def kind_name(kind: str) -> str:
    """Returns a kind as a name: ``recurrent_ppo`` is recurrent-ppo."""
    return kind.replace("_", "-")
