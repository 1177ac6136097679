"""`MarketVecEnv`: a `VectorMarket` as a `VecEnv` of Stable-Baselines3, which must be installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from regimen.envs.spaces import action_space, observation_space
from regimen.envs.vector_market import VectorMarket
from regimen.errors import ConfigError

_TOLD = ("equity", "profit", "turnover", "cost", "drawdown")


class MarketVecEnv(VecEnv):  # type: ignore[misc, unused-ignore]
    """All lanes behind Stable-Baselines3's interface.

    The dicts of ``infos`` are filled in the step in which a lane's episode ends: ``terminal_observation``,
    ``TimeLimit.truncated``, ``episode`` (r, l: reward and steps, as its Monitor has them) and the account's numbers.
    In other steps they are empty, because a thousand dicts a step would cost more than the step.

    Args:
        market: the lanes; autoreset is on.

    Raises:
        ConfigError: the lanes do not reset themselves.
    """

    def __init__(self, market: VectorMarket) -> None:
        if not market.config.autoreset:
            raise ConfigError("envs.autoreset", "must be true for a vector environment", False)
        self.market = market
        self.render_mode = None
        self._given: NDArray[Any] | None = None
        super().__init__(market.n_envs, observation_space(market), action_space(market))

    def reset(self) -> NDArray[Any]:
        """Begins an episode in every lane; with the seed that `seed` was last given, once."""
        given = self._seeds[0]
        observation, _ = self.market.reset(given)
        self._reset_seeds()
        self._reset_options()
        return observation.copy()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the actions; `step_wait` steps."""
        self._given = actions

    def step_wait(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], list[dict[str, Any]]]:
        """Steps every lane by one bar."""
        if self._given is None:
            raise ConfigError("step_wait", "must come after step_async")
        observation, reward, terminated, truncated, info = self.market.step(self._given)
        self._given = None
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        done = terminated | truncated
        for n in np.flatnonzero(done):
            infos[n] = {name: float(info[name][n]) for name in _TOLD}
            infos[n]["terminal_observation"] = info["final_observation"][n].copy()
            infos[n]["TimeLimit.truncated"] = bool(truncated[n])
            infos[n]["episode"] = {"r": float(info["episode_reward"][n]), "l": int(info["episode_steps"][n])}
        return observation.copy(), reward.astype(np.float32), done, infos

    def close(self) -> None:
        """There is nothing to close."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Returns an attribute of the market, once per lane."""
        value = None if attr_name == "render_mode" else getattr(self.market, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:  # noqa: ARG002
        """Refuses: the lanes share one market, whose config is frozen."""
        raise ConfigError(attr_name, "cannot be set on the lanes of a market")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:  # noqa: ARG002
        """Refuses: lanes have no methods of their own."""
        raise ConfigError(method_name, "is not a method of a lane")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:  # noqa: ARG002
        """No lane is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Keeps a seed for the next `reset`; the lanes' streams all come from it."""
        self._seeds = [seed] * self.num_envs
        return self._seeds
