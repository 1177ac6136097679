"""Why a policy decides as it does: what stands out in what it sees, and what it would do if a group did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regimen.execution import share
from regimen.policies import AgentPolicy, ClassifierPolicy, History, Policy, innermost
from regimen.preprocess import StandardScaler

Floats = NDArray[np.float64]
_SHOWN = 5
_FEWEST = 100
"""Rows of the training span below which their mean says nothing."""
LEAN, TARGET = "p(BUY) − p(SELL)", "target"


@dataclass(frozen=True)
class Distance:
    """How far a feature stands from its mean in training, in standard deviations of the training rows."""

    feature: str
    deviations: float


@dataclass(frozen=True)
class Effect:
    """What a group of features does to the answer: the answer as it is, less that with the group at its mean."""

    group: str
    effect: float


@dataclass(frozen=True)
class Reasons:
    """What stands out at one bar of one symbol.

    Attributes:
        furthest: the features furthest from their training mean, the furthest first.
        effects: of each group of features, the largest first. Groups act together: effects need not add up.
        answer: what the effects are differences of.
    """

    furthest: tuple[Distance, ...]
    effects: tuple[Effect, ...]
    answer: str


def reasons(
    policy: Policy,
    history: History,
    groups: Mapping[str, Sequence[str]],
    trained: slice,
    memory: Floats | None,
) -> list[Reasons | None]:
    """Returns the reasons of each symbol at the last bar of a history; None where there are none to give.

    A classifier is asked again with each group at the mean of its training rows, in all the rows that it sees at once;
    an agent with the group at its mean at the last bar, what it remembers unchanged. Nothing is fitted for it.

    Args:
        policy: of a window.
        history: bars and features; the last bar is the one that is explained.
        groups: columns by the name of their group.
        trained: where the bars of the model's training span are in the history; it may be empty.
        memory: of an agent before the last bar; None for other policies.
    """
    nothing: list[Reasons | None] = [None] * len(history.bars.symbols)
    places = {name: [history.names.index(column) for column in columns] for name, columns in groups.items()}
    inner, sight = innermost(policy, history)
    last = len(history.bars) - 1
    if isinstance(inner, ClassifierPolicy) and isinstance(inner.scaler, StandardScaler):
        mean, scale = inner.scaler.mean, inner.scaler.scale
        sight = _tail(sight, inner.classifier.context)
        answers = [_lean(inner, sight), *(_lean(inner, _at_mean(sight, each, mean)) for each in places.values())]
        return _reasons_of(history.names, (sight.features[-1] - mean) / scale, list(places), answers, LEAN)
    if isinstance(inner, AgentPolicy) and memory is not None:
        rows = history.features[trained][history.bars.present[trained]]
        rows = rows[np.isfinite(rows).all(axis=1)]
        if len(rows) < _FEWEST:
            return nothing
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        moment = history.at(last)
        answers = [_answer(policy, moment.features, history, memory)]
        for columns in places.values():
            features = moment.features.copy()
            features[:, columns] = mean[columns]
            answers.append(_answer(policy, features, history, memory))
        scale = np.where(deviation > 0.0, deviation, 1.0)
        return _reasons_of(history.names, (moment.features - mean) / scale, list(places), answers, TARGET)
    return nothing


def _tail(history: History, context: int) -> History:
    """Returns the last bars, as many as each symbol needs for a whole context: asking again is quick then."""
    known = history.bars.present & np.isfinite(history.features).all(axis=2)
    if history.volatility is not None:
        known &= np.isfinite(history.volatility)
    back = known[::-1].cumsum(axis=0) >= context
    start = len(known) - 1 - max((int(back[:, s].argmax()) for s in range(known.shape[1]) if back[-1, s]), default=0)
    return replace(
        history,
        bars=history.bars.window(start, len(known)),
        features=history.features[start:],
        volatility=None if history.volatility is None else history.volatility[start:],
    )


def _at_mean(history: History, columns: Sequence[int], mean: Floats) -> History:
    """Returns the history with columns at their mean where they are known."""
    features = history.features.copy()
    features[..., columns] = np.where(np.isfinite(features[..., columns]), mean[list(columns)], np.nan)
    return replace(history, features=features)


def _lean(policy: ClassifierPolicy, history: History) -> Floats:
    """Returns p(BUY) − p(SELL) of each symbol at the last bar."""
    last = len(history.bars) - 1
    classes = policy.probabilities(history, last, last + 1)[0]
    return np.asarray(classes[:, 2] - classes[:, 0])


def _answer(policy: Policy, features: Floats, history: History, memory: Floats) -> Floats:
    """Returns the targets of an agent that sees these features at the last bar."""
    moment = history.at(len(history.bars) - 1)._replace(features=features)
    exposures, _ = policy.act(moment, memory)
    return share(exposures, moment.present, moment.listed)


def _reasons_of(
    names: Sequence[str], distances: Floats, groups: Sequence[str], answers: Sequence[Floats], answer: str
) -> list[Reasons | None]:
    """Puts together distances (symbol, feature) and answers (symbol,), the first of which is the true one."""
    listed: list[Reasons | None] = []
    for s, row in enumerate(distances):
        far = [k for k in np.argsort(-np.abs(row)).tolist() if np.isfinite(row[k])][:_SHOWN]
        true = answers[0][s]
        effects = [Effect(group, float(true - other[s])) for group, other in zip(groups, answers[1:], strict=True)]
        listed.append(
            Reasons(
                furthest=tuple(Distance(names[k], float(row[k])) for k in far),
                effects=tuple(sorted(effects, key=lambda each: -abs(each.effect))),
                answer=answer,
            )
        )
    return listed
