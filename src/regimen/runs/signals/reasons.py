"""Why a policy decides as it does: what stands out in what it sees, and what it would do if a group did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regimen.execution import share
from regimen.policies import AgentPolicy, ClassifierPolicy, History, Policy, innermost
from regimen.policies.ensemble import Committee, MetaPolicy, Mixture
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
class Part:
    """What one of several models says.

    Attributes:
        name: of the member, or what of a meta model the number is.
        answer: of the member alone; of a meta model, the first one's target and the chance that acting on it pays.
        weight: how much the member counts; None where it is not weighed.
    """

    name: str
    answer: float
    weight: float | None


@dataclass(frozen=True)
class Reasons:
    """What stands out at one bar of one symbol.

    Attributes:
        furthest: the features furthest from their training mean, the furthest first.
        effects: of each group of features, the largest first. Groups act together: effects need not add up.
        answer: what the effects are differences of, those of an ensemble or a meta model as a whole.
        parts: of an ensemble or a meta model; empty for one model.
    """

    furthest: tuple[Distance, ...]
    effects: tuple[Effect, ...]
    answer: str
    parts: tuple[Part, ...] = ()


def reasons(
    policy: Policy,
    history: History,
    groups: Mapping[str, Sequence[str]],
    trained: slice,
    memory: Floats | None,
) -> list[Reasons | None]:
    """Returns the reasons of each symbol at the last bar of a history; None where there are none to give.

    What says probabilities, an ensemble of such models included, is asked again with each group at the mean of its
    training rows, in all the rows that it sees at once; an agent, a mixture of exposures and a meta model with the
    group at its mean at the last bar, what they remember unchanged. Nothing is fitted for it.

    Args:
        policy: of a window.
        history: bars and features; the last bar is the one that is explained.
        groups: columns by the name of their group.
        trained: where the bars of the model's training span are in the history; it may be empty.
        memory: before the last bar, of a policy that is asked bar by bar; None for others.
    """
    nothing: list[Reasons | None] = [None] * len(history.bars.symbols)
    places = {name: [history.names.index(column) for column in columns] for name, columns in groups.items()}
    inner, sight = innermost(policy, history)
    last = len(history.bars) - 1
    scaler = _scaler_of(inner)
    if isinstance(inner, ClassifierPolicy | Committee) and scaler is not None:
        mean, scale = scaler.mean, scaler.scale
        sight = _tail(sight, max(each.classifier.context for each in _classifiers(inner)))
        answers = [_lean(inner, sight), *(_lean(inner, _at_mean(sight, each, mean)) for each in places.values())]
        parts = _advice(inner, sight) if isinstance(inner, Committee) else []
        return _reasons_of(history.names, (sight.features[-1] - mean) / scale, list(places), answers, LEAN, parts)
    if isinstance(inner, AgentPolicy | Mixture | MetaPolicy) and memory is not None and inner.schema.inputs:
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
        distances = (moment.features - mean) / scale
        parts = [] if isinstance(inner, AgentPolicy) else _decisions(inner, sight, memory)
        return _reasons_of(history.names, distances, list(places), answers, TARGET, parts)
    return nothing


Parts = list[tuple[str, Floats, Floats | None]]
"""For each part its name, and its answers and weights (symbol,)."""


def _classifiers(policy: Policy) -> list[ClassifierPolicy]:
    """Returns the members of an ensemble that says probabilities, or the classifier itself."""
    every = policy.members if isinstance(policy, Committee) else (policy,)
    return [each for each in every if isinstance(each, ClassifierPolicy)]


def _scaler_of(policy: Policy) -> StandardScaler | None:
    """Returns what knows the mean of the training rows, which members have in common."""
    scalers = [each.scaler for each in _classifiers(policy)]
    return next((each for each in scalers if isinstance(each, StandardScaler)), None)


def _advice(policy: Committee, sight: History) -> Parts:
    """Returns what each member says and how much it counts."""
    weights = policy.blend.counted(len(policy.members))
    return [
        (title, _lean(member, sight), np.full(len(sight.bars.symbols), weight))
        for title, member, weight in zip(policy.titles, _classifiers(policy), weights, strict=True)
    ]


def _decisions(policy: Mixture | MetaPolicy, sight: History, memory: Floats) -> Parts:
    """Returns what each part decides at the last bar, and how much it counts.

    Args:
        policy: inside of what it stands in.
        sight: the history as it sees it.
        memory: of the whole, whose last columns are the policy's own.
    """
    own = memory[:, memory.shape[1] - policy.initial_state(1).shape[1] :]
    answers, weights = policy.parts(sight.at(len(sight.bars) - 1), own)
    if isinstance(policy, MetaPolicy):
        return [("target of the first model", answers, None), ("chance that acting on it pays", weights, None)]
    return [(title, answers[:, k], weights[:, k]) for k, title in enumerate(policy.titles)]


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


def _lean(policy: ClassifierPolicy | Committee, history: History) -> Floats:
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
    names: Sequence[str],
    distances: Floats,
    groups: Sequence[str],
    answers: Sequence[Floats],
    answer: str,
    parts: Parts,
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
                parts=tuple(
                    Part(name, float(own[s]), None if weights is None else float(weights[s]))
                    for name, own, weights in parts
                ),
            )
        )
    return listed
