"""What learning was given: how much it tried, how large its rewards were, how its gradients went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from regimen.agents import SACConfig
from regimen.learning import AgentSettings, DatasetConfig
from regimen.records import RunDirectory, read_json
from regimen.records.layout import HISTORY
from regimen.replay import record, uniform
from regimen.runs.families.lanes import learning_env
from regimen.runs.prepare import Prepared

_TENTH = 0.1
_STEPS = 64
_SMALLEST_VALUE = 1e-6
"""Unit below which the critic of a policy-gradient agent does not go (`ActorCritic.follow_targets`)."""


def exploration(prepared: Prepared, directory: RunDirectory) -> tuple[float | None, float | None]:
    """Returns the share of the choices that were tried in the first tenth of learning, and at its end.

    It is (e^H − 1)/(n − 1) of n choices with the entropy H: 1 is uniform, 0 one choice; of options, n is their number.
    A continuous action of k numbers has e^(H/k)/2, the width of the uniform distribution of that entropy in
    half-ranges, at most 1. Of an agent that learns from recorded data it is the share of random actions there.
    """
    model = prepared.config.model
    if not isinstance(model, AgentSettings):
        return None, None
    dataset = getattr(model, "dataset", None)
    if isinstance(dataset, DatasetConfig):
        total = sum(part.share for part in dataset.parts)
        random = sum(part.share * (1.0 if part.behaviour == "uniform" else part.epsilon) for part in dataset.parts)
        return random / total, random / total
    spec = learning_env(prepared, prepared.windows[-1]).spec
    among, size = model.alternatives(spec), spec.size
    first, last = [], []
    for window in prepared.windows:
        course = _course(directory, window.number, "entropy")
        if course:
            early, late = _ends(course)
            first.append(_tried(early, among, size))
            last.append(_tried(late, among, size))
    return (float(np.mean(first)), float(np.mean(last))) if first else (None, None)


def gradients(prepared: Prepared, directory: RunDirectory) -> tuple[float | None, float | None]:
    """Returns the mean norm of the gradient over the first and the last tenth of learning, where it was written."""
    ends = [
        _ends(course) for window in prepared.windows if (course := _course(directory, window.number, "gradient_norm"))
    ]
    if not ends:
        return None, None
    first, last = np.mean(ends, axis=0)
    return float(first), float(last)


def rewards(prepared: Prepared) -> tuple[float | None, float | None, float | None]:
    """Returns the deviations of a reward and of a discounted return under random actions, and what it is weighed with.

    That is the price of a nat of entropy where it is fixed; the smallest unit of a critic that follows its targets; and
    1, the size of what a fresh network says, where nothing is scaled. None: the agent's critic works in the rewards'
    own unit, or it is not known.
    """
    model = prepared.config.model
    if not isinstance(model, AgentSettings):
        return None, None, None
    env = learning_env(prepared, prepared.windows[-1])
    deviation = float(record(uniform(env), env, _STEPS, prepared.config.seed).rewards.std())
    gamma = float(getattr(model, "gamma", 0.0))
    return deviation, deviation / math.sqrt(max(1.0 - gamma * gamma, 1e-4)), _unit(model)


def _unit(model: AgentSettings) -> float | None:
    if isinstance(model, SACConfig) and model.temperature is not None:
        return model.temperature
    if hasattr(model, "value_share"):
        return _SMALLEST_VALUE
    return 1.0 if getattr(model, "normalise_rewards", True) is False else None


def _course(directory: RunDirectory, window: int, name: str) -> list[float]:
    path = directory.window(window) / HISTORY
    values: dict[str, Any] = read_json(path) if path.exists() else {}
    series: Sequence[float | None] = values.get(name) or (values.get("numbers") or {}).get(name) or ()
    return [float(value) for value in series if value is not None]


def _ends(course: Sequence[float]) -> tuple[float, float]:
    few = max(1, round(_TENTH * len(course)))
    return float(np.mean(course[:few])), float(np.mean(course[-few:]))


def _tried(entropy: float, among: int | None, size: int) -> float:
    if among is not None:
        return (math.exp(entropy) - 1.0) / (among - 1.0)
    return min(1.0, 0.5 * math.exp(entropy / size))
