"""A `VectorEnv` as Stable-Baselines3 sees it: spaces, checked observations, and the agent's own normaliser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

from regimen.envs import LARGEST, EnvSpec, LanesVecEnv, Step, VectorEnv
from regimen.learning import RunningMoments, copy_observation


def spaces_of(spec: EnvSpec) -> tuple[spaces.Box, gymnasium.Space[Any]]:
    """Returns Gymnasium's spaces of one lane's observation and action."""
    seen = spaces.Box(-LARGEST, LARGEST, (spec.width,), np.float32)
    if spec.choices is not None:
        return seen, spaces.Discrete(spec.choices)
    return seen, spaces.Box(spec.low, spec.high, (spec.size,), np.float32)


class Statistics(RunningMeanStd):  # type: ignore[misc, unused-ignore]
    """`RunningMoments` under the names that the library's `VecNormalize` reads; they hold all that is known."""

    def __init__(self, moments: RunningMoments) -> None:
        self.moments = moments
        self.follow()

    def follow(self) -> None:
        """Takes over what the moments are now."""
        self.mean, self.var, self.count = self.moments.mean.copy(), self.moments.scale**2, self.moments.count

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Returns the moments' state."""
        return self.moments.state()

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Goes on from a `state`."""
        self.moments.restore(state)
        self.follow()

    def update(self, arr: NDArray[Any]) -> None:
        """Merges the observations of one step."""
        self.moments.merge(arr)
        self.follow()

    def normalised(self, rows: NDArray[np.float32], clip: float) -> NDArray[np.float32]:
        """Returns rows as `VecNormalize` gives them to the networks, number by number."""
        scaled: NDArray[np.float32] = np.clip((rows - self.mean) / np.sqrt(self.var), -clip, clip).astype(np.float32)
        return scaled


def vec_env(spec: EnvSpec, lanes: VectorEnv, statistics: Statistics | None, clip: float) -> LanesVecEnv | VecNormalize:
    """Returns lanes as the library's `VecEnv`, normalised where there are statistics.

    An algorithm with a replay buffer keeps what was observed and normalises when it samples, with the statistics of
    that moment, as the library does for its own `VecNormalize`.

    Raises:
        RunError: while it steps, an observation that is not finite.
    """

    def observe(seen: NDArray[Any]) -> NDArray[np.float32]:
        own = np.empty((lanes.n_envs, spec.width), np.float32)
        copy_observation(spec, seen, own)
        return own

    env = LanesVecEnv(lanes, *spaces_of(spec), observe)
    if statistics is None:
        return env
    normalised: Any = VecNormalize(env, norm_reward=False, clip_obs=clip, epsilon=0.0)
    normalised.obs_rms = statistics
    return cast(VecNormalize, normalised)


class Unseen:
    """Lanes of which only the spec is known: an algorithm is built on them to answer, and never steps them."""

    n_envs = 2  # one would be refused by algorithms that normalise over a rollout of one step

    def __init__(self, spec: EnvSpec) -> None:
        self.spec = spec

    def reset(self, seed: int | None = None, starts: Any = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Never called."""
        raise NotImplementedError

    def step(self, actions: NDArray[Any]) -> Step:
        """Never called."""
        raise NotImplementedError

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing changes."""
        return {}

    def restore(self, state: Any) -> None:
        """Nothing changes."""
