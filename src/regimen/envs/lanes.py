"""One lane of the market: an account that observes, acts and is paid, bar by bar, and starts anew at its end.

All of it is scalar code on arrays that the caller owns; lane ``n`` touches row ``n`` and nothing else, so the
lanes give the same bits in any order, on any number of threads, and as threads of a GPU kernel. The account is
`regimen.execution.advance`; nothing of it is repeated here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.envs.actions import continuous_target, verb_target
from regimen.envs.inputs import ABSENT, READY
from regimen.envs.kinds import CONTINUOUS, DIFFERENTIAL_SHARPE, LEVELS, LOG_WEALTH, MEAN_VARIANCE
from regimen.envs.layout import (
    BAR,
    BEGIN,
    COUNT,
    DECIDED,
    DRAWDOWN,
    END,
    EPISODE,
    EPISODE_REWARD,
    EPISODE_STEPS,
    EQUITY_AFTER,
    FIRST,
    GAIN,
    MARK_BEFORE,
    PAID,
    PEAK,
    PROFIT,
    REWARD,
    SECOND,
    SEEN_PEAK,
    TARGET,
    TERMINATED,
    TRUNCATED,
    TURNED,
    UNITS_BEFORE,
    Floats,
    Lanes,
    Plan,
    Scene,
)
from regimen.envs.rewards import (
    deepening,
    differential_sharpe,
    log_wealth,
    mean_variance,
    rolling_sharpe,
    simple_return,
)
from regimen.envs.streams import uniform
from regimen.execution import Rules, advance, open_account
from regimen.execution.account import paid
from regimen.execution.columns import CASH, EQUITY, FORCED, MARK, RUINED, TURNOVER, UNITS
from regimen.jit import jit_step_uncached
from regimen.observation import observe as write_observation


@jit_step_uncached
def decide(n: int, t: int, scene: Scene, plan: Plan, lanes: Lanes) -> None:
    """Writes the targets that lane ``n`` decides after the close of bar ``t``.

    A symbol without a bar keeps its target (NaN); one without a whole observation is flat, whatever the action.
    """
    status, memory, targets = scene.status, lanes.memory, lanes.targets
    row = n * plan.latency + (t % plan.latency if plan.latency > 1 else 0)
    for s in range(memory.shape[1]):
        if status[t, s] == ABSENT:
            targets[row, s] = np.nan
            continue
        target = 0.0
        if status[t, s] == READY:
            in_force = memory[n, s, TARGET]
            action = lanes.actions[n, s]
            if plan.action == CONTINUOUS:
                target = continuous_target(action, in_force, plan.dead_band, plan.smoothing)
            elif plan.action == LEVELS:
                target = scene.levels[int(action)]
            else:
                winning = memory[n, s, GAIN] > 1.0
                target = verb_target(
                    int(action), in_force, winning, plan.small, plan.medium, plan.large, plan.partial, plan.add
                )
        memory[n, s, TARGET] = target
        targets[row, s] = target / scene.counts[t] if plan.share != 0 else target


@jit_step_uncached
def observe(n: int, t: int, scene: Scene, plan: Plan, lanes: Lanes, out: NDArray[Any]) -> None:
    """Writes what lane ``n`` sees after the close of bar ``t`` into ``out`` (lane, symbol, width).

    The columns are those of `regimen.observation.observe`, which writes them; a symbol without a whole observation has
    features of 0.
    """
    account, positions, memory = lanes.account, lanes.positions, lanes.memory
    for s in range(out.shape[1]):
        write_observation(
            scene.features,
            t,
            s,
            scene.status[t, s] == READY,
            plan.window,
            0,
            plan.account,
            plan.target,
            plan.gain,
            0.0,
            positions[n, s, UNITS] * positions[n, s, MARK],
            account[n, CASH],
            account[n, EQUITY],
            lanes.tally[n, SEEN_PEAK],
            memory[n, s, TARGET],
            memory[n, s, GAIN],
            out,
            n,
            s,
        )


@jit_step_uncached
def begin(n: int, bar: int, scene: Scene, plan: Plan, lanes: Lanes) -> None:
    """Opens a fresh account for lane ``n`` before bar ``bar``, or before a random one of ``starts`` (bar < 0)."""
    clock, memory, tally = lanes.clock, lanes.memory, lanes.tally
    if bar < 0:
        bar = scene.starts[int(uniform(lanes.keys, n, clock[n, EPISODE]) * scene.starts.shape[0])]
    clock[n, EPISODE] += 1
    clock[n, BAR] = bar
    clock[n, BEGIN] = bar
    clock[n, END] = bar + plan.steps if plan.steps > 0 else plan.last
    # Nothing is due at the open of the first bar, so stepping through it would only set marks of no units.
    open_account(n, plan.cash, lanes.account, lanes.positions)
    for s in range(memory.shape[1]):
        memory[n, s, TARGET] = 0.0
        memory[n, s, GAIN] = 1.0
    tally[n, PEAK] = plan.cash
    tally[n, SEEN_PEAK] = plan.cash
    tally[n, FIRST] = 0.0
    tally[n, SECOND] = 0.0
    tally[n, COUNT] = 0.0


@jit_step_uncached
def remember_positions(n: int, positions: Floats, memory: Floats) -> None:
    """Keeps units and marks, from which `follow_gains` tells what the bar did to them."""
    for s in range(memory.shape[1]):
        memory[n, s, UNITS_BEFORE] = positions[n, s, UNITS]
        memory[n, s, MARK_BEFORE] = positions[n, s, MARK]


@jit_step_uncached
def follow_gains(n: int, t: int, opens: Floats, ratios: Floats, positions: Floats, memory: Floats) -> None:
    """Updates each open position's price relative to the open that it was first bought at; 1 when flat."""
    for s in range(memory.shape[1]):
        units = positions[n, s, UNITS]
        before = memory[n, s, UNITS_BEFORE]
        if units == 0.0:
            memory[n, s, GAIN] = 1.0
        elif before * units <= 0.0:
            memory[n, s, GAIN] = positions[n, s, MARK] / opens[t, s]
        else:
            ratio = ratios[t, s] if ratios.shape[0] > 0 else 1.0
            memory[n, s, GAIN] *= positions[n, s, MARK] * ratio / memory[n, s, MARK_BEFORE]


