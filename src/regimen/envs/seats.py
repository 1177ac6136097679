"""`Seats`: each symbol in an account of its own that is stepped one bar at a time, by the code of the lanes.

What an agent learned in lanes it then trades bar by bar, without a finished series: the accounts, the targets in force
and the context of features are in one array, a row per symbol, which the caller keeps between two bars.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.envs.actions import LevelsConfig
from regimen.envs.compiled import decide_seats, first_outside, settle_seats
from regimen.envs.config import VectorMarketConfig
from regimen.envs.inputs import ABSENT, COLD, READY
from regimen.envs.layout import (
    BAR,
    BEGIN,
    CLOCK_COLUMNS,
    GAIN,
    MEMORY_COLUMNS,
    SEEN_PEAK,
    TALLY_COLUMNS,
    TARGET,
    Columns,
    Lanes,
    Stage,
)
from regimen.errors import ConfigError, DataError, RunError
from regimen.execution import Moment, Tape
from regimen.execution.account import (
    ACCOUNT_COLUMNS,
    CASH,
    EQUITY,
    MARK,
    POSITION_COLUMNS,
    RUINED,
    UNITS,
)
from regimen.observation import Accounts, ObservationSchema, observe_symbols

Floats = NDArray[np.float64]

# The first columns of a row of state: bars that the account has lived through (0: it is not open yet), known rows in
# a row up to the context, the highest equity that the observation knows of.
LIVED, WHOLE, PEAK = 0, 1, 2
_FIRST = 3


class Seen(NamedTuple):
    """What the seats see after the close of a bar.

    Attributes:
        bars: the bar and the one before it.
        rows: (symbol, width) observations in the precision of the environment.
        status: (symbol,) int8; see `regimen.envs.inputs`.
        acting: positions of the symbols that act, the longest open first: those that have an account, not ruined.
    """

    bars: Columns
    rows: NDArray[Any]
    status: NDArray[np.int8]
    acting: NDArray[np.intp]


@final
class Seats:
    """The rules of accounts that trade one symbol each; what changes is in the state that the caller keeps.

    A symbol's account opens at its first bar with a whole observation. It ends with its ruin.

    Args:
        config: of the lanes; ``window``, what is shown, ``account_span``, actions, precision and market are read. Its
            market has the costs of the bars (`MarketConfig.at`).
        schema: of the observations.

    Attributes:
        width: columns of the state.
    """

    def __init__(self, config: VectorMarketConfig, schema: ObservationSchema) -> None:
        self.config, self.schema = config, schema
        self.rules = config.market.build().rules()
        self.plan = config.plan(np.iinfo(np.int32).max)
        levels = config.actions.levels if isinstance(config.actions, LevelsConfig) else ()
        self._levels = np.array(levels, np.float64)
        sizes = (MEMORY_COLUMNS, ACCOUNT_COLUMNS, POSITION_COLUMNS, self.plan.latency)
        edges = np.cumsum([_FIRST, *sizes, (config.window - 1) * schema.inputs])
        self._memory, self._account, self._positions, self._due, self._context = (
            slice(int(a), int(b)) for a, b in pairwise(edges)
        )
        self.width = int(edges[-1])

    def look(self, moment: Moment, state: Floats) -> tuple[NDArray[Any], NDArray[np.int8]]:
        """Takes a bar's features into the context, in place.

        Returns:
            The context (context, symbol, feature) that ends with the bar, and the status (symbol,).

        Raises:
            DataError: a feature that is infinite in the precision of the environment.
        """
        context, symbols, inputs = self.schema.context, len(state), self.schema.inputs
        with np.errstate(over="ignore"):
            row = moment.features.astype(self.schema.precision)
        if np.isinf(row).any():
            s, f = (int(k) for k in np.argwhere(np.isinf(row))[0])
            raise DataError(
                "features",
                f"must be finite in {self.schema.precision}, or NaN where not known; column {f}",
                float(moment.features[s, f]),
            )
        rows = row[None]
        if context > 1:
            older = state[:, self._context].reshape(symbols, context - 1, inputs)
            rows = np.concatenate([older.swapaxes(0, 1).astype(self.schema.precision), rows])
            state[:, self._context] = rows[1:].swapaxes(0, 1).reshape(symbols, -1)
        whole = moment.present & ~np.isnan(row).any(axis=1)
        state[:, WHOLE] = np.where(whole, np.minimum(state[:, WHOLE] + 1, context), 0.0)
        ready = np.where(state[:, WHOLE] >= context, READY, COLD)
        return rows, np.where(moment.present, ready, ABSENT).astype(np.int8)

    def advance(self, moment: Moment, state: Floats) -> Seen:
        """Steps every open account to the close of a bar, opens those whose first whole row it has; in place.

        Raises:
            ConfigError: a tape without the columns that the market's costs need.
            DataError: see `look`.
        """
        if (self.rules.impact > 0.0) != (moment.tape.variances.shape[0] > 0):
            rule = "must be that of the market that is traded: the tape was made for another one"
            raise ConfigError("market.costs.impact_coefficient", rule, self.rules.impact)
        rows, status = self.look(moment, state)
        fresh = state[:, LIVED] == 0.0
        running = ~fresh & (state[:, self._account.start + RUINED] == 0.0)
        opening = fresh & (status == READY)
        lanes = self._lanes(state, 0, state[:, LIVED])
        bars = columns(moment.tape)
        settle_seats(running, opening, bars, self._stage(status), self.rules, self.plan, lanes)
        state[:, self._account], state[:, self._positions] = lanes.account, lanes.positions[:, 0]
        state[:, self._memory], state[:, PEAK] = lanes.memory[:, 0], lanes.tally[:, SEEN_PEAK]
        acting = opening | (running & (lanes.account[:, RUINED] == 0.0))
        state[:, LIVED] += acting
        positions, memory = lanes.positions[:, 0], lanes.memory[:, 0]
        accounts = Accounts(
            positions[:, UNITS] * positions[:, MARK],
            lanes.account[:, CASH].copy(),
            lanes.account[:, EQUITY].copy(),
            lanes.tally[:, SEEN_PEAK].copy(),
            memory[:, TARGET].copy(),
            memory[:, GAIN].copy(),
        )
        order = np.flatnonzero(acting)
        order = order[np.argsort(-state[order, LIVED], kind="stable")]
        return Seen(bars, observe_symbols(self.schema, rows, status == READY, accounts), status, order)

    def decide(self, actions: NDArray[Any], seen: Seen, state: Floats) -> Floats:
        """Turns the actions of the symbols that act into exposures, which are in force from now on; in place.

        Args:
            actions: (acting,) or (acting, 1), in the order of ``seen.acting``.
            seen: of the bar.
            state: as `advance` left it.

        Returns:
            (symbol,) exposures of symbols that each trade alone: 0 of those that do not act or do not see a whole
            row, NaN of those that act without a bar.

        Raises:
            RunError: an action outside the space, or NaN.
        """
        chosen = np.zeros((len(state), 1))
        chosen[seen.acting] = np.asarray(actions, np.float64).reshape(len(seen.acting), 1)
        space = self.config.actions
        outside = first_outside(chosen[seen.acting], space.low, space.high)
        if outside >= 0:
            raise RunError(
                "actions", f"must lie in [{space.low:g}, {space.high:g}]", float(chosen[seen.acting[outside], 0])
            )
        acts = np.zeros(len(state), np.bool_)
        acts[seen.acting] = True
        lanes = self._lanes(state, 1, state[:, LIVED] - 1.0)
        lanes.actions[:] = chosen
        decide_seats(acts, seen.bars, self._stage(seen.status), self.plan, lanes)
        latency = self.plan.latency
        decided = lanes.targets[:, 0].reshape(len(state), latency)[:, 1 % latency]
        state[acts, self._memory] = lanes.memory[acts, 0]
        state[seen.acting, self._due.start + self._slots(state[:, LIVED] - 1.0)[seen.acting]] = decided[seen.acting]
        return np.where(acts, decided, 0.0)

    def _slots(self, ages: Floats) -> NDArray[np.int64]:
        """Where each symbol's row of ``due`` for its bar is: written ``latency`` bars ago, written again now."""
        return np.maximum(ages, 0.0).astype(np.int64) % self.plan.latency

    def _lanes(self, state: Floats, bar: int, ages: Floats) -> Lanes:
        """Returns copies of the accounts as lanes at ``bar`` of two bars, at the second of which they have an age."""
        symbols, latency = len(state), self.plan.latency
        targets = np.full((symbols, latency), np.nan)
        every = np.arange(symbols)
        targets[:, 1 % latency] = state[every, self._due.start + self._slots(ages)]
        clock = np.zeros((symbols, CLOCK_COLUMNS), np.int64)
        clock[:, BAR] = bar
        clock[:, BEGIN] = 1 - ages.astype(np.int64)
        tally = np.zeros((symbols, TALLY_COLUMNS))
        tally[:, SEEN_PEAK] = state[:, PEAK]
        return Lanes(
            keys=_NO_KEYS,
            actions=np.zeros((symbols, 1)),
            targets=targets.reshape(-1, 1),
            account=np.ascontiguousarray(state[:, self._account]),
            positions=np.ascontiguousarray(state[:, self._positions])[:, None],
            clock=clock,
            memory=np.ascontiguousarray(state[:, self._memory])[:, None],
            tally=tally,
            ring=_NONE,
            book=_NONE,
            flags=_NO_FLAGS,
            observation=_NO_ROWS,
            final=_NO_ROWS,
        )

    def _stage(self, status: NDArray[np.int8]) -> Stage:
        both = np.empty((len(status), 2, 1), np.int8)
        both[:] = status[:, None, None]
        return Stage(_NO_ROWS, both, _ONES, self._levels, _NO_TIMES)


def columns(tape: Tape) -> Columns:
    """Returns the last two bars of a tape, the columns of each symbol for itself; the first bar stands for both."""
    last = len(tape.stamps) - 1
    rows = np.array([max(last - 1, 0), last])

    def apart(column: Floats) -> Floats:
        symbols = len(tape.ends)
        if column.shape[0] == 0:
            return np.empty((symbols, 0, 0))
        return np.ascontiguousarray(column[rows].T)[:, :, None]

    return Columns(
        tape.stamps[rows],
        apart(tape.opens),
        apart(tape.highs),
        apart(tape.lows),
        apart(tape.closes),
        apart(tape.volumes),
        apart(tape.variances),
        apart(tape.ratios),
        apart(tape.fundings),
        (tape.ends - last + 1)[:, None],
        np.ascontiguousarray(tape.payouts)[:, None],
    )


_NO_KEYS = np.zeros(0, np.uint64)
_NONE, _NO_FLAGS, _NO_ROWS = np.zeros((0, 0)), np.zeros((0, 0), np.bool_), np.zeros((0, 0, 0), np.float32)
_NO_TIMES = np.zeros(0, np.int64)
_ONES = np.ones(2)
