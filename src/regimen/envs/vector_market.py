"""`VectorMarket`: thousands of accounts that trade the same bars from different starts, stepped in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.bars import Bars
from regimen.envs.blocks import blocks, over
from regimen.envs.compiled import begin_block, first_outside, step_block
from regimen.envs.config import VectorMarketConfig
from regimen.envs.inputs import READY, Inputs
from regimen.envs.kinds import ContinuousConfig, LevelsConfig, RollingSharpeConfig
from regimen.envs.layout import (
    BAR,
    BEGIN,
    BOOK_ROWS,
    CLOCK_COLUMNS,
    DECIDED,
    DRAWDOWN,
    EPISODE_REWARD,
    EPISODE_STEPS,
    EQUITY_AFTER,
    MEMORY_COLUMNS,
    PAID,
    PROFIT,
    REWARD,
    TALLY_COLUMNS,
    TERMINATED,
    TRUNCATED,
    TURNED,
    Lanes,
    Scene,
)
from regimen.envs.spec import PossibleStarts, Step, market_spec
from regimen.envs.streams import lane_keys
from regimen.errors import ConfigError, DataError, RunError
from regimen.execution import Tape
from regimen.execution.account import relaid
from regimen.execution.columns import ACCOUNT_COLUMNS, POSITION_COLUMNS
from regimen.processors import processors

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@final
class VectorMarket:
    """N accounts on one feature matrix: ``VectorMarket(bars, features, n_envs=4096, reward="log_wealth")``.

    *Timing:* an observation is known at the close of bar t; the action decided then fills at the open of t + 1
    (``market.latency_bars``); the reward of the step covers the equity from the close of t to the close of t + 1,
    after all costs. An episode is, bit for bit, ``market.backtest(bars, targets, start, stop)`` of its targets.

    *Autoreset* is Gymnasium's same-step mode: where ``terminated`` (ruin) or ``truncated`` (end of the episode)
    is set, the observation is already the first of the lane's next episode, and ``info["final_observation"]`` has
    the last of the one that ended, to bootstrap a truncated value from.

    The arrays that `reset` and `step` return are the environment's own and are written over by the next call;
    copy what is to be kept.

    Args:
        bars: (time, symbol) market data.
        features: a `FeatureFrame` of these bars, a `FeatureSet`, an array (time, symbol, feature), or None for
            the standard set; row t known at the close of bar t, NaN where it is not known.
        config: or the fields of `VectorMarketConfig` by name, which go before it.
        tape: ``market.tape(bars)``, for whoever makes several environments of the same bars.

    Attributes:
        bars, features: as given.
        schema: what the observation of each symbol holds.
        columns: names of its columns.
        symbols: names.
        spec: columns and actions, as an agent knows them.
        observation_shape: of one lane: (width,), or (symbol, width) for a panel.
        action_shape: of one lane: (symbol,).
        targets: (lane, symbol) target exposures that the last step decided, shared among symbols; NaN keeps.

    Raises:
        ConfigError: a field out of its range; an episode longer than the bars; no bar with an observation.
        DataError: features that do not fit the bars, or bars that cannot be traded.
    """

    def __init__(
        self,
        bars: Bars,
        features: object = None,
        config: VectorMarketConfig | None = None,
        *,
        tape: Tape | None = None,
        **fields: Any,
    ) -> None:
        if config is not None and fields:
            config = VectorMarketConfig(**{**dict(config), **fields})
        config = config or VectorMarketConfig(**fields)
        if not isinstance(bars, Bars):
            raise DataError("bars", "must be Bars (see Bars.read and Bars.from_arrays)", type(bars).__name__)
        self.config = config = config.model_copy(update={"market": config.market.at(bars)})
        stop = len(bars) if config.stop is None else config.stop
        for name, value in (("stop", stop), ("context", config.context)):
            if value > len(bars):
                raise ConfigError(f"envs.{name}", f"must be at most the number of bars, {len(bars)}", value)
        self.bars, self.features = bars, features
        self.symbols = bars.symbols
        self.inputs = Inputs.of(bars, features, config.context, config.precision)
        self._possible = self.inputs.starts(config.start, stop, config.episode_length)
        self._starts = self._possible if config.random_start else self._possible[:1].copy()
        market = config.market.build()
        self._scene = self._set(market.tape(bars) if tape is None else tape)
        self._rules = market.rules()
        self._plan = config.plan(stop - 1)
        self.schema = config.observation(self.inputs.names)
        self.columns = self.schema.columns
        self.spec = market_spec(self.columns, self.symbols, config.actions)
        self._allocate()
        threads = processors() if config.threads is None else config.threads
        self._blocks = blocks(config.n_envs, len(self.symbols), threads)
        self._kinds = "iuf" if isinstance(config.actions, ContinuousConfig) else "iu"
        self._running = False

    def _set(self, tape: Tape) -> Scene:
        levels = self.config.actions.levels if isinstance(self.config.actions, LevelsConfig) else ()
        return Scene(
            tape=tape,
            features=self.inputs.values,
            status=self.inputs.status,
            counts=self.inputs.counts,
            levels=np.array(levels, dtype=np.float64),
            starts=self._starts,
        )

    def _allocate(self) -> None:
        config, n, s = self.config, self.config.n_envs, len(self.symbols)
        reward = config.reward
        self.action_shape = (s,)
        self.observation_shape = (len(self.columns),) if s == 1 else (s, len(self.columns))
        self._lanes = Lanes(
            keys=lane_keys(config.seed, n),
            actions=np.zeros((n, s)),
            targets=np.full((n * self._plan.latency, s), np.nan),
            account=np.zeros((n, ACCOUNT_COLUMNS)),
            positions=np.zeros((n, s, POSITION_COLUMNS)),
            clock=np.zeros((n, CLOCK_COLUMNS), np.int64),
            memory=np.zeros((n, s, MEMORY_COLUMNS)),
            tally=np.zeros((n, TALLY_COLUMNS)),
            ring=np.zeros((n, reward.bars if isinstance(reward, RollingSharpeConfig) else 0)),
            book=np.zeros((BOOK_ROWS, n)),
            flags=np.zeros((2, n), np.bool_),
            observation=np.zeros((n, s, len(self.columns)), config.precision),
            final=np.zeros((n, s, len(self.columns)), config.precision),
        )
        shape = (n, *self.observation_shape)
        self._seen = self._lanes.observation.reshape(shape)
        book, clock = self._lanes.book, self._lanes.clock
        self._info: dict[str, NDArray[Any]] = {
            "equity": book[EQUITY_AFTER],
            "profit": book[PROFIT],
            "turnover": book[TURNED],
            "cost": book[PAID],
            "drawdown": book[DRAWDOWN],
            "episode_reward": book[EPISODE_REWARD],
            "episode_steps": book[EPISODE_STEPS],
            "bar": clock[:, BAR],
            "start": clock[:, BEGIN],
            "final_observation": self._lanes.final.reshape(shape),
        }

    @property
    def n_envs(self) -> int:
        """Number of lanes."""
        return self.config.n_envs

    @property
    def possible_starts(self) -> tuple[PossibleStarts, ...]:
        """The bars at which an episode of any lane can start."""
        return (PossibleStarts(self.n_envs, self._starts),)

    @property
    def ready(self) -> Flags:
        """(lane, symbol) whether the current observation of a symbol is whole; where it is not, actions are void.

        A new array. The features of such a symbol are 0 and it is flat, or keeps what it holds without a bar.
        """
        return np.asarray(self.inputs.status[self._lanes.clock[:, BAR]] == READY)

    @property
    def targets(self) -> Floats:
        """(lane, symbol) target exposures that the last step decided, as `Market.backtest` takes them; a copy.

        Each is divided by the number of symbols listed unless ``sizing`` is weight; NaN keeps a target.
        """
        self._need_reset()
        latency = self._plan.latency
        rows = np.arange(self.n_envs) * latency + self._lanes.clock[:, DECIDED] % latency
        decided: Floats = self._lanes.targets[rows]
        return decided

    def reset(self, seed: int | None = None, starts: ArrayLike | None = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins a new episode in every lane.

        Args:
            seed: begins the lanes' random streams anew; None: they go on.
            starts: (lane,) bars to start at, instead of random ones; such that an episode fits.

        Returns:
            (lane, \\*observation_shape) observations, and the info, whose numbers are those of a fresh account.

        Raises:
            ConfigError: a negative seed.
            RunError: starts of another shape, or one at which no episode can start.
        """
        if seed is not None:
            if seed < 0:
                raise ConfigError("seed", "must not be negative", seed)
            self._lanes.keys[:] = lane_keys(seed, self.n_envs)
            self._lanes.clock[:] = 0
        bars = np.full(self.n_envs, -1, np.int64) if starts is None else self._checked_starts(starts)
        scene, plan, lanes = self._scene, self._plan, self._lanes
        over(self._blocks, lambda first, stop: begin_block(first, stop, bars, scene, plan, lanes))
        lanes.book[:] = 0.0
        lanes.book[EQUITY_AFTER] = plan.cash
        lanes.flags[:] = False
        lanes.final[:] = 0.0
        lanes.targets[:] = np.nan
        self._running = True
        return self._seen, self._info

    def step(self, actions: ArrayLike) -> Step:
        """Steps every lane by one bar.

        Args:
            actions: (lane, symbol), or (lane,) for one symbol: numbers of the space for continuous actions,
                integers for levels and verbs.

        Returns:
            (observation, reward, terminated, truncated, info): (lane, \\*observation_shape); (lane,) float64;
            (lane,) bool, ruin; (lane,) bool, end of the episode; and arrays (lane,) of the step just made:
            ``equity`` after it, ``profit`` (its change), ``turnover`` (share of the equity at the open), ``cost``
            (quote currency, all kinds), ``drawdown``, ``episode_reward`` and ``episode_steps`` so far; of the
            observation returned: ``bar`` and ``start`` of its episode; and ``final_observation``.

        Raises:
            RunError: actions of another shape or type, outside the space or NaN; no `reset` before; an episode
                that is over, without autoreset. Nothing is stepped then.
        """
        self._need_reset()
        self._take(actions)
        # A reduction of the two flags of one lane would take a tenth of its step.
        if not self.config.autoreset and b"\x01" in self._lanes.flags.tobytes():
            raise RunError("step", "must not follow the end of an episode: call reset first")
        if len(self._blocks) == 1:
            self._step(0, self.n_envs)
        else:
            over(self._blocks, self._step)
        book, flags = self._lanes.book, self._lanes.flags
        return self._seen, book[REWARD], flags[TERMINATED], flags[TRUNCATED], self._info

    def _step(self, first: int, stop: int) -> None:
        step_block(first, stop, self._scene, self._rules, self._plan, self._lanes)

    def step_numbers(self, lane: int) -> list[float]:
        """Returns one lane's numbers of the last step, from ``equity`` to ``episode_steps`` in the info's order."""
        numbers: list[float] = self._lanes.book[EQUITY_AFTER:, lane].tolist()
        return numbers

    def bar(self, lane: int) -> int:
        """Returns the bar of one lane's current observation."""
        return int(self._lanes.clock[lane, BAR])

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes: accounts, cursors, random streams, memories of actions and rewards."""
        return {name: array.copy() for name, array in self._changing().items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state` of an environment of the same config, bars and features, bit for bit.

        Raises:
            RunError: the state is of an environment of another shape.
        """
        mine = self._changing()
        if "account" in state:
            state = {**state, "account": relaid(state["account"])}
        for name, array in mine.items():
            given = state.get(name)
            if given is None or given.shape != array.shape or given.dtype != array.dtype:
                raise RunError(
                    f"state.{name}",
                    f"must be {array.dtype} of shape {array.shape}",
                    None if given is None else given.shape,
                )
        for name, array in mine.items():
            array[...] = state[name]
        self._running = True

    def __reduce__(self) -> tuple[Callable[..., VectorMarket], tuple[object, ...]]:
        """Lets another process have it, or a copy: built anew where it stands, since its arrays are views."""
        return _rebuilt, (self.bars, self.features, self.config, self.state() if self._running else None)

    def _changing(self) -> dict[str, NDArray[Any]]:
        names = ("keys", "targets", "account", "positions", "clock", "memory", "tally", "ring", "book", "flags")
        return {name: getattr(self._lanes, name) for name in (*names, "observation", "final")}

    def _need_reset(self) -> None:
        if not self._running:
            raise RunError("step", "must come after reset")

    def _take(self, actions: ArrayLike) -> None:
        try:
            given = np.asarray(actions)
        except ValueError:  # rows of several lengths
            rule = f"must have the shape (lane, symbol) = {self._lanes.actions.shape}"
            raise RunError("actions", rule, actions) from None
        if given.shape != self._lanes.actions.shape:
            if given.shape != (self.n_envs,) or len(self.symbols) > 1:
                raise RunError(
                    "actions", f"must have the shape (lane, symbol) = {self._lanes.actions.shape}", given.shape
                )
            given = given[:, None]
        if given.dtype.kind not in self._kinds:
            rule = "must be integers" if self._kinds == "iu" else "must be numbers"
            raise RunError("actions", rule, str(given.dtype))
        np.copyto(self._lanes.actions, given)
        space = self.config.actions
        outside = first_outside(self._lanes.actions, space.low, space.high)
        if outside >= 0:
            lane, symbol = divmod(outside, len(self.symbols))
            rule = f"must lie in [{space.low:g}, {space.high:g}]; lane {lane}, symbol {self.symbols[symbol]}"
            raise RunError("actions", rule, float(self._lanes.actions[lane, symbol]))

    def _checked_starts(self, starts: ArrayLike) -> NDArray[np.int64]:
        bars = np.asarray(starts)
        if bars.shape != (self.n_envs,) or bars.dtype.kind not in "iu":
            raise RunError("starts", f"must be bars of shape ({self.n_envs},)", bars.shape)
        fits = np.isin(bars, self._possible)
        if not fits.all():
            bad = int(bars[(~fits).argmax()])
            raise RunError("starts", "must be bars with an observation and room for an episode", bad)
        return bars.astype(np.int64)


def _rebuilt(
    bars: Bars, features: object, config: VectorMarketConfig, state: Mapping[str, NDArray[Any]] | None
) -> VectorMarket:
    env = VectorMarket(bars, features, config)
    if state is not None:
        env.restore(state)
    return env
