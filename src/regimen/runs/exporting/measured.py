"""What an export measures before there is a bundle: the graph beside the policy that was trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from regimen.bundle import CLOSE, GOLDEN, STRETCHES, TOLERANCE, Graph, Parity, Served, distance
from regimen.errors import RunError
from regimen.execution import History, Policy, alone
from regimen.policies import AgentPolicy, innermost
from regimen.policies.ensemble import MetaPolicy, Mixture
from regimen.runs.exporting.decision import Decision

Floats = NDArray[np.float64]
Answers = tuple[Floats, Floats, Floats, Floats]
OBSERVATIONS = 10_000
BATCHES = (1, 2, 37)
_BLOCK, _EACH_WAY = 370, 740
"""Rows that are compared at once, and rows that are asked in every size of batch."""


@final
class Watched:
    """A graph that is asked in the place of another, and compared with the decision that it was traced of.

    Args:
        graph: is asked.
        decision: what it was traced of.
    """

    def __init__(self, graph: Graph, decision: Decision) -> None:
        self.graph, self.decision = graph, decision
        self.name, self.width, self.memory, self.details = graph.name, graph.width, graph.memory, graph.details
        self.observations, self.too_near = 0, 0
        self.exposure, self.apart = 0.0, 0.0
        self.bar, self.near_bars = 0, set[int]()
        self._waiting: list[tuple[Floats, ...]] = []
        self._calls: list[tuple[Floats, Floats]] = []

    def __call__(self, rows: Floats, state: Floats) -> Answers:
        """Returns the graph's answers, and keeps what it was shown."""
        answers = self.graph(rows, state)
        self._calls.append((rows[0].copy(), state[0].copy()))
        self._waiting.append((rows.copy(), state.copy(), answers[0], answers[3], np.full(len(rows), self.bar)))
        if sum(len(each[0]) for each in self._waiting) >= _BLOCK:
            self.compare()
        return answers

    def compare(self) -> None:
        """Compares what was answered since the last time.

        Raises:
            RunError: an answer is off by more than 1e-5, and not because two actions are too near to tell apart.
        """
        if not self._waiting:
            return
        rows, state, exposure, details, bars = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting.clear()
        with torch.inference_mode():
            row, before = torch.from_numpy(rows), torch.from_numpy(state)
            expected = self.decision(row, before)
            near = self.decision.gap(row, before, expected[3]).numpy() < CLOSE
        answers = [(exposure, details)]
        if self.observations < _EACH_WAY:
            answers += [self._in_batches(rows, state, size) for size in BATCHES]
        for ours, more in answers:
            jumped = near & (_apart(ours, expected[0].numpy()) > TOLERANCE)
            jumped |= near & (_apart(more, expected[3].numpy()).max(axis=1, initial=0.0) > TOLERANCE)
            self.too_near += int(jumped.sum())
            self.exposure = max(self.exposure, _within("exposure", ours[~jumped], expected[0].numpy()[~jumped]))
            self.apart = max(self.apart, _within("details", more[~jumped], expected[3].numpy()[~jumped]))
        self.near_bars |= set(bars[near].tolist())
        self.observations += len(rows)

    def golden(self) -> tuple[Floats, Floats]:
        """Returns rows (bar, stretch, width) of stretches of what it was shown, and the states before them."""
        calls = len(self._calls)
        length = min(GOLDEN // STRETCHES, max(1, calls // STRETCHES))
        places = np.unique(np.linspace(0, calls - length, min(STRETCHES, calls)).astype(np.int64))
        rows = np.array([[self._calls[place + k][0] for place in places] for k in range(length)])
        return rows, np.array([self._calls[place][1] for place in places])

    def _in_batches(self, rows: Floats, state: Floats, size: int) -> tuple[Floats, Floats]:
        parts = [self.graph(rows[at : at + size], state[at : at + size]) for at in range(0, len(rows), size)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[3] for part in parts])


def _apart(ours: Floats, theirs: Floats) -> Floats:
    return np.where(np.isnan(ours) & np.isnan(theirs), 0.0, np.abs(ours - theirs))


