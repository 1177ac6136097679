"""`ServedAgent`: an agent's policy from its graph; the accounts are those of `Seats`, and torch is not needed."""

from __future__ import annotations

import threading
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided
from regimen.bundle.graph import Asked
from regimen.envs import Room, Seats, VectorMarketConfig
from regimen.errors import RunError
from regimen.execution import History, Moment, Tape
from regimen.observation import ObservationSchema
from regimen.reprs import short

Floats = NDArray[np.float64]


@final
class ServedAgent:
    """``account, observation -> graph -> target exposure``: `AgentPolicy`, with the graph in the agent's place.

    The graph has the agent's action rule inside. Its row is the observation of `Seats`; its state is the target
    exposure in force, where the rule reads it, then the agent's memory. The target comes from the account each time,
    so that the state here is that of `AgentPolicy`: the account of each symbol, then the agent's memory.

    Args:
        graph: what the agent was exported as.
        config: of the lanes that it trades in; the market of its accounts has the costs of the bars.
        names: of the feature columns.

    Raises:
        RunError: a graph for other columns than those of the lanes.
    """

    def __init__(self, graph: Asked, config: VectorMarketConfig, names: tuple[str, ...]) -> None:
        self.graph, self.config = graph, config
        self._schema = config.observation(names)
        if graph.width != self._schema.width:
            raise RunError(graph.name, f"must see the {self._schema.width} columns of the lanes", graph.width)
        self.seats = Seats(config, self._schema)
        self._targets = int(config.actions.shows_target)
        self._memory = graph.memory - self._targets
        self._scratch = threading.local()

    @property
    def schema(self) -> ObservationSchema:
        """The columns of the lanes."""
        return self._schema

    def __repr__(self) -> str:
        return short(self, f"{self._schema.width} columns, {self._memory} numbers remembered")

    def initial_state(self, symbols: int) -> Floats:
        """Returns rows of zeros: no account is open, and the agent remembers nothing."""
        return np.zeros((symbols, self.seats.width + self._memory))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the state after a bar before trading begins: its features join the context, no account opens."""
        if self.config.context == 1:
            return state
        following = state.copy()
        self.seats.look(moment, following[:, : self.seats.width])
        return following

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns exposures (symbol,) and the next state; see `Policy.act` and `decided`."""
        answer = self.decided(moment, state)
        return answer.exposures, answer.state

    def decided(self, moment: Moment, state: Floats) -> Decided:
        """Returns all that the graph says at the close of a bar.

        The graph is asked for the symbols that have an account, whether they have a bar or not. Confidence and details
        are NaN where the account is not open, or what is seen is not whole.

        Raises:
            ConfigError: a market with other costs than the policy's own.
            DataError: a feature that is infinite.
            RunError: an observation that is not finite, or an exposure outside [-1, 1].
        """
        return self._decided(moment, state, self._room(moment.tape))

    def _decided(self, moment: Moment, state: Floats, room: Room) -> Decided:
        symbols, width = len(state), self.seats.width
        following = state.copy()
        own = following[:, :width]
        seen = self.seats.advance(moment, own, room)
        acting, details = seen.acting, np.full((symbols, self.graph.details), np.nan)
        if not len(acting):
            return Decided(np.zeros(symbols), np.full(symbols, np.nan), following, details)
        rows = seen.rows[acting].astype(np.float32, copy=False)
        if not np.isfinite(rows).all():
            column = int(np.argwhere(~np.isfinite(rows))[0, 1])
            raise RunError(f"observation: {self._schema.columns[column]}", "must be finite")
        before = following[acting, width:]
        if self._targets:
            before = np.concatenate([self.seats.in_force(own)[acting, None], before], axis=1)
        exposure, certain, after, scores = self.graph(rows.astype(np.float64), before)
        following[acting, width:] = after[:, self._targets :]
        confidence = np.full(symbols, np.nan)
        confidence[acting], details[acting] = certain, scores
        unseen = ~(moment.present & self.seats.whole(own))
        confidence[unseen], details[unseen] = np.nan, np.nan
        return Decided(self.seats.enforce(exposure, seen, own), confidence, following, details)

    def _room(self, tape: Tape) -> Room:
        """Returns the calling thread's room for the bars of a market; nothing in it outlives a bar."""
        columns = (tape.variances, tape.ratios, tape.fundings)
        kind = (len(tape.ends), *(each.shape[0] > 0 for each in columns))
        if getattr(self._scratch, "kind", None) != kind:
            self._scratch.kind, self._scratch.room = kind, self.seats.room(tape)
        room: Room = self._scratch.room
        return room

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop), from accounts that open in that span.

        At the last bar of the series, after which nothing fills, they are NaN (keep), as with `AgentPolicy`.
        """
        symbols, last = len(history.bars.symbols), len(history.bars) - 1
        state = self.initial_state(symbols)
        for t in range(max(0, start - self.config.context + 1), start):
            state = self.watch(history.at(t), state)
        alone, room = np.zeros((stop - start, symbols)), self._room(history.tape)
        for t in range(start, min(stop, last)):
            answer = self._decided(history.at(t), state, room)
            alone[t - start], state = answer.exposures, answer.state
        alone[max(last - start, 0) :] = np.nan
        return alone
