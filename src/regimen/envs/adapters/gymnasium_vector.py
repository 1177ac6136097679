"""`MarketVectorEnv`: a `VectorMarket` as a `gymnasium.vector.VectorEnv`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from regimen.envs.adapters.spaces import action_space, observation_space, one_option
from regimen.envs.vector_market import VectorMarket
from regimen.errors import ConfigError

_INFO = ("equity", "profit", "turnover", "cost", "drawdown", "episode_reward", "episode_steps", "bar")


class MarketVectorEnv(VectorEnv[NDArray[Any], NDArray[Any], NDArray[Any]]):
    """All lanes behind Gymnasium's vector interface, with same-step autoreset.

    ``info`` has an array (lane,) per name, with its mask ``_name`` (always set), and in a step in which an episode
    ends ``final_obs`` (lane,) of arrays, None where the episode goes on, with the mask ``_final_obs``.

    Args:
        market: the lanes; autoreset is on.
        copy: False hands out the environment's own arrays, which the next call writes over.

    Raises:
        ConfigError: the lanes do not reset themselves.
    """

    metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}  # type: ignore[misc]

    def __init__(self, market: VectorMarket, copy: bool = True) -> None:
        if not market.config.autoreset:
            raise ConfigError("envs.autoreset", "must be true for a vector environment", False)
        self.market = market
        self.copy = copy
        self.num_envs = market.n_envs
        self.single_observation_space = observation_space(market)
        self.single_action_space = action_space(market)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins an episode in every lane; ``options={"starts": bars}`` begins them at these bars (lane,).

        Raises:
            ConfigError: another option.
            RunError: starts of another shape, or at which no episode can start.
        """
        super().reset(seed=seed)
        observation, info = self.market.reset(seed, one_option(options, "starts"))
        return self._own(observation), self._copied(info)

    def step(self, actions: ArrayLike) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Steps every lane by one bar; see `VectorMarket.step`."""
        observation, reward, terminated, truncated, info = self.market.step(actions)
        copies = self._copied(info)
        done = terminated | truncated
        if done.any():
            final = np.full(self.num_envs, None, dtype=object)
            for n in np.flatnonzero(done):
                final[n] = info["final_observation"][n].copy()
            copies["final_obs"], copies["_final_obs"] = final, done
        return self._own(observation), self._own(reward), self._own(terminated), self._own(truncated), copies

    def _own(self, array: NDArray[Any]) -> NDArray[Any]:
        return array.copy() if self.copy else array

    def _copied(self, info: dict[str, NDArray[Any]]) -> dict[str, Any]:
        copies: dict[str, Any] = {}
        for name in _INFO:
            copies[name] = self._own(info[name])
            copies[f"_{name}"] = np.ones(self.num_envs, np.bool_)
        return copies
