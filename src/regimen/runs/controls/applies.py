"""Which control experiments say something of a model, and why others do not."""

from __future__ import annotations

from regimen.learning import AgentSettings
from regimen.policies import RuleSettings
from regimen.predictors import OnlineSettings
from regimen.records import EnsembleConfig, MetaConfig, RunConfig, parts_of
from regimen.settings import ModelSettings

_ONLINE = ("hedge", "thompson", "discounted_thompson")


def no_labels(config: RunConfig) -> str:
    """Returns why shuffled labels say nothing of a run's model; empty where they do."""
    models = _models(config)
    if any(isinstance(each, AgentSettings) for each in models):
        return "An agent learns from rewards and reads no labels"
    if any(isinstance(each, RuleSettings) for each in models):
        return "A rule learns nothing, so it reads no labels"
    if any(isinstance(each, OnlineSettings) for each in models):
        return "What learns on makes its labels of the bars as they come, and those cannot be shuffled under an account"
    return _learns_online(config)


def no_features(config: RunConfig) -> str:
    """Returns why reversed features say nothing of a run's model; empty where they do."""
    if any(isinstance(each, RuleSettings) for each in _models(config)):
        return "A rule reads prices besides features, and prices cannot be reversed under an account that trades them"
    return _learns_online(config)


def _models(config: RunConfig) -> list[ModelSettings]:
    """The models of a run that are not made of others."""
    every = [part for _, part in parts_of(config) if isinstance(part, ModelSettings)]
    return [each for each in every if not isinstance(each, EnsembleConfig | MetaConfig)]


def _learns_online(config: RunConfig) -> str:
    model = config.model
    if isinstance(model, EnsembleConfig) and model.combine.kind in _ONLINE:
        return "Its members are weighted while they trade, by what they earn, which is learning of another kind"
    return ""
