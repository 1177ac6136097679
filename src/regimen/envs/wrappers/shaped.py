"""Potential-based shaping: rewards that show the way early and leave every optimal policy optimal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.envs.spec import Step, VectorEnv
from regimen.errors import ConfigError

Floats = NDArray[np.float64]


class ShapedConfig(BaseModel):
    """A step is paid r + γΦ(s') − Φ(s) more evenly in time, Φ a weighted sum of columns of the observation.

    With the learner's own discount γ, what a policy is worth changes by −Φ(s) in every state, whatever the policy: the
    best one stays the best.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["shaped"] = Field(default="shaped", description="the wrapper")
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount of a step; must be the agent's own")
    weights: dict[str, float] = Field(min_length=1, description="weights of columns in the potential, by name")

    def wrap(self, env: VectorEnv) -> Shaped:
        """Returns the lanes with shaped rewards.

        Raises:
            ConfigError: a column that the lanes do not show.
        """
        return Shaped(env, self)


@final
class Shaped:
    """Lanes whose rewards are r + γΦ(s') − Φ(s).

    After *ruin* (``terminated``) nothing follows and Φ(s') is 0; where an episode is *cut* (``truncated``) the world
    goes on, and s' is ``info["final_observation"]``. Observations, flags and info are those of the lanes below, and so
    is ``info["episode_reward"]``: what was truly paid.

    Args:
        env: the lanes.
        config: discount and potential.

    Attributes:
        below: the lanes as they are.
        spec: theirs.

    Raises:
        ConfigError: a column that the lanes do not show.

    Source: Ng, Harada and Russell 1999, theorem 1; Grześ 2017, for ends of episodes.
    """

    def __init__(self, env: VectorEnv, config: ShapedConfig) -> None:
        self.below, self.config, self.spec = env, config, env.spec
        for name in config.weights:
            if name not in self.spec.columns:
                raise ConfigError("environment.wrappers.weights", f"must be columns that lanes show, not {name!r}")
        self._weights = np.array([config.weights.get(name, 0.0) for name in self.spec.columns])
        self._potential = np.zeros(env.n_envs)

    @property
    def n_envs(self) -> int:
        """Number of lanes."""
        return self.below.n_envs

    def reset(self, seed: int | None = None, starts: ArrayLike | None = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins new episodes; see the lanes below."""
        seen, info = self.below.reset(seed) if starts is None else self.below.reset(seed, starts)
        self._potential = self.potential(seen)
        return seen, info

    def step(self, actions: NDArray[Any]) -> Step:
        """Steps every lane; rewards are new float64 arrays."""
        seen, reward, terminated, truncated, info = self.below.step(actions)
        after = self.potential(seen)
        reached = after
        if (terminated | truncated).any():
            reached = np.where(truncated, self.potential(info["final_observation"]), after)
            reached[terminated] = 0.0
        shaped = reward + self.config.gamma * reached - self._potential
        self._potential = after
        return seen, shaped, terminated, truncated, info

    def potential(self, observations: NDArray[Any]) -> Floats:
        """Returns Φ (lane,) of observations (lane, ...)."""
        rows = observations.reshape(len(observations), -1)
        return np.asarray(rows.astype(np.float64) @ self._weights)

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes."""
        below = {f"below/{name}": array for name, array in self.below.state().items()}
        return below | {"potential": self._potential.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit."""
        own = {name.removeprefix("below/"): array for name, array in state.items() if name.startswith("below/")}
        self.below.restore(own)
        self._potential = state["potential"].copy()
