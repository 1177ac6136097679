"""Families of models, one file each; the only place where a run asks which of them its model belongs to.

Everything else in a run treats all models alike. A family is imported, and torch with it, when a model of it is used.
"""

from __future__ import annotations

from regimen.errors import ConfigError
from regimen.learning import AgentSettings
from regimen.policies import RuleSettings
from regimen.predictors import PredictorSettings
from regimen.runs.families.family import Family
from regimen.settings import ModelSettings

__all__ = ["Family", "family_of"]


def family_of(model: ModelSettings) -> Family:
    """Returns the family of a model.

    Raises:
        ConfigError: a config that is no model's.
    """
    if isinstance(model, PredictorSettings):
        from regimen.runs.families import classifier

        return classifier
    if isinstance(model, AgentSettings):
        from regimen.runs.families import agent

        return agent
    if isinstance(model, RuleSettings):
        from regimen.runs.families import rule

        return rule
    raise ConfigError("model", "must be the config of a model", type(model).__name__)
