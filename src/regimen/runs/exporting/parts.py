"""A policy taken apart: its graphs, what is asked of them, and what stands around."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from regimen.bundle import (
    PREPROCESS,
    PYTHON,
    Around,
    Combined,
    Decider,
    Graph,
    Observed,
    Served,
    ServedPart,
    inside_of,
    surrounded,
)
from regimen.errors import RunError
from regimen.execution import Policy
from regimen.labels import CLASSES
from regimen.policies import (
    AgentPolicy,
    Banded,
    ConformalPolicy,
    GatedPolicy,
    KellyRule,
    Momentum,
    Preprocessed,
    Probable,
    unwrapped,
)
from regimen.policies.ensemble import Mixture
from regimen.policies.online import OnlinePolicy
from regimen.records import RunConfig
from regimen.runs.exporting.decision import Decision, NotExportable, decision_of, not_exportable
from regimen.runs.exporting.measured import Watched
from regimen.runs.exporting.tracing import traced
from regimen.runs.families.sizing import limits_of
from regimen.stateful import under

DECISION = "decision.onnx"
_log = logging.getLogger("regimen.runs")


@dataclass(frozen=True, eq=False)
class Parts:
    """What a bundle is made of.

    Attributes:
        decider: what the manifest says of the policy.
        graphs: files of graphs, by name.
        watched: the same graphs, compared with what they were traced of whenever they are asked.
        around: what was fitted around the policy, by section and name.
        own: members that no graph computes, by their place; without what stands around the policy.
    """

    decider: Decider
    graphs: Mapping[str, bytes]
    watched: list[Watched]
    around: Mapping[str, NDArray[Any]]
    own: Mapping[int, Policy]

    def served(self, names: tuple[str, ...]) -> Served:
        """Returns the policy that asks the graphs.

        Args:
            names: of the feature columns.
        """
        inside = inside_of(self.decider, {each.name: each for each in self.watched}, names, self.own)
        return surrounded(inside, self.decider, self.around)


def parts_of_policy(policy: Policy, config: RunConfig) -> Parts:
    """Takes a window's policy apart, and traces its graphs.

    A policy of which a part is computed by no graph stays whole, and says so on the log; of a mixture that member.
    """
    around: dict[str, NDArray[Any]] = {}
    sections: list[Around] = []
    outer = policy
    while not isinstance(outer, Preprocessed) and outer is not unwrapped(policy):
        section, fitted = _wrapper(outer)
        around |= under(f"{section}/", fitted.state())
        sections.insert(0, Around(section=section, settings=_plain(fitted.config)))
        outer = outer.below  # type: ignore[attr-defined]
    bare, kinds = outer, tuple[str, ...]()
    if isinstance(outer, Preprocessed):
        around |= under(PREPROCESS, outer.chain.state())
        bare, kinds = outer.policy, tuple(kind for kind, _ in outer.chain.parts)
    mixture = bare if isinstance(bare, Mixture) else None
    combine = None if mixture is None else _combined(mixture, config)
    inner = (bare,) if mixture is None else mixture.members
    for each in inner:
        _require_memory(each)
    members, graphs, watched, own = list[ServedPart](), dict[str, bytes](), list[Watched](), dict[int, Policy]()
    for place, each in enumerate(inner):
        name = DECISION if combine is None else f"decision-{place}.onnx"
        try:
            member, decision = _member(each, config, name)
            if decision is not None:
                graphs[name] = traced(decision)
                watched.append(Watched(Graph(graphs[name], name), decision))
        except NotExportable as reason:
            _log.warning("%s", reason if combine is None else reason.adding(f" (member {combine.titles[place]})"))
            member, own[place] = _as_it_is(each, config), each
        members.append(member)
    details = members[0].details if combine is None else tuple(f"exposure {title}" for title in combine.titles)
    decider = Decider(
        members=tuple(members), combine=combine, details=details, preprocess=kinds, around=tuple(sections)
    )
    return Parts(decider, graphs, watched, around, own)


def _require_memory(policy: Policy) -> None:
    """Refuses a model that learns on and does not keep what it learns in the policy's memory.

    Raises:
        RunError: names it.
    """
    inner = policy.policy if isinstance(policy, Preprocessed) else policy
    if isinstance(inner, OnlinePolicy) and not inner.is_portable:
        rule = (
            "must be of a model whose knowledge is a row of numbers, as that of online_logistic is; it cannot go live"
        )
        raise RunError("export", rule, inner.carried.learner)


def _combined(mixture: Mixture, config: RunConfig) -> Combined:
    return Combined(
        config=mixture.combine,
        costs=config.market.costs,
        latency=config.market.latency_bars,
        seed=mixture.seed,
        titles=mixture.titles,
        most=_most(config),
    )


def _most(config: RunConfig) -> float:
    """Returns the largest exposure of either sign; of a model that has its own, what the account can hold."""
    limit = limits_of(config)[1]
    return limit if math.isfinite(limit) else config.market.leverage


def _as_it_is(policy: Policy, config: RunConfig) -> ServedPart:
    names = tuple(f"probability {name}" for name in CLASSES)
    details = names if isinstance(policy, Probable) else ("exposure",)
    observation, settings = Observed.of(policy.schema), {"most": _most(config)}
    return ServedPart(served=PYTHON, details=details, observation=observation, settings=settings)


def _member(policy: Policy, config: RunConfig, graph: str) -> tuple[ServedPart, Decision | None]:
    observation = Observed.of(policy.schema)
    if isinstance(policy, Momentum):
        settings = {"model": {"kind": "momentum", "lookback": policy.lookback}, "most": _most(config)}
        settings |= {"exposure": _plain(config.exposure), "unlimited": math.isinf(policy.rule.max_exposure)}
        return ServedPart(served="rule", details=("exposure",), observation=observation, settings=settings), None
    decision = decision_of(policy)
    if isinstance(policy, AgentPolicy):
        settings = {"environment": _plain(policy.config)}
        member = ServedPart(
            served="agent", graph=graph, details=decision.details, observation=observation, settings=settings
        )
        return member, decision
    member = ServedPart(served="classifier", graph=graph, details=decision.details, observation=observation)
    if decision.rule is not None:
        member = member.model_copy(update={"settings": _fitted_rule(decision.rule, config)})
    return member, decision


def _fitted_rule(rule: object, config: RunConfig) -> dict[str, Any]:
    if not isinstance(rule, KellyRule):
        raise not_exportable(rule)
    state = {name: array.tolist() for name, array in rule.state().items()}
    return {
        "exposure": _plain(config.exposure),
        "fitted": state,
        "unlimited": math.isinf(rule.config.max_exposure),
    }


def _wrapper(policy: object) -> tuple[Literal["intervals", "novelty", "band"], Any]:
    if isinstance(policy, ConformalPolicy):
        return "intervals", policy.fitted
    if isinstance(policy, GatedPolicy):
        return "novelty", policy.gate
    if isinstance(policy, Banded):
        return "band", policy.band
    raise not_exportable(policy)


def _plain(config: Any) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(config.model_dump_json())
    return values
