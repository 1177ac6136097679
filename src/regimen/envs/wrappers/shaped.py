"""Potential-based shaping: rewards that show the way early and leave every optimal policy optimal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.envs.spec import Step, VectorEnv
from regimen.envs.wrappers.potentials import (
    AdaptiveWeight,
    AdaptiveWeightConfig,
    LearnedPotentialConfig,
    LinearPotential,
    Potential,
)
from regimen.stateful import Stateful, below

Floats = NDArray[np.float64]


class ShapedConfig(BaseModel):
    """A step is paid r + γΦ(s') − Φ(s) more evenly in time, Φ a weighted sum of columns of the observation, or learned.

    With the learner's own discount γ, what a policy is worth changes by −Φ(s) in every state, whatever the policy: the
    best one stays the best.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["shaped"] = Field(default="shaped", description="the wrapper")
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount of a step; must be the agent's own")
    weights: dict[str, float] = Field(default={}, description="weights of columns in the potential, by name")
    learned: LearnedPotentialConfig | None = Field(
        default=None,
        description="a potential that is learned from the lanes, instead of weights",
        exclude_if=lambda learned: learned is None,  # a config without one is written as before there were any
    )
    adaptive: AdaptiveWeightConfig | None = Field(
        default=None,
        description="a weight on the potential that follows how episodes end; null: 1",
        exclude_if=lambda adaptive: adaptive is None,
    )

    @model_validator(mode="after")
    def _has_one_potential(self) -> Self:
        if bool(self.weights) == (self.learned is not None):
            raise ValueError("weights or learned must be given, and not both: they are the potential")
        return self

    def wrap(self, env: VectorEnv) -> Shaped:
        """Returns the lanes with shaped rewards.

        Raises:
            ConfigError: a column that the lanes do not show.
        """
        return Shaped(env, self)


@final
class Shaped:
    """Lanes whose rewards are r + γ·w'·Φ'(s') − w·Φ(s).

    What is taken off is what the potential of s was when the lane came to s, with the weight of then; so weight and
    potential may change at any time, and the best policy stays the best. (To weigh γΦ(s') − Φ(s) anew in each step
    would change it.)

    After *ruin* (``terminated``) nothing follows and Φ(s') is 0; where an episode is *cut* (``truncated``) the world
    goes on, and s' is ``info["final_observation"]``. Observations, flags and info are those of the lanes below, and so
    is ``info["episode_reward"]``: what was truly paid.

    Args:
        env: the lanes.
        config: discount and potential.

    Attributes:
        below: the lanes as they are.
        spec: theirs.
        learning: whether potential and weight follow the lanes; False while a policy is evaluated in them.

    Raises:
        ConfigError: a column that the lanes do not show.

    Source: Ng, Harada and Russell 1999, theorem 1; Grześ 2017, for ends of episodes; Devlin and Kudenko 2012, equation
    2, for potentials that change.
    """

    def __init__(self, env: VectorEnv, config: ShapedConfig) -> None:
        self.below, self.config, self.spec, self.learning = env, config, env.spec, True
        self._function: Potential = (
            LinearPotential(config.weights, self.spec.columns)
            if config.learned is None
            else config.learned.build(self.spec, env.n_envs, config.gamma)
        )
        self._weight = AdaptiveWeight(config.adaptive, env.n_envs)
        self._potential = np.zeros(env.n_envs)
        self._rows: NDArray[Any] = np.zeros((env.n_envs, self.spec.width), np.float32)

    @property
    def n_envs(self) -> int:
        """Number of lanes."""
        return self.below.n_envs

    @property
    def weight(self) -> float:
        """What the potential is multiplied by."""
        return self._weight.weight

    @property
    def numbers(self) -> Mapping[str, float]:
        """The weight of the potential, where it changes."""
        return {} if self.config.adaptive is None else {"shaping_weight": self.weight}

    def reset(self, seed: int | None = None, starts: ArrayLike | None = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins new episodes; see the lanes below."""
        seen, info = self.below.reset(seed) if starts is None else self.below.reset(seed, starts)
        self._function.begin()
        self._weight.begin()
        self._potential = self.potential(seen)
        self._keep(seen)
        return seen, info

    def step(self, actions: NDArray[Any]) -> Step:
        """Steps every lane; rewards are new float64 arrays. Weight and potential change before the step, if they do."""
        if self.learning:
            self._weight.improve()
            self._function.improve(self._rows)
        seen, reward, terminated, truncated, info = self.below.step(actions)
        after = self._function(_rows(seen))
        reached = after.copy()
        if truncated.any():
            reached[truncated] = self._function(_rows(info["final_observation"])[truncated])
        if self.learning:
            self._function.watch(self._rows, reward, terminated, truncated & ~terminated, reached)
            self._weight.watch(reward, terminated | truncated)
        self._keep(seen)
        reached[terminated] = 0.0
        shaped = reward + self.config.gamma * self.weight * reached - self._potential
        self._potential = self.weight * after
        return seen, shaped, terminated, truncated, info

    def potential(self, observations: NDArray[Any]) -> Floats:
        """Returns w·Φ (lane,) of observations (lane, ...)."""
        return self.weight * self._function(_rows(observations))

    def _keep(self, seen: NDArray[Any]) -> None:
        if self.config.learned is not None:
            self._rows = _rows(seen).copy()

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes."""
        parts: dict[str, Stateful] = {"below": self.below, "function": self._function, "weight": self._weight}
        within = {f"{part}/{name}": array for part, each in parts.items() for name, array in each.state().items()}
        rows = {} if self.config.learned is None else {"rows": self._rows.copy()}
        return within | rows | {"potential": self._potential.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit."""
        for part, each in (("below", self.below), ("function", self._function), ("weight", self._weight)):
            each.restore(below(state, f"{part}/"))
        if self.config.learned is not None:
            self._rows = state["rows"].copy()
        self._potential = state["potential"].copy()


def _rows(observations: NDArray[Any]) -> NDArray[Any]:
    return observations.reshape(len(observations), -1)
