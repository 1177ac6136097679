"""A known market behind Gymnasium's two interfaces: one environment, and lanes side by side."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from regimen.envs import LARGEST, EnvSpec
from regimen.errors import ConfigError, RunError
from regimen.proving.known_market import KnownMarketEnv
from regimen.proving.optimum import Answers, BestPolicy, Optimum

Numbers = NDArray[np.float32]


def _observations(spec: EnvSpec) -> gymnasium.Space[Any]:
    return spaces.Box(-LARGEST, LARGEST, (spec.width,), dtype=np.float32)


def _actions(spec: EnvSpec) -> gymnasium.Space[Any]:
    # continuous ones are shares of the reach: learners expect numbers in [-1, 1]
    return spaces.Box(-1.0, 1.0, (1,), dtype=np.float32) if spec.choices is None else spaces.Discrete(spec.choices)


def _refuse(options: dict[str, Any] | None) -> None:
    if options:
        raise ConfigError("options", "must be empty: a known market has none", options)


class _Yardstick:
    """What both interfaces offer besides: the optimum of their market."""

    optimum: Optimum

    @property
    def optimal_value(self) -> float:
        """J*: the mean reward per step of the best policy, by formula."""
        return self.optimum.value

    @property
    def optimal_policy(self) -> BestPolicy:
        """Answers an observation (column,), or those of all lanes (lane, column), with the best action of each."""
        return self.optimum.policy

    def score(self, policy: Answers | float, paths: int = 256, bars: int = 2000, seed: int = 0) -> float:
        """Returns the share of what could be earned that a policy, or a mean reward, earned; see `Optimum.score`."""
        return self.optimum.score(policy, paths, bars, seed)


class KnownOptimumEnv(_Yardstick, gymnasium.Env[Numbers, Any]):
    """``gymnasium.make("regimen/Hysteresis-v0", cost=0.5)``: a market whose best policy is known.

    The observation has what the market shows at the close of a bar (``spec.columns`` of `KnownMarketEnv`), and the
    position held, where the best policy needs it. An action is a position: 0, 1, 2 for −1, 0, 1, or
    a number in [−1, 1] times the reach of the market. It earns the next bar's reward, in the market's own units and
    after its costs. Episodes are stretches of one long simulated
    path, from flat, and are truncated after ``episode_length`` steps; nothing terminates. ``reset(seed=...)`` simulates
    a path of its own; without a seed the next stretch is drawn.

    Args:
        market: its name, as on ``regimen prove --market``.
        render_mode: does nothing, since nothing is rendered; Stable-Baselines3 always asks for one.
        fields: of `EpisodeConfig`, and of the market's config.

    Raises:
        ConfigError: see `Optimum.of`.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  (Gymnasium declares it so)

    def __init__(self, market: str, render_mode: str | None = None, **fields: Any) -> None:
        del render_mode
        self.render_mode = None
        self.optimum = Optimum.of(market, fields)
        self.observation_space = _observations(self.optimum.spec)
        self.action_space = _actions(self.optimum.spec)
        self._lanes: KnownMarketEnv | None = None
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Numbers, dict[str, Any]]:
        """Begins an episode somewhere on the path.

        Raises:
            ConfigError: options; a path on which the reach could be ruin.
        """
        super().reset(seed=seed)
        _refuse(options)
        if seed is not None or self._lanes is None:
            self._lanes = self.optimum.lanes(int(self.np_random.integers(2**62)), 1)
        lanes = self._lanes
        starts = len(lanes.path[1]) - lanes.episode_length
        seen, _ = lanes.reset(starts=self.np_random.integers(starts, size=1))
        self._over = False
        self.optimum.policy.follow(seen, np.array([True]))
        return seen[0].copy(), {}

    def step(self, action: ArrayLike) -> tuple[Numbers, float, bool, bool, dict[str, Any]]:
        """Holds a position for a bar.

        Raises:
            RunError: an action that is not of the space; an episode that is over.
        """
        if self._lanes is None or self._over:
            raise RunError("step", "must come after reset: there is no episode, or it is over")
        taken = np.asarray(action, dtype=getattr(self.action_space, "dtype", None))
        if not self.action_space.contains(taken):
            raise RunError("action", f"must be of {self.action_space}", action)
        seen, rewards, _, truncated, info = self._lanes.step(self.optimum.positions(taken[None]))
        self._over = bool(truncated[0])
        row = (info["final_observation"] if self._over else seen)[:1].copy()
        self.optimum.policy.follow(row, np.array([False]))
        return row[0], float(rewards[0]), False, self._over, {}


class KnownOptimumVectorEnv(_Yardstick, VectorEnv[Numbers, NDArray[Any], NDArray[Any]]):
    """``gymnasium.make_vec("regimen/Hysteresis-v0", num_envs=64)``: lanes side by side on one path, in compiled code.

    As `KnownOptimumEnv`, with same-step autoreset; the first episode of each lane is shorter by a random number of
    steps, so that the lanes do not end together. In a step in which an episode ends, ``info["final_obs"]`` (lane,) has
    its last observation, None where the episode goes on, with the mask ``_final_obs``.

    Args:
        market: its name, as on ``regimen prove --market``.
        num_envs: lanes.
        render_mode: does nothing, since nothing is rendered; Stable-Baselines3 always asks for one.
        fields: of `EpisodeConfig`, and of the market's config.

    Raises:
        ConfigError: see `Optimum.of`; no lanes.
    """

    metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}  # type: ignore[misc]

    def __init__(self, market: str, num_envs: int = 1, render_mode: str | None = None, **fields: Any) -> None:
        del render_mode
        if num_envs < 1:
            raise ConfigError("num_envs", "must be at least 1", num_envs)
        self.optimum = Optimum.of(market, fields)
        self.num_envs = num_envs
        self.single_observation_space = _observations(self.optimum.spec)
        self.single_action_space = _actions(self.optimum.spec)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._lanes: KnownMarketEnv | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Numbers, dict[str, Any]]:
        """Begins an episode in every lane; a seed simulates a path of its own.

        Raises:
            ConfigError: options; a path on which the reach could be ruin.
        """
        super().reset(seed=seed)
        _refuse(options)
        place = None
        if seed is not None or self._lanes is None:
            self._lanes = self.optimum.lanes(int(self.np_random.integers(2**62)), self.num_envs)
            place = int(self.np_random.integers(2**62))
        seen, _ = self._lanes.reset(place)
        self.optimum.policy.follow(seen, np.ones(self.num_envs, np.bool_))
        return seen.copy(), {}

    def step(self, actions: ArrayLike) -> tuple[Numbers, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Holds a position in every lane for a bar.

        Raises:
            RunError: actions that are not of the space; no `reset` before.
        """
        if self._lanes is None:
            raise RunError("step", "must come after reset")
        taken = np.asarray(actions, dtype=self.action_space.dtype)
        if not self.action_space.contains(taken):
            raise RunError("actions", f"must be of {self.action_space}", actions)
        seen, rewards, terminated, truncated, info = self._lanes.step(self.optimum.positions(taken))
        copies: dict[str, Any] = {}
        if truncated.any():
            final = np.full(self.num_envs, None, dtype=object)
            for lane in np.flatnonzero(truncated):
                final[lane] = info["final_observation"][lane].copy()
            copies = {"final_obs": final, "_final_obs": truncated.copy()}
        self.optimum.policy.follow(seen, truncated)
        return seen.copy(), rewards.copy(), terminated.copy(), truncated.copy(), copies
