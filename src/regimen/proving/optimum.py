"""What is known of a market's optimum, in the observations and actions of its environment: policy, value, score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import ConfigError, RunError
from regimen.proving.arenas import KNOWN
from regimen.proving.evaluation import Predicts, evaluate
from regimen.proving.experiment import Arena
from regimen.proving.known_market import KnownMarketEnv
from regimen.settings import validated
from regimen.simulators import HiddenRegimeConfig, KellyConfig, MartingaleConfig, MertonConfig

Floats = NDArray[np.float64]


Answers = Callable[[NDArray[Any]], Any] | Predicts
"""A function of observations (path, column), or something with `predict`, which may have a memory."""


class EpisodeConfig(BaseModel):
    """How a known market is walked as a Gymnasium environment; none of it changes what the best policy is."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    bars: int = Field(default=100_000, ge=2, le=10_000_000, description="length of the path that a seed simulates")
    episode_length: int = Field(default=256, ge=1, description="steps of an episode")
    continuous: bool | None = Field(
        default=None, description="positions are any number in [−reach, reach], not one of −1, 0, 1; null: as in prove"
    )
    reach: float | None = Field(default=None, gt=0.0, description="largest continuous position; null: as in prove")


@final
class BestPolicy:
    """The best policy of a known market: observations in, actions out.

    It needs nothing but the observation, apart from a market whose state is hidden, where it remembers its belief:
    a call answers what the environment has shown last, and `predict` is given its memory, as of a recurrent agent.

    Args:
        arena: the market and its positions.
        columns: of an observation.
    """

    def __init__(self, arena: Arena, columns: tuple[str, ...]) -> None:
        self._market, self._columns, self._reach = arena.market, columns, arena.reach
        self._levels = None if arena.levels is None else np.array(arena.levels)
        self._before, self._after = np.empty(0), np.full(1, 0.5)

    def __call__(self, observation: NDArray[Any]) -> NDArray[Any]:
        """Returns the best action for an observation (column,), or the actions for several (lane, column).

        Raises:
            RunError: another number of columns; on a market whose state is hidden, of lanes.
        """
        lanes = np.atleast_2d(observation).shape[0]
        if isinstance(self._market, HiddenRegimeConfig) and lanes != len(self._before):
            rule = f"must be what the environment showed last, {len(self._before)} lanes: the best policy has a memory"
            raise RunError("observation", rule, np.shape(observation))
        return self.predict(observation, self._before)[0]

    def predict(
        self, observation: NDArray[Any], state: Floats | None = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Floats | None]:
        """Returns actions as a call does, and the memory (lane,) for the next observation; None begins one."""
        del deterministic
        rows = np.atleast_2d(np.asarray(observation, dtype=np.float64))
        if rows.shape[1] != len(self._columns):
            raise RunError("observation", f"must have {len(self._columns)} columns", np.shape(observation))
        positions, memory = self._positions(rows, state)
        if self._levels is None:
            actions = np.clip(positions / self._reach, -1.0, 1.0).astype(np.float32)[:, None]
        else:
            actions = np.abs(positions[:, None] - self._levels).argmin(axis=1)
        return (actions[0] if np.ndim(observation) == 1 else actions), memory

    def follow(self, observation: NDArray[Any], begun: NDArray[np.bool_]) -> None:
        """Is told what every lane shows (lane, column), and in which lanes an episode has begun with it."""
        if isinstance(self._market, HiddenRegimeConfig):
            self._before = np.where(begun, 0.5, self._after)
            self._after = self._market.next_beliefs(self._before, observation[:, self._at("return")])

    def _at(self, column: str) -> int:
        return self._columns.index(column)

    def _positions(self, rows: Floats, state: Floats | None) -> tuple[Floats, Floats | None]:
        market = self._market
        if isinstance(market, MartingaleConfig):
            return np.zeros(len(rows)), None
        if isinstance(market, KellyConfig | MertonConfig):
            return np.full(len(rows), market.fraction), None
        if isinstance(market, HiddenRegimeConfig):
            known = np.full(len(rows), 0.5) if state is None else state
            beliefs = market.next_beliefs(known, rows[:, self._at("return")])
            return np.sign(2.0 * beliefs - 1.0), beliefs
        several = [number for number, name in enumerate(self._columns) if name.startswith("signal_")]
        signal = rows[:, several] if several else rows[:, self._at("signal")]
        return market.respond(signal, rows[:, self._at("position")]), None