def _within(what: str, ours: Floats, theirs: Floats) -> float:
    apart = distance(ours, theirs)
    if not apart <= TOLERANCE:
        rule = f"must answer as the model that was trained, within {TOLERANCE:g}: the {what} is off by"
        raise RunError("export", rule, apart)
    return apart


def measured(
    policy: Policy,
    served: Served,
    watched: list[Watched],
    history: History,
    tell: Callable[[int, int], None],
    observations: int = OBSERVATIONS,
) -> Parity:
    """Lets both decide over the last bars of a run, each from its own state, and compares.

    Args:
        policy: that was trained.
        served: the same from its graphs, which are ``watched``.
        watched: its graphs.
        history: bars of the run.
        tell: progress: bars done, and in all.
        observations: rows of symbols to be compared, where there are so many.

    Raises:
        RunError: they answer differently, or there is nothing to compare.
    """
    stop = len(history.bars) - 1  # nothing fills after the last bar, and some policies leave it open
    start = max(0, stop - -(-observations // len(history.bars.symbols)))
    state = policy.initial_state(len(history.bars.symbols))
    for t in range(start):
        state = policy.watch(history.at(t), state)
    mine = np.full((stop - start, len(state)), np.nan)
    own = like(served, state)
    for t in range(start, stop):
        if (t - start) % _BLOCK == 0:
            tell(t - start, stop - start)
        for each in watched:
            each.bar = t
        mine[t - start], own = served.act(history.at(t), own)
    for each in watched:
        each.compare()
    if watched and not any(each.observations for each in watched):
        raise RunError("export", "must have bars whose features are all known, to compare the graph on")
    theirs, state = _trained(policy, history, start, stop, state)
    there = history.bars.present[start:stop].copy()
    near = {t - start for each in watched for t in each.near_bars}
    there &= ~np.isin(np.arange(stop - start), sorted(near))[:, None] | (_apart(mine, theirs) <= CLOSE)
    apart = _apart(mine, theirs)[there]
    same = float((apart <= CLOSE).mean()) if apart.size else 1.0
    if same < 1.0:
        rule = "must decide as the policy that was trained in every bar, each from its own state; the same in"
        raise RunError("export", rule, f"{same:.4%} of {apart.size:,} decisions")
    inner, _ = innermost(policy, history)
    memory = inner.memory if isinstance(inner, AgentPolicy) else inner.initial_state(1).shape[1]  # not its account
    expected = state[:, state.shape[1] - memory :]
    size = np.maximum(1.0, np.abs(expected))  # relative where it is large, as the accounts of members are
    drift = distance(_last(own, state, memory) / size, expected / size)
    return Parity(
        observations=sum(each.observations for each in watched),
        batches=BATCHES,
        exposure=max((each.exposure for each in watched), default=0.0),
        details=max((each.apart for each in watched), default=0.0),
        too_near=sum(each.too_near for each in watched),
        same_actions=same,
        free_exposure=float(apart.max(initial=0.0)),
        drift=drift,
    )


def like(served: Served, state: Floats) -> Floats:
    """Returns a trained policy's memory as that of the same policy served: what was said last stands behind it."""
    own = served.initial_state(len(state))
    own[:, : state.shape[1]] = state
    return own


def _trained(policy: Policy, history: History, start: int, stop: int, state: Floats) -> tuple[Floats, Floats]:
    """Returns the exposures of the policy that was trained, and its state at the end; at once where that is the same.

    Classifiers remember the same of a bar whether they decide on it or not.
    """
    inner, _ = innermost(policy, history)
    if isinstance(inner, AgentPolicy | Mixture | MetaPolicy):
        exposures = np.zeros((stop - start, len(state)))
        for t in range(start, stop):
            exposures[t - start], state = policy.act(history.at(t), state)
        return exposures, state
    exposures = alone(policy, history, start, stop)
    for t in range(start, stop) if inner.initial_state(1).shape[1] else ():
        state = policy.watch(history.at(t), state)
    return exposures, state


def _last(own: Floats, state: Floats, memory: int) -> Floats:
    """Returns the inner policy's columns of a served policy's memory."""
    edge = state.shape[1]
    return own[:, edge - memory : edge]
