"""`MarketEnv`: one lane as a `gymnasium.Env`, registered as ``regimen/Market-v0``."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.bars import Bars
from regimen.envs.adapters.spaces import action_space, observation_space, one_option
from regimen.envs.vector_market import VectorMarket
from regimen.errors import ConfigError, RunError

NUMBERS = ("equity", "profit", "turnover", "cost", "drawdown", "episode_reward", "episode_steps")
"""What `VectorMarket` tells about a step; ``info`` has them as floats, and the bar as an int."""


class MarketEnv(gymnasium.Env[NDArray[Any], Any]):
    """One account: ``gymnasium.make("regimen/Market-v0", bars=bars, features=frame, reward="log_wealth")``.

    It is lane 0 of a `VectorMarket` without autoreset: the same bits, arrays of its own in every call.

    Args:
        bars, features: see `VectorMarket`.
        render_mode: None; there is nothing to render.
        fields: fields of `VectorMarketConfig`, except ``n_envs``, ``autoreset`` and ``threads``.

    Raises:
        ConfigError: see `VectorMarketConfig`; a render mode.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  (Gymnasium declares it so)

    def __init__(self, bars: Bars, features: object = None, render_mode: str | None = None, **fields: Any) -> None:
        if render_mode is not None:
            raise ConfigError("render_mode", "must be None", render_mode)
        for name in ("n_envs", "autoreset", "threads"):
            if name in fields:
                raise ConfigError(f"envs.{name}", "is not for a single environment", fields[name])
        self.market = VectorMarket(bars, features, n_envs=1, autoreset=False, threads=1, **fields)
        self.render_mode = None
        self.observation_space = observation_space(self.market)
        self.action_space = action_space(self.market)
        self._discrete = isinstance(self.action_space, gymnasium.spaces.Discrete)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins an episode; ``options={"start": bar}`` begins it at that bar.

        Raises:
            ConfigError: another option.
            RunError: a bar at which no episode can start.
        """
        super().reset(seed=seed)
        if seed is None and self._np_random is None:  # Gymnasium's way: unseeded is random
            seed = int(self.np_random.integers(2**31))
        start = one_option(options, "start")
        observation, _ = self.market.reset(seed, None if start is None else np.array([start]))
        return observation[0].copy(), self._facts()

    def step(self, action: ArrayLike) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Steps one bar; see `VectorMarket.step`.

        Raises:
            RunError: an action of another shape or type, outside the space or NaN; an episode that is over.
        """
        given = np.asarray(action)
        if given.shape != (() if self._discrete else self.market.action_shape):
            raise RunError("action", f"must have the shape {self.action_space.shape}", given.shape)
        observation, reward, terminated, truncated, _ = self.market.step(given.reshape(1, -1))
        return (
            observation[0].copy(),
            reward.item(),
            terminated.item(),
            truncated.item(),
            self._facts(),
        )

    def _facts(self) -> dict[str, Any]:
        numbers = self.market.step_numbers(0)
        facts: dict[str, Any] = dict(zip(NUMBERS, numbers, strict=True))
        facts["bar"] = self.market.bar(0)
        return facts
