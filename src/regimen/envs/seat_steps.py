"""The compiled steps of seats: from a row of state into a lane, one bar with the code of the lanes, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.envs.compiled import version_of
from regimen.envs.inputs import ABSENT, COLD, READY
from regimen.envs.lanes import begin, decide, settle
from regimen.envs.layout import BAR, BEGIN, GAIN, SEEN_PEAK, TARGET, Lanes, Plan, Scene
from regimen.execution import Rules, Tape
from regimen.execution.columns import CASH, EQUITY, MARK, RUINED, UNITS
from regimen.jit import jit_step, jit_step_uncached
from regimen.observation import observe

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# The first columns of a row of state: bars that the account has lived through (0: it is not open yet), known rows in
# a row up to the context, the highest equity that the observation knows of.
LIVED, WHOLE, PEAK = 0, 1, 2
FIRST = 3


class Edges(NamedTuple):
    """The first column in a row of state of each of its parts."""

    memory: int
    account: int
    positions: int
    due: int
    context: int


@jit_step_uncached
def alone(n: int, pairs: Scene) -> Scene:
    """Returns the two bars of symbol ``n`` by itself, of a scene whose arrays have the symbol as their first axis."""
    tape = pairs.tape
    own = Tape(
        tape.stamps,
        tape.opens[n],
        tape.highs[n],
        tape.lows[n],
        tape.closes[n],
        tape.volumes[n],
        tape.variances[n],
        tape.ratios[n],
        tape.fundings[n],
        tape.ends[n],
        tape.payouts[n],
        tape.complete,
    )
    return Scene(own, pairs.features, pairs.status[n], pairs.counts, pairs.levels, pairs.starts)


@jit_step_uncached
def put_bar(n: int, tape: Tape, pairs: Scene) -> None:
    """Writes the last bar of symbol ``n`` into its pair; of the one before, the step reads the stamp only."""
    t = tape.stamps.shape[0] - 1
    pair = pairs.tape
    pair.stamps[0] = tape.stamps[t - 1] if t > 0 else tape.stamps[t]
    pair.stamps[1] = tape.stamps[t]
    pair.opens[n, 1, 0] = tape.opens[t, n]
    pair.highs[n, 1, 0] = tape.highs[t, n]
    pair.lows[n, 1, 0] = tape.lows[t, n]
    pair.closes[n, 1, 0] = tape.closes[t, n]
    pair.volumes[n, 1, 0] = tape.volumes[t, n]
    if tape.variances.shape[0] > 0:
        pair.variances[n, 1, 0] = tape.variances[t, n]
    if tape.ratios.shape[0] > 0:
        pair.ratios[n, 1, 0] = tape.ratios[t, n]
    if tape.fundings.shape[0] > 0:
        pair.fundings[n, 1, 0] = tape.fundings[t, n]
    pair.ends[n, 0] = 1 if t <= tape.ends[n] else 0
    pair.payouts[n, 0] = tape.payouts[n]


@jit_step_uncached
def take(n: int, bar: int, age: int, state: Floats, edges: Edges, plan: Plan, lanes: Lanes) -> None:
    """Makes lane ``n`` of row ``n`` of the state: at ``bar`` of two bars, of which the second is its ``age``-th."""
    for k in range(lanes.memory.shape[2]):
        lanes.memory[n, 0, k] = state[n, edges.memory + k]
    for k in range(lanes.account.shape[1]):
        lanes.account[n, k] = state[n, edges.account + k]
    for k in range(lanes.positions.shape[2]):
        lanes.positions[n, 0, k] = state[n, edges.positions + k]
    lanes.targets[n * plan.latency + 1 % plan.latency, 0] = state[n, edges.due + age % plan.latency]
    lanes.tally[n, SEEN_PEAK] = state[n, PEAK]
    lanes.clock[n, BAR] = bar
    lanes.clock[n, BEGIN] = 1 - age


@jit_step_uncached
def give(n: int, state: Floats, edges: Edges, lanes: Lanes) -> None:
    """Writes lane ``n`` back into row ``n`` of the state."""
    for k in range(lanes.memory.shape[2]):
        state[n, edges.memory + k] = lanes.memory[n, 0, k]
    for k in range(lanes.account.shape[1]):
        state[n, edges.account + k] = lanes.account[n, k]
    for k in range(lanes.positions.shape[2]):
        state[n, edges.positions + k] = lanes.positions[n, 0, k]
    state[n, PEAK] = lanes.tally[n, SEEN_PEAK]


@jit_step_uncached
def look(n: int, features: Floats, present: bool, state: Floats, edges: Edges, context: NDArray[Any]) -> int:
    """Takes the newest row of symbol ``n`` into its context (context, symbol, feature), and counts whole rows.

    Returns:
        The column of a feature that is infinite in the precision of the context; −1 for none.
    """
    rows, width = context.shape[0], context.shape[2]
    whole = present
    for f in range(width):
        context[rows - 1, n, f] = features[n, f]
        value = context[rows - 1, n, f]
        if value != value:
            whole = False
        elif value == np.inf or value == -np.inf:
            return f
    for row in range(rows - 1):
        for f in range(width):
            context[row, n, f] = state[n, edges.context + row * width + f]
    for row in range(rows - 1):
        for f in range(width):
            state[n, edges.context + row * width + f] = context[row + 1, n, f]
    state[n, WHOLE] = min(state[n, WHOLE] + 1.0, float(rows)) if whole else 0.0
    return -1


Look = Callable[[Floats, Flags, Floats, Edges, NDArray[Any]], int]
Advance = Callable[[Floats, Flags, Tape, Floats, Edges, Rules, Plan, Lanes, Scene, NDArray[Any], NDArray[Any]], int]
Decide = Callable[[Floats, NDArray[np.intp], Floats, Edges, Plan, Lanes, Scene, Floats], int]


def _looking(version: int) -> Look:
    @jit_step
    def look_seats(features: Floats, present: Flags, state: Floats, edges: Edges, context: NDArray[Any]) -> int:
        if version == 0:
            return -1
        for n in range(present.shape[0]):
            bad = look(n, features, present[n], state, edges, context)
            if bad >= 0:
                return n * int(features.shape[1]) + bad
        return -1

    return look_seats


def _advancing(version: int) -> Advance:
    @jit_step
    def advance_seats(
        features: Floats,
        present: Flags,
        tape: Tape,
        state: Floats,
        edges: Edges,
        rules: Rules,
        plan: Plan,
        lanes: Lanes,
        pairs: Scene,
        context: NDArray[Any],
        rows: NDArray[Any],
    ) -> int:
        if version == 0:  # it never is; a constant that the code names is one that numba's cache compares
            return -1
        for n in range(present.shape[0]):
            bad = look(n, features, present[n], state, edges, context)
            if bad >= 0:
                return n * int(features.shape[1]) + bad
            ready = present[n] and state[n, WHOLE] >= plan.window
            pairs.status[n, 1, 0] = ABSENT if not present[n] else (READY if ready else COLD)
            put_bar(n, tape, pairs)
            lived = int(state[n, LIVED])
            take(n, 0, lived, state, edges, plan, lanes)
            if lived > 0 and lanes.account[n, RUINED] == 0.0:
                settle(n, alone(n, pairs), rules, plan, lanes)
                state[n, LIVED] += 1.0 if lanes.account[n, RUINED] == 0.0 else 0.0
            elif lived == 0 and ready:
                begin(n, 1, alone(n, pairs), plan, lanes)
                state[n, LIVED] = 1.0
            give(n, state, edges, lanes)
            observe(
                context, plan.window - 1, n, ready, plan.window, 0, plan.account, plan.target, plan.gain, 0.0,
                lanes.positions[n, 0, UNITS] * lanes.positions[n, 0, MARK], lanes.account[n, CASH],
                lanes.account[n, EQUITY], lanes.tally[n, SEEN_PEAK], lanes.memory[n, 0, TARGET],
                lanes.memory[n, 0, GAIN], rows, 0, n,
            )  # fmt: skip
        return -1

    return advance_seats


def _deciding(version: int) -> Decide:
    @jit_step
    def decide_seats(
        actions: Floats,
        acting: NDArray[np.intp],
        state: Floats,
        edges: Edges,
        plan: Plan,
        lanes: Lanes,
        pairs: Scene,
        exposures: Floats,
    ) -> int:
        for i in range(acting.shape[0]):
            n = acting[i]
            age = int(state[n, LIVED]) - 1
            take(n, 1, age, state, edges, plan, lanes)
            lanes.actions[n, 0] = actions[i]
            decide(n, 1, alone(n, pairs), plan, lanes)
            exposures[n] = lanes.targets[n * plan.latency + 1 % plan.latency, 0]
            state[n, edges.due + age % plan.latency] = exposures[n]
            give(n, state, edges, lanes)
        return version

    return decide_seats


look_seats = _looking(version_of(look))
"""``look_seats(features, present, state, edges, context)`` takes a row of features of each symbol into its context;
returns the first feature (flat) that is infinite, −1 for none."""
advance_seats = _advancing(version_of(look, put_bar, take, settle, begin, alone, give, observe))
"""``advance_seats(features, present, tape, state, ...)`` does so too, steps every open account to the bar, opens those
whose first whole observation it is, and writes what is seen into ``rows`` (1, symbol, width)."""
decide_seats = _deciding(version_of(take, decide, alone, give))
"""``decide_seats(actions, acting, state, ...)`` writes the exposures that the acting symbols decide at the bar."""
