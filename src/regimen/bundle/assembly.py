"""A bundle's policy, put together from its graphs and from what was fitted around them; no library trains here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from regimen.bundle.classifier import ServedClassifier
from regimen.bundle.decided import Served
from regimen.bundle.graph import Asked
from regimen.bundle.lanes import ServedAgent
from regimen.bundle.manifest import Decider, Manifest, ServedPart
from regimen.bundle.mixed import served_mixture
from regimen.bundle.opinion import Opinionated, served_opinion
from regimen.bundle.rule import served_rule
from regimen.bundle.surrounding import surrounded_by
from regimen.envs import VectorMarketConfig
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.execution import Policy
from regimen.policies import (
    ConformalConfig,
    ExposureConfig,
    ExposureRule,
    FractionalKellyConfig,
    KellyRule,
    MomentumConfig,
    NoTradeConfig,
    NoveltyConfig,
    Preprocessed,
    WrapperSettings,
)
from regimen.policies.ensemble import Mixture
from regimen.preprocess import Chain
from regimen.settings import validated
from regimen.stateful import below

Arrays = Mapping[str, NDArray[Any]]
Revive = Callable[[Path, int | None], Policy]
"""Gives what the library that trained it serves of a bundle's folder: the member of a mixture at a place, or the whole
policy (None), without what stands around."""
Config = TypeVar("Config", bound=BaseModel)
PREPROCESS: Final = "preprocess/"
PYTHON: Final = "python"
SECTIONS: Final[Mapping[str, type[BaseModel]]] = {
    "intervals": ConformalConfig,
    "novelty": NoveltyConfig,
    "band": NoTradeConfig,
}
"""What stands around a policy, by its section of a run's config."""


def assembled(
    folder: Path, manifest: Manifest, graphs: Mapping[str, Asked], around: Arrays, revive: Revive | None
) -> Served:
    """Returns the policy of a bundle.

    Args:
        folder: of the bundle.
        manifest: of the bundle.
        graphs: by their file.
        around: what was fitted around the policy: arrays whose names begin with the section.
        revive: for what no graph computes.

    Raises:
        RunError: parts that do not belong together; a policy that only its own library can serve, without ``revive``.
    """
    own = _revived(folder, manifest, revive)
    try:
        inside = inside_of(manifest.policy, graphs, manifest.columns.names, own)
        return surrounded(inside, manifest.policy, around)
    except ConfigError as error:
        raise RunError("bundle", f"holds a policy that cannot be built: {error.field} {error.rule}") from None


def _revived(folder: Path, manifest: Manifest, revive: Revive | None) -> dict[int, Policy]:
    """Returns the members that no graph computes, by their place."""
    combine, members = manifest.policy.combine, manifest.policy.members
    own: dict[int, Policy] = {}
    for place, member in enumerate(members):
        if member.served != PYTHON:
            continue
        if revive is None:
            rule = "must be opened by `regimen`, which has the library that trained it: no graph computes"
            raise RunError("bundle", rule, manifest.origin.model if combine is None else combine.titles[place])
        own[place] = revive(folder, None if combine is None else place)
    return own


def inside_of(
    decider: Decider, graphs: Mapping[str, Asked], names: tuple[str, ...], own: Mapping[int, Policy]
) -> Served:
    """Returns the policy without what stands around it.

    Args:
        decider: says what it is.
        graphs: by their file.
        names: of the feature columns.
        own: members that no graph computes, by their place.

    Raises:
        ConfigError: settings that nothing can be built of.
        RunError: parts that do not belong together.
    """
    members = [
        as_it_is(own[place], float(member.settings["most"])) if place in own else _member(member, graphs, names)
        for place, member in enumerate(decider.members)
    ]
    if decider.combine is None:
        return members[0]
    how = decider.combine
    return served_mixture(Mixture(members, how.config, how.costs, how.latency, how.seed, how.titles), how.most)


def as_it_is(policy: Policy, most: float) -> Served:
    """Returns a policy that needs no graph as one that is served.

    Args:
        policy: any.
        most: largest exposure of either sign.
    """
    if isinstance(policy, Opinionated):
        return served_opinion(policy)
    return served_mixture(policy, most) if isinstance(policy, Mixture) else served_rule(policy, most)


def surrounded(inside: Served, decider: Decider, around: Arrays) -> Served:
    """Returns a policy in all that stood around it in training; itself where nothing did.

    Raises:
        ConfigError: settings that nothing can be built of.
        RunError: what was fitted is damaged.
    """
    if not decider.preprocess and not decider.around:
        return inside
    return surrounded_by(inside, len(decider.details), lambda policy: _around(policy, decider, around))


def _member(member: ServedPart, graphs: Mapping[str, Asked], names: tuple[str, ...]) -> Served:
    schema, settings = member.observation.schema_of(), member.settings
    if member.served == "rule":
        rule = _config(ExposureConfig, settings["exposure"])
        if settings["unlimited"]:  # a band behind it keeps to the limits
            rule = rule.model_copy(update={"max_exposure": math.inf, "long_only": False, "dead_band": 0.0})
        policy = _config(MomentumConfig, settings["model"]).build(rule, names)
        return served_rule(policy, float(settings["most"]))
    if member.graph not in graphs:
        raise RunError("bundle", "must hold the graph of its policy", member.graph)
    graph = graphs[member.graph]
    if graph.details != len(member.details):
        raise RunError(member.graph, f"must have {len(member.details)} details", graph.details)
    if member.served == "agent":
        agent = ServedAgent(graph, _config(VectorMarketConfig, settings["environment"]), schema.names)
        if agent.schema != schema:
            raise RunError("bundle", "must have the lanes whose observation its policy sees", schema.hash[:12])
        return agent
    return ServedClassifier(graph, schema, _kelly(settings))


def _kelly(settings: Mapping[str, Any]) -> ExposureRule | None:
    if "exposure" not in settings:
        return None
    state = {name: np.array(value, np.float64) for name, value in settings["fitted"].items()}
    config = _config(FractionalKellyConfig, settings["exposure"])
    if settings.get("unlimited", False):  # a band behind it keeps to the limits
        config = config.model_copy(update={"max_exposure": math.inf, "long_only": False})
    return KellyRule.from_state(config, state)


def _around(policy: Policy, decider: Decider, arrays: Arrays) -> Policy:
    if decider.preprocess:
        try:
            chain = Chain.from_state(below(arrays, PREPROCESS))
        except RegimenError:
            raise RunError("bundle", "holds damaged preprocessing") from None
        if tuple(kind for kind, _ in chain.parts) != decider.preprocess:
            raise RunError("bundle", "holds preprocessing of other steps", [kind for kind, _ in chain.parts])
        policy = Preprocessed(policy, chain)
    for each in decider.around:
        settings: Any = _config(SECTIONS[each.section], each.settings)
        wrapper: WrapperSettings = settings
        policy = wrapper.from_state(below(arrays, f"{each.section}/")).around(policy)
    return policy


def _config(kind: type[Config], values: Any) -> Config:
    return validated(kind, values)
