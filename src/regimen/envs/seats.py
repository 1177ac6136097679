"""`Seats`: each symbol in an account of its own that is stepped one bar at a time, by the code of the lanes.

What an agent learned in lanes it then trades bar by bar, without a finished series: the accounts, the targets in force
and the context of features are in one array, a row per symbol, which the caller keeps between two bars.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.envs.compiled import first_outside
from regimen.envs.config import VectorMarketConfig
from regimen.envs.kinds import CONTINUOUS, LevelsConfig
from regimen.envs.layout import CLOCK_COLUMNS, MEMORY_COLUMNS, TALLY_COLUMNS, TARGET, Lanes, Plan, Scene
from regimen.envs.seat_steps import FIRST, LIVED, WHOLE, Edges, advance_seats, decide_seats, look_seats
from regimen.errors import ConfigError, DataError, RunError
from regimen.execution import Moment, Tape
from regimen.execution.columns import ACCOUNT_COLUMNS, POSITION_COLUMNS, RUINED
from regimen.observation import ObservationSchema

Floats = NDArray[np.float64]


class Room(NamedTuple):
    """Arrays in which a bar is stepped; whoever steps many bars makes them once. Nothing in them outlives a bar.

    Attributes:
        lanes: the accounts as lanes.
        pairs: the bar and the one before it, each symbol's by itself.
        context: (context, symbol, feature) rows of features in the precision of the environment.
        rows: (1, symbol, width) observations in that precision.
    """

    lanes: Lanes
    pairs: Scene
    context: NDArray[Any]
    rows: NDArray[Any]


class Seen(NamedTuple):
    """What the seats see after the close of a bar.

    Attributes:
        rows: (symbol, width) observations in the precision of the environment, until the room's next bar.
        acting: positions of the symbols that act, the longest open first: those that have an account, not ruined.
        room: in which the bar was stepped.
    """

    rows: NDArray[Any]
    acting: NDArray[np.intp]
    room: Room


@final
class Seats:
    """The rules of accounts that trade one symbol each; what changes is in the state that the caller keeps.

    A symbol's account opens at its first bar with a whole observation. It ends with its ruin.

    Args:
        config: of the lanes; ``context``, what is shown, ``account_span``, actions, precision and market are read. Its
            market has the costs of the bars (`MarketConfig.at`).
        schema: of the observations.

    Attributes:
        width: columns of the state.
    """

    def __init__(self, config: VectorMarketConfig, schema: ObservationSchema) -> None:
        self.config, self.schema = config, schema
        self.rules = config.market.build().rules()
        self.plan = config.plan(np.iinfo(np.int32).max)
        self._following = self.plan._replace(action=CONTINUOUS, dead_band=0.0, smoothing=0.0)
        levels = config.actions.levels if isinstance(config.actions, LevelsConfig) else ()
        self._levels = np.array(levels, np.float64)
        sizes = (MEMORY_COLUMNS, ACCOUNT_COLUMNS, POSITION_COLUMNS, self.plan.latency)
        ends = np.cumsum((FIRST, *sizes, (config.context - 1) * schema.inputs)).tolist()
        self._edges = Edges(*(first for first, _ in pairwise(ends)))
        self.width: int = ends[-1]

    def room(self, tape: Tape) -> Room:
        """Returns room for the bars of a market, for one thread at a time."""
        symbols = len(tape.ends)
        rows = np.empty((1, symbols, self.schema.width), self.schema.precision)
        return Room(self._lanes(symbols), self._pairs(tape), self._context(symbols), rows)

    def look(self, moment: Moment, state: Floats) -> None:
        """Takes a bar's features into the context, in place; no account is stepped.

        Raises:
            DataError: a feature that is infinite in the precision of the environment.
        """
        context = self._context(len(state))
        self._refuse(look_seats(moment.features, moment.present.copy(), state, self._edges, context), moment)

    def advance(self, moment: Moment, state: Floats, room: Room) -> Seen:
        """Steps every open account to the close of a bar, opens those whose first whole row it has; in place.

        Args:
            moment: the bar.
            state: a row per symbol.
            room: for the bars of this market, see `room`.

        Raises:
            ConfigError: a tape without the columns that the market's costs need.
            DataError: see `look`.
        """
        tape = moment.tape
        if (self.rules.impact > 0.0) != (tape.variances.shape[0] > 0):
            rule = "must be that of the market that is traded: the tape was made for another one"
            raise ConfigError("market.costs.impact_coefficient", rule, self.rules.impact)
        present = moment.present.copy()  # of a series it is read-only, which is another type to the compiler
        bad = advance_seats(moment.features, present, tape, state, self._edges, self.rules, self.plan, *room)
        self._refuse(bad, moment)
        acting = np.flatnonzero((state[:, LIVED] > 0.0) & (state[:, self._edges.account + RUINED] == 0.0))
        if len(acting) > 1:
            acting = acting[np.argsort(-state[acting, LIVED], kind="stable")]
        return Seen(room.rows[0], acting, room)

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
        low, high = self.config.actions.low, self.config.actions.high
        return self._decide(actions, (low, high), "actions", self.plan, seen, state)

    def enforce(self, targets: Floats, seen: Seen, state: Floats) -> Floats:
        """Puts exposures in force that someone else made of actions by the same rule; else as `decide`, in place.

        Args:
            targets: (acting,) exposures, in the order of ``seen.acting``.
            seen: of the bar.
            state: as `advance` left it.

        Returns:
            As `decide`.

        Raises:
            RunError: an exposure outside [-1, 1], or NaN.
        """
        return self._decide(targets, (-1.0, 1.0), "exposures", self._following, seen, state)

    def in_force(self, state: Floats) -> Floats:
        """Returns the target exposures (symbol,) in force, a view into the state; 0 before an account opens."""
        targets: Floats = state[:, self._edges.memory + TARGET]
        return targets

    def whole(self, state: Floats) -> NDArray[np.bool_]:
        """Returns the symbols (symbol,) whose newest rows of features are all known, as many as the context takes."""
        known: NDArray[np.bool_] = state[:, WHOLE] >= self.plan.window
        return known

    def _decide(
        self, actions: NDArray[Any], limits: tuple[float, float], field: str, plan: Plan, seen: Seen, state: Floats
    ) -> Floats:
        chosen, exposures = np.array(actions, np.float64).reshape(len(seen.acting), 1), np.zeros(len(state))
        outside = first_outside(chosen, *limits)
        if outside >= 0:
            raise RunError(field, f"must lie in [{limits[0]:g}, {limits[1]:g}]", float(chosen[outside, 0]))
        lanes, pairs, *_ = seen.room
        decide_seats(chosen[:, 0], seen.acting, state, self._edges, plan, lanes, pairs, exposures)
        return exposures

    def _refuse(self, bad: int, moment: Moment) -> None:
        if bad >= 0:
            s, f = divmod(bad, self.schema.inputs)
            rule = f"must be finite in {self.schema.precision}, or NaN where not known; column {f}"
            raise DataError("features", rule, float(moment.features[s, f]))

    def _context(self, symbols: int) -> NDArray[Any]:
        return np.empty((self.schema.context, symbols, self.schema.inputs), self.schema.precision)

    def _lanes(self, symbols: int) -> Lanes:
        """Returns room for the accounts as lanes."""
        return Lanes(
            keys=_NO_KEYS,
            actions=np.empty((symbols, 1)),
            targets=np.full((symbols * self.plan.latency, 1), np.nan),
            account=np.empty((symbols, ACCOUNT_COLUMNS)),
            positions=np.empty((symbols, 1, POSITION_COLUMNS)),
            clock=np.zeros((symbols, CLOCK_COLUMNS), np.int64),
            memory=np.empty((symbols, 1, MEMORY_COLUMNS)),
            tally=np.zeros((symbols, TALLY_COLUMNS)),
            ring=_NONE,
            book=_NONE,
            flags=_NO_FLAGS,
            observation=_NO_ROWS,
            final=_NO_ROWS,
        )

    def _pairs(self, tape: Tape) -> Scene:
        """Returns room for two bars of each symbol by itself: (symbol, 2, 1), or (symbol, 0, 0) where there is none."""
        symbols = len(tape.ends)
        room, none = np.full((8, symbols, 2, 1), np.nan), np.empty((symbols, 0, 0))
        bars = Tape(
            np.empty(2, np.int64),
            room[0],
            room[1],
            room[2],
            room[3],
            room[4],
            room[5] if tape.variances.shape[0] else none,
            room[6] if tape.ratios.shape[0] else none,
            room[7] if tape.fundings.shape[0] else none,
            np.empty((symbols, 1), np.int64),
            np.empty((symbols, 1)),
            False,
        )
        return Scene(bars, _NO_ROWS, np.zeros((symbols, 2, 1), np.int8), _ONES, self._levels, _NO_STARTS)


_NO_KEYS = np.zeros(0, np.uint64)
_NONE, _NO_FLAGS, _NO_ROWS = np.zeros((0, 0)), np.zeros((0, 0), np.bool_), np.zeros((0, 0, 0), np.float32)
_ONES, _NO_STARTS = np.ones(2), np.zeros(0, np.int64)
