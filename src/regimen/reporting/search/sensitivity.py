"""How much a parameter of a search mattered: scores of trials in the parts of its range, and what they explain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_PARTS = 3
_FEW = 5
"""Different numbers up to which each is a part of its own."""


@dataclass(frozen=True)
class ParameterPart:
    """The trials with one value of a parameter, or with values of one third of them.

    Attributes:
        values: lowest and highest of them; one and the same for a choice.
        trials: how many.
        mean, best: of their scores.
    """

    values: tuple[Any, Any]
    trials: int
    mean: float
    best: float


@dataclass(frozen=True)
class Sensitivity:
    """One parameter: what its parts explain of the scores, and each part.

    Attributes:
        name: dotted key.
        trials: that have it.
        share: of the variance of their scores that lies between its parts, less what chance would put there (ε², Kelley
            1935); 0 at least, NaN where there are no more trials than parts, or all scores are one.
        parts: in the order of their values.
    """

    name: str
    trials: int
    share: float
    parts: tuple[ParameterPart, ...]


def sensitivity_of(name: str, values: Sequence[Any], scores: Sequence[float], *, larger: bool) -> Sensitivity:
    """Returns how much a parameter mattered.

    Args:
        name: dotted key.
        values: (trial,) of the trials that have it.
        scores: (trial,) of them, all known.
        larger: whether a larger score is better.
    """
    groups = _grouped(values)
    y = np.asarray(scores, dtype=np.float64)
    best = max if larger else min
    parts = tuple(
        ParameterPart(ends, len(places), float(y[places].mean()), float(best(y[places]))) for ends, places in groups
    )
    total = float(((y - y.mean()) ** 2).sum()) if len(y) else 0.0
    free = len(y) - len(groups)
    if free <= 0 or total <= 0.0:
        return Sensitivity(name, len(y), math.nan, parts)
    within = sum(float(((y[places] - y[places].mean()) ** 2).sum()) for _, places in groups)
    explained = total - within - (len(groups) - 1) * within / free
    return Sensitivity(name, len(y), max(0.0, explained / total), parts)


def _grouped(values: Sequence[Any]) -> list[tuple[tuple[Any, Any], list[int]]]:
    """The places of trials by value: each value, or the thirds of many numbers."""
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in distinct)
    if not numbers or len(distinct) <= _FEW:
        ordered = sorted(distinct) if numbers else distinct
        return [((each, each), [place for place, value in enumerate(values) if value == each]) for each in ordered]
    order = sorted(range(len(values)), key=lambda place: values[place])
    cut = [[int(place) for place in part] for part in np.array_split(np.asarray(order), _PARTS)]
    return [((values[part[0]], values[part[-1]]), part) for part in cut]