@final
class Optimum:
    """A known market as an environment's settings name it, and what is known of it.

    Attributes:
        arena: the market and its positions.
        value: J*, the best policy's mean reward per step, by formula.
        policy: the best policy.
    """

    def __init__(self, arena: Arena, config: EpisodeConfig) -> None:
        self.arena, self._config = arena, config
        self.spec = self.lanes(0, 1).spec
        self.value = arena.market.optimum
        self.policy = BestPolicy(arena, self.spec.columns)

    @classmethod
    def of(cls, market: str, fields: dict[str, Any]) -> Self:
        """Reads the settings of an environment.

        Args:
            market: one of those in `KNOWN`, by name.
            fields: of `EpisodeConfig`, and of the market's config.

        Raises:
            ConfigError: an unknown market or field, a value out of range; positions among which the best is not.
        """
        known = {arena.name: arena for arena in KNOWN}
        if market not in known:
            raise ConfigError("market", f"must be one of {', '.join(known)}", market)
        own = {name: fields[name] for name in fields if name in EpisodeConfig.model_fields}
        config = validated(EpisodeConfig, own)
        return cls(_arena(known[market], config, {name: fields[name] for name in fields if name not in own}), config)

    def lanes(self, seed: int, n_envs: int) -> KnownMarketEnv:
        """Returns lanes on the path of a seed.

        Raises:
            ConfigError: an episode that is longer than the path; a reach that could be ruin.
        """
        arena, config = self.arena, self._config
        return KnownMarketEnv(
            arena.market,
            arena.market.simulate(config.bars, seed),
            n_envs,
            levels=arena.levels,
            reach=arena.reach,
            episode_length=config.episode_length,
            show_position=arena.show_position,
        )

    def positions(self, actions: NDArray[Any]) -> NDArray[Any]:
        """Returns what lanes take for actions of the environment: continuous ones are shares of the reach."""
        return actions if self.arena.levels is not None else self.arena.reach * actions

    def score(self, policy: Answers | float, paths: int = 256, bars: int = 2000, seed: int = 0) -> float:
        """Returns (J − J_base)/(J* − J_base): 1 is the optimum, 0 staying out (on the martingale: random sides).

        A policy walks fresh paths side by side, without an end in between, and is measured as `regimen prove` does:
        with the numbers here, which are those of the proof, it is that number. A mean reward is compared with what
        the formulas say, and has the noise of the steps that it was measured on.

        Args:
            policy: a function of observations (path, column) to actions (path,), or (path, 1) where they are
                continuous, in [−1, 1]; something with ``predict(observation, state, deterministic)``; or a mean
                reward per step.
            paths, bars, seed: of the walk.

        Raises:
            RunError: actions of another number, not finite, or that the environment has not.
            ConfigError: fewer than two paths.
        """
        arena = self.arena
        if isinstance(policy, int | float | np.number):
            base = arena.market.baseline_values[arena.market.reference]
            return float((policy - base) / (self.value - base))
        walker = _Checked(policy, self)
        return evaluate(
            walker,
            arena.market,
            seed,
            levels=arena.levels,
            paths=paths,
            bars=bars,
            show_position=arena.show_position,
        ).score


def _arena(arena: Arena, config: EpisodeConfig, fields: dict[str, Any]) -> Arena:
    kind = type(arena.market)
    market = validated(kind, {**arena.market.model_dump(), **fields}, "market.")
    continuous = arena.levels is None if config.continuous is None else config.continuous
    if arena.levels is None and not continuous:
        raise ConfigError("continuous", f"must be true on {arena.name}, where the best position is any number", False)
    if config.reach is not None and not continuous:
        raise ConfigError("reach", "is read with continuous=True only", config.reach)
    reach = arena.reach if config.reach is None else config.reach
    best = abs(market.fraction) if isinstance(market, KellyConfig | MertonConfig) else 0.0
    if best > reach:
        raise ConfigError("reach", f"must be at least {best:.4g}, the best position of this market", reach)
    return replace(arena, market=market, levels=None if continuous else arena.levels, reach=reach)


class _Checked:
    """A policy of somebody's own, whose answers are looked at before they are used."""

    def __init__(self, policy: Answers, optimum: Optimum) -> None:
        self._policy, self._optimum = policy, optimum

    def predict(self, observation: NDArray[Any], state: Any = None, deterministic: bool = True) -> tuple[Any, Any]:
        if hasattr(self._policy, "predict"):
            answer, state = self._policy.predict(observation, state=state, deterministic=deterministic)
        else:
            answer = self._policy(observation)
        return self._actions(answer, len(observation)), state

    def _actions(self, answer: object, paths: int) -> NDArray[Any]:
        levels = self._optimum.arena.levels
        actions = np.asarray(answer)
        if actions.shape not in ((paths,), (paths, 1)) or actions.dtype.kind not in "iuf":
            raise RunError("policy", f"must return {paths} actions, one for each row that it is given", actions.shape)
        flat = actions.reshape(paths)
        allowed = (
            np.abs(flat) <= 1.0 if levels is None else (flat == np.round(flat)) & (flat >= 0) & (flat < len(levels))
        )
        if not allowed.all():  # NaN is not allowed either
            rule = "numbers in [−1, 1]" if levels is None else f"whole numbers in [0, {len(levels) - 1}]"
            raise RunError("policy", f"must return {rule}", flat[allowed.argmin()].item())
        return self._optimum.positions(flat[:, None] if levels is None else flat.astype(np.int64))
