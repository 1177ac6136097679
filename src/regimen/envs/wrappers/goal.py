"""Lanes with a goal: where a column of the observation is to be brought, another place in every episode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.envs.goal_space import GoalSpace
from regimen.envs.spec import EnvSpec, Step, VectorEnv, require_shown
from regimen.errors import ConfigError
from regimen.seeding import generator, generator_state, restore_generator
from regimen.stateful import below, under


class GoalConfig(BaseModel):
    """Every episode has a goal for some columns, which it shows, and a step that misses it costs something.

    The goal of ``position`` is an exposure. What the market pays is paid as before, so that of two ways to the goal the
    cheaper one is better. The agent sees ``position_goal`` beside its position; where it trades, that column is a
    constant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["goal"] = Field(default="goal", description="the wrapper")
    ranges: dict[str, tuple[float, float]] = Field(
        min_length=1, description="columns that have a goal, and between which numbers it is drawn for each episode"
    )
    tolerance: float = Field(default=0.05, ge=0.0, description="largest distance of each column from its goal")
    pay: float = Field(default=1.0, gt=0.0, description="what a step that misses its goal costs, in the rewards' unit")
    trading: dict[str, float] = Field(
        default_factory=dict, description="goals where the policy trades; of a column without one the middle"
    )

    @model_validator(mode="after")
    def _goals_lie_in_their_ranges(self) -> Self:
        for name, (low, high) in self.ranges.items():
            if high < low:
                raise ValueError(f"ranges.{name} must rise; got {low:g} and {high:g}")
        for name, value in self.trading.items():
            if name not in self.ranges:
                raise ValueError(f"trading must be of columns in ranges; got {name!r}")
            low, high = self.ranges[name]
            if not low <= value <= high:
                raise ValueError(f"trading.{name} must lie between {low:g} and {high:g}; got {value:g}")
        return self

    @property
    def space(self) -> GoalSpace:
        """Which columns are the goal, and what it pays."""
        names = tuple(self.ranges)
        goals = tuple(f"{name}_goal" for name in names)
        return GoalSpace(goal=goals, achieved=names, tolerance=self.tolerance, missed=-self.pay)

    @property
    def shows(self) -> Mapping[str, float]:
        """What its columns hold where the policy trades, by name."""
        goals = {name: self.trading.get(name, 0.5 * (low + high)) for name, (low, high) in self.ranges.items()}
        return {f"{name}_goal": value for name, value in goals.items()}

    def wrap(self, env: VectorEnv) -> Goals:
        """Returns the lanes with a goal in each episode.

        Raises:
            ConfigError: a column that the lanes do not show; lanes that have a goal already.
        """
        return Goals(env, self)


@final
class Goals:
    """Lanes that show a goal, which is drawn anew with every episode, and pay for it.

    A step is paid what the lanes below pay, less ``pay`` where what it leads to misses the goal of its episode. At the
    end of an episode that is its own last observation, which still shows the old goal; the observation after it shows
    the next one.

    Args:
        env: the lanes.
        config: which columns, and how near.

    Attributes:
        below: the lanes as they are.
        spec: theirs, with the goal's columns behind them.

    Raises:
        ConfigError: a column that the lanes do not show; lanes that have a goal already.
    """

    def __init__(self, env: VectorEnv, config: GoalConfig) -> None:
        self.below, self.config = env, config
        require_shown("environment.wrappers.ranges", config.ranges, env.spec.columns)
        if env.spec.goal is not None:
            raise ConfigError("environment.wrappers", "must have one goal, with all of its columns in ranges", "goal")
        self._space = config.space
        values = env.spec.model_dump() | {"columns": (*env.spec.columns, *self._space.goal), "goal": self._space}
        self.spec = EnvSpec(**values)
        self._places = np.array([env.spec.columns.index(name) for name in config.ranges])
        self._low, self._high = (np.array(ends) for ends in zip(*config.ranges.values(), strict=True))
        self._seen, self._final = (np.zeros((env.n_envs, self.spec.width), np.float32) for _ in range(2))
        self._goals = np.zeros((env.n_envs, len(self._places)), np.float32)
        self._random = generator(0, "goals")

    @property
    def n_envs(self) -> int:
        """Number of lanes."""
        return self.below.n_envs

    def reset(self, seed: int | None = None, starts: ArrayLike | None = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins new episodes with new goals; see the lanes below."""
        if seed is not None:
            self._random = generator(seed, "goals")
        seen, info = self.below.reset(seed) if starts is None else self.below.reset(seed, starts)
        self._goals[:] = self._drawn(self.n_envs)
        return self._beside(self._seen, seen), info

    def step(self, actions: NDArray[Any]) -> Step:
        """Steps every lane; rewards are new arrays, observations are written over by the next call."""
        seen, reward, terminated, truncated, info = self.below.step(actions)
        ended = terminated | truncated
        reached = self._beside(self._final, seen)
        if ended.any():
            last = info["final_observation"].reshape(self.n_envs, -1)
            reached[ended, : last.shape[1]] = last[ended]
        paid = reward + self._space.pay(self._space.met(reached[:, self._places], self._goals))
        if ended.any():
            self._goals[ended] = self._drawn(int(ended.sum()))
        return self._beside(self._seen, seen), paid, terminated, truncated, {**info, "final_observation": reached}

    def _beside(self, rows: NDArray[np.float32], seen: NDArray[Any]) -> NDArray[np.float32]:
        """Writes what the lanes below show, and the goals, into rows (lane, width)."""
        width = self.below.spec.width
        rows[:, :width], rows[:, width:] = seen.reshape(self.n_envs, -1), self._goals
        return rows

    def _drawn(self, lanes: int) -> NDArray[np.float64]:
        return self._random.uniform(self._low, self._high, (lanes, len(self._low)))

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes."""
        return under("below/", self.below.state()) | {
            "goals": self._goals.copy(),
            "random": generator_state(self._random),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit."""
        self.below.restore(below(state, "below/"))
        self._goals[:] = state["goals"]
        self._random = restore_generator(state["random"])
