"""A policy from an agent: every symbol in an account of its own, stepped bar by bar, seen as in the agent's lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from regimen.envs import EnvSpec, LevelsConfig, Room, Seats, VectorMarketConfig, VerbsConfig
from regimen.execution import History, Moment
from regimen.observation import ObservationSchema
from regimen.reprs import short

Floats = NDArray[np.float64]
Sight = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Observations (lane, width) that an agent saw at one bar, and its memory of what came before (lane, memory)."""


class Actor(Protocol):
    """Anything that answers observations with actions; every agent of `regimen.agents` does."""

    @property
    def spec(self) -> EnvSpec:
        """Columns and actions that it was built for."""

    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns actions of observations (lane, width), and the memory for the next call; zeros or None begin one."""


@final
class AgentPolicy:
    """``account, observation -> agent -> action -> target exposure``.

    Each symbol has an account of its own, in which it trades alone, as in the lanes in which the agent learned; the
    observation shows that account. It opens at the symbol's first bar with a whole row of features, and is closed with
    its ruin. The drawdown that is seen begins anew after ``account_span`` bars.

    Its state holds, for each symbol: the account and position as `regimen.execution` keeps them, the target in force,
    targets that are not due yet, the context of features, and the agent's memory.

    Args:
        agent: trained in lanes of this config.
        config: of those lanes; the market of its accounts has the costs of the bars (`MarketConfig.at`).
        draws: actions are drawn, as in learning, instead of the agent's mode. A policy that draws is the one that
            changes when it acts: the agent's stream of random numbers goes on.
        watching: called at each bar with what the agent saw.

    Attributes:
        seats: the accounts' rules; theirs are the first columns of the state.
        memory: columns of the state behind them, the agent's own.

    Raises:
        RunError: an agent of other columns or actions than those of the lanes.
    """

    def __init__(
        self,
        agent: Actor,
        config: VectorMarketConfig,
        *,
        draws: bool = False,
        watching: Callable[[Sight], None] | None = None,
    ) -> None:
        self.agent, self.config, self.draws, self.watching = agent, config, draws, watching
        bare = config.observation(())
        inputs = (agent.spec.width - bare.width) // config.context
        names = agent.spec.columns[(config.context - 1) * inputs : config.context * inputs] if inputs > 0 else ()
        self._schema = config.observation(names)
        agent.spec.require(_spec(self._schema, config), "agent")
        self.seats = Seats(config, self._schema)
        _, memory = agent.predict(np.zeros((1, agent.spec.width), np.float32), None, True)
        self.memory = 0 if memory is None else int(memory.shape[1])

    @property
    def schema(self) -> ObservationSchema:
        """The columns of the lanes."""
        return self._schema

    def __repr__(self) -> str:
        return short(self, f"{type(self.agent).__name__}, {'drawn' if self.draws else 'most likely'} actions")

    def drawing(self, watching: Callable[[Sight], None] | None = None) -> AgentPolicy:
        """Returns the policy that draws its actions."""
        return AgentPolicy(self.agent, self.config, draws=True, watching=watching)

    def initial_state(self, symbols: int) -> Floats:
        """Returns rows of zeros: no account is open, and the agent remembers nothing."""
        return np.zeros((symbols, self.seats.width + self.memory))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the state after a bar before trading begins: its features join the context, no account opens."""
        if self.config.context == 1:
            return state
        following = state.copy()
        self.seats.look(moment, following[:, : self.seats.width])
        return following

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns exposures (symbol,) and the next state; see `Policy.act`.

        The agent is asked for the symbols that have an account, the longest open first, whether they have a bar or not.

        Raises:
            ConfigError: a market with other costs than the policy's own.
            DataError: a feature that is infinite.
            RunError: an action outside the agent's space.
        """
        return self._act(moment, state, self.seats.room(moment.tape))

    def _act(self, moment: Moment, state: Floats, room: Room) -> tuple[Floats, Floats]:
        following = state.copy()
        own = following[:, : self.seats.width]
        seen = self.seats.advance(moment, own, room)
        if not len(seen.acting):
            return np.zeros(len(state)), following
        rows = seen.rows[seen.acting].astype(np.float32, copy=False)
        before = following[seen.acting, self.seats.width :].astype(np.float32) if self.memory else None
        if self.watching is not None:
            self.watching((rows, before))
        actions, after = self.agent.predict(rows, before, not self.draws)
        if self.memory:
            following[seen.acting, self.seats.width :] = after
        return self.seats.decide(actions, seen, own), following

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop), from accounts that open in that span.

        At the last bar of the series, after which nothing fills, they are NaN (keep).

        Raises:
            RunError: features of other names than those that the agent was trained on.
        """
        if history.names:
            self.agent.spec.require(_spec(self.config.observation(history.names), self.config), "agent")
        symbols, last = len(history.bars.symbols), len(history.bars) - 1
        state = self.initial_state(symbols)
        for t in range(max(0, start - self.config.context + 1), start):
            state = self.watch(history.at(t), state)
        alone, room = np.zeros((stop - start, symbols)), self.seats.room(history.tape)
        for t in range(start, min(stop, last)):
            alone[t - start], state = self._act(history.at(t), state, room)
        alone[max(last - start, 0) :] = np.nan
        return alone


def _spec(schema: ObservationSchema, config: VectorMarketConfig) -> EnvSpec:
    actions = config.actions
    if isinstance(actions, LevelsConfig | VerbsConfig):
        return EnvSpec(columns=schema.columns, choices=int(actions.high) + 1)
    return EnvSpec(columns=schema.columns, low=actions.low, high=actions.high)
