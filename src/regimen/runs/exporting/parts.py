"""A policy taken apart: its graphs, what is asked of them, and what stands around."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from regimen.bundle import (
    PREPROCESS,
    Around,
    Decider,
    Graph,
    Observed,
    Served,
    ServedPart,
    inside_of,
    surrounded,
    under,
)
from regimen.execution import Policy
from regimen.policies import (
    AgentPolicy,
    Banded,
    ConformalPolicy,
    GatedPolicy,
    KellyRule,
    Momentum,
    Preprocessed,
    unwrapped,
)
from regimen.records import RunConfig
from regimen.runs.exporting.decision import Decision, decision_of, not_exportable
from regimen.runs.exporting.measured import Watched
from regimen.runs.exporting.tracing import traced
from regimen.runs.families.sizing import aiming

DECISION = "decision.onnx"


@dataclass(frozen=True, eq=False)
class Parts:
    """What a bundle is made of.

    Attributes:
        decider: what the manifest says of the policy.
        graphs: files of graphs, by name.
        watched: the same graphs, compared with what they were traced of whenever they are asked.
        around: what was fitted around the policy, by section and name.
    """

    decider: Decider
    graphs: Mapping[str, bytes]
    watched: list[Watched]
    around: Mapping[str, NDArray[Any]]

    def served(self, names: tuple[str, ...]) -> Served:
        """Returns the policy that asks the graphs.

        Args:
            names: of the feature columns.
        """
        inside = inside_of(self.decider, {each.name: each for each in self.watched}, names)
        return surrounded(inside, self.decider, self.around)


def parts_of_policy(policy: Policy, config: RunConfig) -> Parts:
    """Takes a window's policy apart, and traces its graphs.

    Raises:
        RunError: a part that no graph computes; it is named.
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
    member, decision = _member(bare, config)
    graphs, watched = {}, []
    if decision is not None:
        content = traced(decision)
        graphs[member.graph] = content
        watched.append(Watched(Graph(content, member.graph), decision))
    return Parts(Decider(members=(member,), preprocess=kinds, around=tuple(sections)), graphs, watched, around)


def _member(policy: Policy, config: RunConfig) -> tuple[ServedPart, Decision | None]:
    observation = Observed.of(policy.schema)
    if isinstance(policy, Momentum):
        settings = {"model": _plain(config.model), "exposure": _plain(aiming(config))}
        return ServedPart(served="rule", details=("exposure",), observation=observation, settings=settings), None
    decision = decision_of(policy)
    if isinstance(policy, AgentPolicy):
        settings = {"environment": _plain(policy.config)}
        member = ServedPart(
            served="agent", graph=DECISION, details=decision.details, observation=observation, settings=settings
        )
        return member, decision
    member = ServedPart(served="classifier", graph=DECISION, details=decision.details, observation=observation)
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
