"""The rule of a guard: one bar of one account, as scalar code on arrays that the caller owns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit_step
from regimen.safeguards.layout import (
    ACTIVE,
    CAUSE,
    CLOSES,
    COLLAPSE,
    COLLAPSE_BARS,
    CONFIDENCE,
    CORRELATED,
    CORRELATION,
    CORRELATION_GAIN,
    DAILY_LOSS,
    DAY,
    DAY_EQUITY,
    DAYS,
    DRAWDOWN,
    DRIFT,
    DRIFTS,
    EQUITY,
    EVERY_BAR,
    FEED_GAP,
    FLAT,
    HALT,
    HALTED,
    HEAD,
    KNOWN,
    LATENCY,
    LEAST_CONFIDENCE,
    LEAST_ENTROPY,
    LEAST_TRADE,
    LONG,
    MODE,
    MOST_AGE,
    MOST_CORRELATED,
    MOST_EXPOSURE,
    MOST_FALL,
    MOST_LOSS,
    MOST_MISSING,
    MOST_MOVE,
    MOST_ORDERS,
    NANOSECONDS,
    OPERATOR,
    ORDERS,
    PEAK,
    POSITION,
    PRICE_BAND,
    REDUCE,
    REDUCING,
    RESUME,
    SHORT,
    STALENESS,
    TRADES,
    WARNING_FALL,
    WISHES,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

DAY_LENGTH = 86_400_000_000_000
ALARM_OF_DRIFT, ALARM_OF_COLLAPSE = 1, 2
"""Bits of the alarms that come from outside."""
UNUSABLE_ACCOUNT, UNUSABLE_TARGET = -1, -2
_LEAST_CORRELATED = 2
"""Symbols from which there is anything to correlate."""


@jit_step
def reduced(wanted: float, exposure: float) -> float:
    """Returns the part of a target that only reduces an exposure: between it and 0, both included."""
    if exposure > 0.0:
        return min(max(wanted, 0.0), exposure)
    return max(min(wanted, 0.0), exposure)


@jit_step
def nearer(one: float, other: float) -> float:
    """Returns the smaller of two exposures of one side; 0 of two sides."""
    if one * other <= 0.0:
        return 0.0
    return one if abs(one) <= abs(other) else other


@jit_step
def _within(target: float, most: float) -> float:
    return min(max(target, -most), most)


@jit_step
def _begin(state: Floats, equity: float, day: int, operator: int) -> int:
    """Begins the bar: a new day, an operator's word, the highest equity; returns what acted, one bit each.

    To resume begins anew what the limit that had stopped trading measures, and nothing of the others.
    """
    acted = 0
    new_day = state[DAY] != day
    if new_day:
        state[DAY] = day
        state[DAY_EQUITY] = state[EQUITY]
        state[ORDERS] = 0.0
    if operator == RESUME and state[MODE] != ACTIVE:
        if state[CAUSE] == DAILY_LOSS and not new_day:
            state[DAY_EQUITY] = equity
        elif state[CAUSE] == DRAWDOWN:
            state[PEAK] = equity
        elif state[CAUSE] == COLLAPSE:
            state[WISHES] = 0.0
        state[MODE] = ACTIVE
        state[CAUSE] = 0.0
        acted |= 1 << OPERATOR
    elif operator == HALT and state[MODE] < HALTED:
        state[MODE] = HALTED
        state[CAUSE] = OPERATOR
        acted |= 1 << OPERATOR
    elif operator == REDUCE and state[MODE] < REDUCING:
        state[MODE] = REDUCING
        state[CAUSE] = OPERATOR
        acted |= 1 << OPERATOR
    if not state[PEAK] >= equity:
        state[PEAK] = equity
    return acted


@jit_step
def _entropy(state: Floats) -> float:
    """Returns the entropy of short, flat and long among the wishes, nats."""
    entropy = 0.0
    for k in range(SHORT, LONG + 1):
        if state[k] > 0.0:
            entropy -= state[k] * math.log(state[k])
    return entropy


@jit_step
def _count_wishes(state: Floats, limits: Floats, wanted: Floats) -> bool:
    """Takes the directions that are wanted; returns whether they have collapsed into one."""
    short = 0.0
    flat = 0.0
    long = 0.0
    for s in range(wanted.shape[0]):
        if wanted[s] < 0.0:
            short += 1.0
        elif wanted[s] > 0.0:
            long += 1.0
        elif wanted[s] == 0.0:
            flat += 1.0
    total = short + flat + long
    if total > 0.0:
        state[WISHES] += 1.0
        gain = max(1.0 / state[WISHES], 2.0 / (limits[COLLAPSE_BARS] + 1.0))
        state[SHORT] += gain * (short / total - state[SHORT])
        state[FLAT] += gain * (flat / total - state[FLAT])
        state[LONG] += gain * (long / total - state[LONG])
    return bool(state[WISHES] >= limits[COLLAPSE_BARS] and _entropy(state) < limits[LEAST_ENTROPY])


@jit_step
def _latch(state: Floats, limits: Floats, wanted: Floats, equity: float, alarms: int) -> int:
    """Switches the mode where a limit says so, never back; returns what acted, one bit each."""
    acted = 0
    collapsed = _count_wishes(state, limits, wanted)
    if alarms & ALARM_OF_COLLAPSE and limits[LEAST_ENTROPY] > 0.0:
        collapsed = True
    for limit in (DAILY_LOSS, COLLAPSE, DRIFT):
        reached = False
        if limit == DAILY_LOSS:
            reached = state[DAY_EQUITY] - equity >= limits[MOST_LOSS] * state[DAY_EQUITY]
        elif limit == COLLAPSE:
            reached = collapsed
        else:
            reached = alarms & ALARM_OF_DRIFT != 0 and limits[DRIFTS] != 0.0
        if reached and state[MODE] < REDUCING:
            state[MODE] = REDUCING
            state[CAUSE] = limit
            acted |= 1 << limit
    if state[PEAK] - equity >= limits[MOST_FALL] * state[PEAK] and state[MODE] < HALTED:
        state[MODE] = HALTED
        state[CAUSE] = DRAWDOWN
        acted |= 1 << DRAWDOWN
    return acted


@jit_step
def _correlate(state: Floats, limits: Floats, close: Floats, previous: Floats, symbols: int) -> None:
    """Takes the returns of a bar into the exponential means of their products."""
    counts = HEAD + int(limits[LATENCY]) * symbols
    first = counts + symbols
    for i in range(symbols):
        move = close[i] / previous[i] - 1.0
        if previous[i] > 0.0 and move == move:
            row = first + i * (i + 1) // 2
            for j in range(i + 1):
                other = close[j] / previous[j] - 1.0
                if previous[j] > 0.0 and other == other:
                    # How many returns the younger of the two had before this one; those of j are counted below.
                    shared = state[counts + i] if j == i else min(state[counts + i], state[counts + j] - 1.0)
                    gain = max(1.0 / (shared + 1.0), limits[CORRELATION_GAIN])
                    state[row + j] += gain * (move * other - state[row + j])
            state[counts + i] += 1.0


@jit_step
def correlation(i: int, j: int, state: Floats, limits: Floats, symbols: int) -> float:
    """Returns the correlation of two symbols' returns; 1 while one of them is not known."""
    if i == j:
        return 1.0
    counts = HEAD + int(limits[LATENCY]) * symbols
    if state[counts + i] < KNOWN or state[counts + j] < KNOWN:
        return 1.0
    first = counts + symbols
    high = max(i, j)
    low = min(i, j)
    scale = state[first + high * (high + 1) // 2 + high] * state[first + low * (low + 1) // 2 + low]
    if not scale > 0.0:
        return 1.0
    return float(state[first + high * (high + 1) // 2 + low] / math.sqrt(scale))


@jit_step
def _share_of_group(s: int, state: Floats, limits: Floats, symbols: int, wishes: Floats, floors: Floats) -> float:
    """Returns the share of new risk that the symbols which move with ``s``, on its side, may take: 0 to 1.

    Args:
        wishes: (symbol,) the targets.
        floors: (symbol,) what of them is no new risk.
    """
    total = abs(wishes[s])
    floor = abs(floors[s])
    others = 0
    for j in range(symbols):
        if j == s or (wishes[j] == 0.0 and floors[j] == 0.0):
            continue
        rho = correlation(s, j, state, limits, symbols)
        if abs(rho) < limits[CORRELATION] or rho * wishes[j] * wishes[s] <= 0.0:
            continue
        others += 1
        total += min(abs(rho), 1.0) * abs(wishes[j])
        floor += min(abs(rho), 1.0) * abs(floors[j])
    if others == 0 or total <= limits[MOST_CORRELATED]:
        return 1.0
    if floor >= limits[MOST_CORRELATED]:
        return 0.0
    return float((limits[MOST_CORRELATED] - floor) / (total - floor))


@jit_step
def rule(
    state: Floats,
    limits: Floats,
    equity: float,
    day: int,
    days: int,
    nanoseconds: int,
    missing: float,
    age: float,
    alarms: int,
    operator: int,
    exposures: Floats,
    wanted: Floats,
    confidence: Floats,
    close: Floats,
    previous: Floats,
    present: Flags,
    waiting: Flags,
    scratch: Floats,
    allowed: Floats,
    counts: Counts,
) -> int:
    """Decides which targets of one bar are allowed; changes ``state`` and fills ``allowed`` and ``counts``.

    *Timing:* at the close of the bar, by what is known there; what is allowed fills ``latency_bars`` opens later.

    Args:
        state: as `regimen.safeguards.layout` has it; changed in place.
        limits: `regimen.safeguards.layout.numbers`.
        equity: of the account, at the close.
        day: the bar's trading day.
        days, nanoseconds: the time of the close, in days since 1970 and the rest of the day.
        missing: bars that are missing between the last one and this.
        age: bar lengths between the close and the bar's arrival.
        alarms: bits of the alarms from outside.
        operator: as `regimen.safeguards.layout.OPERATORS` has it.
        exposures: (symbol,) in force at the close mark.
        wanted: (symbol,) targets; NaN keeps.
        confidence: (symbol,) NaN where it is not known.
        close, previous: (symbol,) closes, and those before, as if split like today.
        present: (symbol,) whether there is a bar.
        waiting: (symbol,) whether an order still waits to be filled.
        scratch: (5, symbol) room to work in.
        allowed: (symbol,) targets; NaN keeps.
        counts: (act,) targets that each of `regimen.safeguards.layout.ACTS` changed.

    Returns:
        What acted, one bit each of `regimen.safeguards.layout.ACTS`; and bit 30: the drawdown warns. Below 0, and
        nothing is changed, where an exposure or the equity is not finite (`UNUSABLE_ACCOUNT`) or a target is infinite
        (`UNUSABLE_TARGET`).
    """
    symbols = wanted.shape[0]
    if not abs(equity) < np.inf:
        return UNUSABLE_ACCOUNT
    for s in range(symbols):
        if not abs(exposures[s]) < np.inf:
            return UNUSABLE_ACCOUNT
        if abs(wanted[s]) == np.inf:
            return UNUSABLE_TARGET
    latency = int(limits[LATENCY])
    every_bar = limits[EVERY_BAR] != 0.0
    for act in range(counts.shape[0]):
        counts[act] = 0
    acted = _begin(state, equity, day, operator)
    acted |= _latch(state, limits, wanted, equity, alarms)
    if state[PEAK] - equity >= limits[WARNING_FALL] * state[PEAK] and state[MODE] < HALTED:
        acted |= 1 << 30
    if symbols >= _LEAST_CORRELATED:
        _correlate(state, limits, close, previous, symbols)
    latched = state[MODE] != ACTIVE
    cause = int(state[CAUSE])
    closing = state[MODE] == HALTED and limits[CLOSES] != 0.0
    stale = age > limits[MOST_AGE]
    gap = missing > limits[MOST_MISSING]
    most = limits[MOST_EXPOSURE]

    # Each symbol by itself: its bound (what it may be reduced from), its wish, and what of that is no new risk.
    for s in range(symbols):
        last = state[HEAD + s]
        exposure = exposures[s]
        bound = exposure
        moving = waiting[s]
        due = state[HEAD + (latency - 1) * symbols + s]
        for k in range(latency - 1):
            row = state[HEAD + k * symbols + s]
            if row == row:
                bound = nearer(bound, row)
            moving = moving or (row != due and (row == row or due == due))
        if latency > 1 and waiting[s] and due == due:
            bound = nearer(bound, due)
        wish = wanted[s]
        if wish != wish:
            wish = last
        scratch[0, s] = bound
        scratch[2, s] = 1.0 if every_bar or (latched and moving) else 0.0
        if closing:
            if wish == wish and wish != 0.0:
                counts[cause] += 1
            scratch[1, s] = 0.0
            scratch[3, s] = 0.0
            continue
        if wish != wish:
            scratch[1, s] = np.nan
            scratch[3, s] = exposure
            continue
        change = 0.0
        if present[s] and close[s] == close[s] and previous[s] > 0.0:
            change = abs(close[s] / previous[s] - 1.0)
        blocked = latched or stale or gap or change > limits[MOST_MOVE] or confidence[s] < limits[LEAST_CONFIDENCE]
        floor = reduced(wish, bound)
        fresh = wish != last or every_bar or (latched and moving)
        if blocked and fresh and wish != floor:
            if latched:
                counts[cause] += 1
            else:
                counts[STALENESS] += 1 if stale else 0
                counts[FEED_GAP] += 1 if gap else 0
                counts[PRICE_BAND] += 1 if change > limits[MOST_MOVE] else 0
                counts[CONFIDENCE] += 1 if confidence[s] < limits[LEAST_CONFIDENCE] else 0
        if blocked and not fresh:
            scratch[1, s] = np.nan  # an order that passed before is no new risk
            scratch[3, s] = _in_force(exposure, last, moving)
            continue
        if blocked:
            scratch[1, s] = _only_reducing(wish, bound, last, scratch[2, s] != 0.0, latched and waiting[s])
            scratch[1, s] = _within(scratch[1, s], most) if scratch[1, s] == scratch[1, s] else np.nan
            scratch[3, s] = scratch[1, s] if scratch[1, s] == scratch[1, s] else _in_force(exposure, last, moving)
            continue
        if abs(wish) > most:
            counts[POSITION] += 1
            wish = _within(wish, most)
            floor = _within(floor, most)
        scratch[1, s] = wish
        scratch[3, s] = wish if wish == last else floor

    if symbols >= _LEAST_CORRELATED and not latched:
        _scale_groups(state, limits, symbols, scratch, counts)
    _take(state, limits, symbols, exposures, wanted, waiting, scratch, allowed, counts, closing)

    for act in range(counts.shape[0]):
        if counts[act] > 0:
            acted |= 1 << act
    state[EQUITY] = equity
    state[DAYS] = days
    state[NANOSECONDS] = nanoseconds
    return acted


@jit_step
def _in_force(exposure: float, last: float, moving: bool) -> float:
    """Returns the exposure that a symbol without a new order has, or comes to have by an order that waits."""
    if moving and abs(last) > abs(exposure):
        return last
    return exposure


@jit_step
def _only_reducing(wish: float, bound: float, last: float, moving: bool, waiting: bool) -> float:
    """Returns the target that takes no new risk; NaN where no new order is needed.

    An order that waits goes on to the units that its target was at some open before; the price has moved since, and
    they may be more than there are now. So it is replaced, by a target that differs from it in the last bit if need be.

    Args:
        wish: the target that is wanted.
        bound: the exposure that may be reduced.
        last: the last target that was allowed.
        moving: whether the account goes on trading towards it, so that a position which grows has to be stopped.
        waiting: whether an order towards it waits that must not fill as it is.
    """
    target = reduced(wish, bound)
    if waiting and target != 0.0 and last == last:
        return np.nextafter(target, 0.0) if target == last else target
    if target == last:
        return np.nan
    if abs(target) < abs(bound):
        return target
    if moving and last == last and (abs(last) > abs(bound) or last * bound < 0.0):
        return bound
    return np.nan


@jit_step
def _scale_groups(state: Floats, limits: Floats, symbols: int, scratch: Floats, counts: Counts) -> None:
    """Scales new risk in symbols that move together, so that their exposure stays within its limit."""
    if not limits[MOST_CORRELATED] < np.inf:
        return
    wishes = scratch[1]
    floors = scratch[3]
    # A wish of NaN keeps what is in force; the groups count it, and it is not scaled.
    for s in range(symbols):
        if wishes[s] != wishes[s]:
            wishes[s] = floors[s]
            scratch[2, s] += 2.0
    shares = scratch[4]
    for s in range(symbols):
        shares[s] = 1.0
    for s in range(symbols):
        if wishes[s] == 0.0:
            continue
        share = _share_of_group(s, state, limits, symbols, wishes, floors)
        if share < 1.0:
            for j in range(symbols):
                if j == s or (
                    abs(correlation(s, j, state, limits, symbols)) >= limits[CORRELATION] and wishes[j] != 0.0
                ):
                    shares[j] = min(shares[j], share)
    for s in range(symbols):
        if scratch[2, s] >= 2.0:
            scratch[2, s] -= 2.0
            wishes[s] = np.nan
        elif shares[s] < 1.0 and wishes[s] != floors[s]:
            counts[CORRELATED] += 1
            wishes[s] = floors[s] + shares[s] * (wishes[s] - floors[s])


@jit_step
def _take(
    state: Floats,
    limits: Floats,
    symbols: int,
    exposures: Floats,
    wanted: Floats,
    waiting: Flags,
    scratch: Floats,
    allowed: Floats,
    counts: Counts,
    closing: bool,
) -> None:
    """Counts the orders, stops new risk when there were too many, and writes what is allowed."""
    latency = int(limits[LATENCY])
    for s in range(symbols):
        last = state[HEAD + s]
        bound = scratch[0, s]
        target = scratch[1, s]
        goal = target if target == target else last
        order = goal == goal and (goal != last or limits[EVERY_BAR] != 0.0)
        if order and not closing:
            floor = reduced(goal, bound)
            if goal != floor and state[ORDERS] >= limits[MOST_ORDERS]:
                counts[TRADES] += 1
                target = _only_reducing(goal, bound, last, scratch[2, s] != 0.0, False)
                goal = target if target == target else last
                order = goal == goal and (goal != last or limits[EVERY_BAR] != 0.0)
            elif goal == floor and goal == bound and goal != last and not waiting[s] and scratch[2, s] == 0.0:
                target = np.nan  # to keep what is in force needs no order
                order = False
        if order:
            before = exposures[s] if latency == 1 or last != last else last
            if abs(goal - before) >= limits[LEAST_TRADE] and goal != before:
                state[ORDERS] += 1.0
        if target == last and wanted[s] != wanted[s]:
            target = np.nan
        allowed[s] = target
        for k in range(latency - 1, 0, -1):
            state[HEAD + k * symbols + s] = state[HEAD + (k - 1) * symbols + s]
        if target == target:
            state[HEAD + s] = target
