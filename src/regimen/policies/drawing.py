"""How a policy that can draw its actions does when it draws them, and how much an action depends on what is seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.envs import EnvSpec
from regimen.execution import History, Policy, targets
from regimen.policies.agent import Actor, AgentPolicy, Sight
from regimen.policies.preprocessed import Preprocessed, preprocessed

_STATES, _DRAWS, _BINS = 512, 64, 21
"""States and draws from each behind the entropies of a policy; bins of a continuous action."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """How a policy that can draw its actions does when it draws them.

    Attributes:
        exposures: (stop − start, symbol) targets of one drawn run.
        action_entropy: H(A) of all actions, in nats: levels as they are, continuous ones in 21 bins.
        conditional_entropy: mean H(A|S) over the states that the policy came to.
        discrete: whether the actions are levels or verbs.
    """

    exposures: NDArray[np.float64]
    action_entropy: float
    conditional_entropy: float
    discrete: bool


def draw(policy: Policy, history: History, start: int, stop: int) -> Drawn | None:
    """Returns one run with drawn actions on bars [start, stop); None for a policy that has nothing to draw."""
    if isinstance(policy, Preprocessed):
        return draw(policy.policy, preprocessed(history, policy.chain), start, stop)
    if not isinstance(policy, AgentPolicy):
        return None
    every = max(1, (stop - start) * len(history.bars.symbols) // _STATES)
    sights: list[Sight] = []
    count = 0

    def watching(sight: Sight) -> None:
        nonlocal count
        if count % every == 0:
            sights.append(sight)
        count += 1

    exposures = targets(policy.drawing(watching), history, start, stop)
    action, conditional = entropies(policy.agent, sights)
    return Drawn(exposures, action, conditional, policy.agent.spec.choices is not None)


def entropies(agent: Actor, sights: Sequence[Sight]) -> tuple[float, float]:
    """Returns H(A) and the mean H(A|S) in nats over what was seen, from draws; their difference is I(S;A).

    Entropies of counts with the correction of Miller and Madow, (non-empty bins − 1) / (2 · draws). A continuous action
    is counted in equal bins of its range.
    """
    tables = []
    for rows, memory in sights:
        drawn, _ = agent.predict(
            np.repeat(rows, _DRAWS, axis=0), None if memory is None else np.repeat(memory, _DRAWS, axis=0), False
        )
        tables.append(_counted(agent.spec, drawn).reshape(len(rows), _DRAWS, -1).sum(axis=1))
    if not tables:
        return math.nan, math.nan
    counts = np.concatenate(tables)
    return float(_entropy(counts.sum(axis=0)[None])[0]), float(_entropy(counts).mean())


def _counted(spec: EnvSpec, actions: NDArray[Any]) -> NDArray[np.int64]:
    """Returns one-hot rows (draw, bin) of actions."""
    if spec.choices is not None:
        return np.asarray(np.eye(spec.choices, dtype=np.int64)[actions])
    place = (actions[:, 0] - spec.low) / (spec.high - spec.low) * _BINS
    return np.asarray(np.eye(_BINS, dtype=np.int64)[np.clip(place.astype(np.int64), 0, _BINS - 1)])


def _entropy(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the entropies (row,) of counts (row, bin)."""
    total = counts.sum(axis=1, keepdims=True)
    part = counts / total
    plain = -(part * np.log(np.where(counts > 0, part, 1.0))).sum(axis=1)
    return np.asarray(plain + ((counts > 0).sum(axis=1) - 1) / (2 * total[:, 0]))