@jit_step_uncached
def pay(n: int, before: float, after: float, turnover: float, plan: Plan, tally: Floats, ring: Floats) -> float:
    """Returns the reward of the bar just stepped and updates what it remembers."""
    change = simple_return(before, after)
    if plan.reward == LOG_WEALTH:
        reward = log_wealth(before, after, plan.wealth_floor)
    elif plan.reward == MEAN_VARIANCE:
        reward = mean_variance(change, plan.parameter)
    elif plan.reward == DIFFERENTIAL_SHARPE:
        first = tally[n, FIRST]
        second = tally[n, SECOND]
        reward = differential_sharpe(change, first, second, plan.variance_floor)
        tally[n, FIRST] = first + plan.parameter * (change - first)
        tally[n, SECOND] = second + plan.parameter * (change * change - second)
    else:
        count = int(tally[n, COUNT])
        ring[n, count % ring.shape[1]] = change
        reward = rolling_sharpe(n, count + 1, ring)
    tally[n, COUNT] += 1.0
    reward -= plan.drawdown_penalty * deepening(tally[n, PEAK], before, after)
    reward -= plan.turnover_penalty * turnover
    tally[n, PEAK] = max(tally[n, PEAK], after)
    return plan.scale * reward


@jit_step_uncached
def settle(n: int, scene: Scene, rules: Rules, plan: Plan, lanes: Lanes) -> None:
    """Steps the account of lane ``n`` to the close of the next bar, with the targets that fall due at its open.

    What the observation shows of it follows: the gains, the targets in force, and the highest equity.
    """
    account, positions, memory, tally = lanes.account, lanes.positions, lanes.memory, lanes.tally
    clock = lanes.clock
    if plan.gain != 0:
        remember_positions(n, positions, memory)
    t = clock[n, BAR] + 1
    row = -1
    if t - plan.latency >= clock[n, BEGIN]:
        row = n * plan.latency + (t % plan.latency if plan.latency > 1 else 0)
    advance(n, t, row, scene.tape, lanes.targets, rules, account, positions, None, 0)
    clock[n, BAR] = t
    forced = account[n, FORCED] != 0.0
    for s in range(memory.shape[1]):
        # A margin call dropped the order, or the symbol has ended: none is in force.
        if forced or t > scene.tape.ends[s]:
            memory[n, s, TARGET] = 0.0
    if plan.gain != 0:
        follow_gains(n, t, scene.tape.opens, scene.tape.ratios, positions, memory)
    equity = account[n, EQUITY]
    anew = plan.account_span > 0 and (t - clock[n, BEGIN]) % plan.account_span == 0
    tally[n, SEEN_PEAK] = equity if anew else max(tally[n, SEEN_PEAK], equity)


@jit_step_uncached
def step(n: int, scene: Scene, rules: Rules, plan: Plan, lanes: Lanes) -> None:
    """Steps lane ``n`` from the close of one bar to the close of the next.

    Timing: the action is decided after the close of bar t and fills at the open of t + latency at the earliest;
    the reward covers the equity from the close of t to the close of t+1; the observation is of t+1. When the
    episode ends there, ``final`` gets its last observation and ``observation`` the first of the next episode.
    """
    account, tally, clock, book, flags = lanes.account, lanes.tally, lanes.clock, lanes.book, lanes.flags
    t = clock[n, BAR]
    before = account[n, EQUITY]
    decide(n, t, scene, plan, lanes)
    clock[n, DECIDED] = t
    settle(n, scene, rules, plan, lanes)
    t += 1
    after = account[n, EQUITY]
    turnover = account[n, TURNOVER]
    reward = pay(n, before, after, turnover, plan, tally, lanes.ring)
    earlier = 0.0 if tally[n, COUNT] == 1.0 else book[EPISODE_REWARD, n]
    book[REWARD, n] = reward
    book[EQUITY_AFTER, n] = after
    book[PROFIT, n] = after - before
    book[TURNED, n] = turnover
    book[PAID, n] = paid(n, account)
    book[DRAWDOWN, n] = 1.0 - after / tally[n, PEAK]
    book[EPISODE_REWARD, n] = earlier + reward
    book[EPISODE_STEPS, n] = tally[n, COUNT]
    ruined = account[n, RUINED] != 0.0
    over = t >= clock[n, END] and not ruined
    flags[TERMINATED, n] = ruined
    flags[TRUNCATED, n] = over
    if ruined or over:
        observe(n, t, scene, plan, lanes, lanes.final)
        if plan.autoreset != 0:
            begin(n, -1, scene, plan, lanes)
            t = clock[n, BAR]
    observe(n, t, scene, plan, lanes, lanes.observation)
