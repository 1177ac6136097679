"""Families of models, one file each; the only place where a run asks which of them its model belongs to.

Everything else in a run treats all models alike. A family is imported, and torch with it, when a model of it is used.
"""

from __future__ import annotations

from regimen.agents import OwnAgentConfig
from regimen.errors import ConfigError
from regimen.labels import OwnLabelsConfig
from regimen.learning import AgentSettings
from regimen.own import OwnSource
from regimen.policies import FunctionConfig, RuleSettings
from regimen.predictors import EstimatorSettings, OnlineSettings, PredictorSettings
from regimen.records import EnsembleConfig, MetaConfig, RunConfig, parts_of
from regimen.runs.families.family import Family
from regimen.settings import ModelSettings
from regimen.splits import OwnSplitsConfig

__all__ = ["Family", "family_of", "require_own_code"]


def family_of(model: ModelSettings) -> Family:
    """Returns the family of a model.

    Raises:
        ConfigError: a config that is no model's.
    """
    if isinstance(model, PredictorSettings):
        from regimen.runs.families import classifier

        return classifier
    if isinstance(model, EstimatorSettings):
        from regimen.runs.families import estimator

        return estimator
    if isinstance(model, OnlineSettings):
        from regimen.runs.families.online import family as online

        return online
    if isinstance(model, AgentSettings):
        from regimen.runs.families import agent

        return agent
    if isinstance(model, RuleSettings):
        from regimen.runs.families import rule

        return rule
    if isinstance(model, EnsembleConfig):
        from regimen.runs.families import ensemble

        return ensemble
    if isinstance(model, MetaConfig):
        from regimen.runs.families.meta import family

        return family
    raise ConfigError("model", "must be the config of a model", type(model).__name__)


def require_own_code(config: RunConfig) -> None:
    """Says what is wrong with code that is not the house's before any data are read.

    Raises:
        ConfigError: of the user's own, it is not there, does not run, is not what it was, or cannot be called with its
            settings; a library is not installed.
    """
    for name, part in parts_of(config):
        if isinstance(part, FunctionConfig | OwnLabelsConfig | OwnSplitsConfig):
            part.function()
        elif isinstance(part, OwnAgentConfig):
            part.brought()
        elif isinstance(part, EstimatorSettings | OnlineSettings):
            part.require()
        elif isinstance(part, OwnSource):
            part.load(f"{name}.source")
