"""The layout of lanes: what the columns of their arrays are, and the numbers of an environment that a lane reads."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.envs.streams import Words
from regimen.execution import Tape

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Columns of ``clock`` (lane, 5): the bar just closed, the first and last of the episode, episodes begun, and the
# bar of the last decision.
BAR, BEGIN, END, EPISODE, DECIDED = 0, 1, 2, 3, 4
CLOCK_COLUMNS = 5

# Columns of ``memory`` (lane, symbol, 4): target in force, price relative to the fill that opened the position,
# and units and mark before the step.
TARGET, GAIN, UNITS_BEFORE, MARK_BEFORE = 0, 1, 2, 3
MEMORY_COLUMNS = 4

# Columns of ``tally`` (lane, 5): highest equity, moments of the differential Sharpe ratio, steps, and the highest
# equity that the observation knows of.
PEAK, FIRST, SECOND, COUNT, SEEN_PEAK = 0, 1, 2, 3, 4
TALLY_COLUMNS = 5

# Rows of ``book`` (8, lane): what the step just made brought.
REWARD, EQUITY_AFTER, PROFIT, TURNED, PAID, DRAWDOWN, EPISODE_REWARD, EPISODE_STEPS = 0, 1, 2, 3, 4, 5, 6, 7
BOOK_ROWS = 8

# Rows of ``flags`` (2, lane).
TERMINATED, TRUNCATED = 0, 1


class Plan(NamedTuple):
    """The numbers of an environment that a lane reads.

    Attributes:
        cash: equity at the start of an episode.
        latency: bars from a decision to the open at which it fills.
        steps: steps of an episode; 0: until ``last``.
        last: last bar that may be reached.
        window: bars in an observation.
        autoreset: 1 when a lane starts anew in the step that ends its episode.
        share: 1 when a symbol's exposure is divided by the number of symbols listed.
        account: 1 when the observation shows position, cash and drawdown.
        account_span: bars after which the observed drawdown begins anew; 0: never within an episode.
        target: 1 when it shows the target in force.
        gain: 1 when it shows the gain of the open position.
        action: kind of the action, see `regimen.envs.kinds`.
        dead_band, smoothing: of continuous actions.
        small, medium, large, partial, add: of verbs.
        reward: kind of the reward, see `regimen.envs.kinds`.
        parameter: its risk aversion or rate.
        variance_floor: of the differential Sharpe ratio.
        wealth_floor: of log wealth, quote currency.
        scale, drawdown_penalty, turnover_penalty: of any reward.
    """

    cash: float
    latency: int
    steps: int
    last: int
    window: int
    autoreset: int
    share: int
    account: int
    account_span: int
    target: int
    gain: int
    action: int
    dead_band: float
    smoothing: float
    small: float
    medium: float
    large: float
    partial: float
    add: float
    reward: int
    parameter: float
    variance_floor: float
    wealth_floor: float
    scale: float
    drawdown_penalty: float
    turnover_penalty: float


class Scene(NamedTuple):
    """What all lanes read and none writes.

    Attributes:
        tape: the market.
        features: (time, symbol, feature), in the precision of observations.
        status: (time, symbol) int8; see `regimen.envs.inputs`.
        counts: (time,) symbols that are listed, at least 1.
        levels: (level,) exposures of discrete actions; empty for others.
        starts: (start,) bars at which episodes start at random.
    """

    tape: Tape
    features: NDArray[Any]
    status: NDArray[np.int8]
    counts: Floats
    levels: Floats
    starts: Integers


class Lanes(NamedTuple):
    """The arrays of the lanes; row ``n`` of each, or column ``n`` of ``book`` and ``flags``, is lane ``n``.

    Attributes:
        keys: (lane,) of the random streams.
        actions: (lane, symbol) float64.
        targets: (lane × latency, symbol) decided, from the bar of the decision until it falls due.
        account, positions: see `regimen.execution.columns`.
        clock, memory, tally, book, flags: see the columns and rows above.
        ring: (lane, window) returns of the rolling Sharpe ratio.
        observation, final: (lane, symbol, width); ``final`` is the last of the episode that ended last.
    """

    keys: Words
    actions: Floats
    targets: Floats
    account: Floats
    positions: Floats
    clock: Integers
    memory: Floats
    tally: Floats
    ring: Floats
    book: Floats
    flags: NDArray[np.bool_]
    observation: NDArray[Any]
    final: NDArray[Any]
