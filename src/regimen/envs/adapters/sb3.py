"""Lanes as a `VecEnv` of Stable-Baselines3, which must be installed: any (`LanesVecEnv`), or those of a market."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from regimen.envs.adapters.spaces import action_space, observation_space
from regimen.envs.spec import VectorEnv
from regimen.envs.vector_market import VectorMarket
from regimen.errors import ConfigError, RunError

_INFO = ("equity", "profit", "turnover", "cost", "drawdown")


class LanesVecEnv(VecEnv):  # type: ignore[misc, unused-ignore]
    """All lanes behind Stable-Baselines3's interface.

    The dicts of ``infos`` are filled in the step in which a lane's episode ends: ``terminal_observation``,
    ``TimeLimit.truncated``, and what the lanes tell of ``episode`` (r, l: reward and steps, as SB3's Monitor has them)
    and of the account. In other steps they are empty, because a thousand dicts a step would cost more than the step.

    Args:
        lanes: with autoreset in the same step.
        observation_space, action_space: of one lane.
        observe: from an observation of the lanes to an array of its own of the space's shape; None copies.
    """

    def __init__(
        self,
        lanes: VectorEnv,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        observe: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    ) -> None:
        self.lanes = lanes
        self.render_mode = None
        self._observe = observe or np.copy
        self._given: NDArray[Any] | None = None
        super().__init__(lanes.n_envs, observation_space, action_space)

    def reset(self) -> NDArray[Any]:
        """Begins an episode in every lane; with the seed that `seed` was last given, once.

        ``set_options([{"start": bar}, ...])`` before it begins them at these bars, one for each lane.
        """
        given = self._seeds[0]
        starts = [options["start"] for options in self._options if "start" in options]
        observation, _ = self.lanes.reset(given, np.array(starts)) if starts else self.lanes.reset(given)
        self._reset_seeds()
        self._reset_options()
        return self._observe(observation)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the actions; `step_wait` steps."""
        self._given = actions

    def step_wait(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], list[dict[str, Any]]]:
        """Steps every lane by one bar.

        Raises:
            RunError: a reward that is not finite.
        """
        if self._given is None:
            raise ConfigError("step_wait", "must come after step_async")
        observation, reward, terminated, truncated, info = self.lanes.step(self._given)
        self._given = None
        if not np.isfinite(reward).all():
            lane = int((~np.isfinite(reward)).argmax())
            raise RunError("env: reward", f"must be finite; lane {lane}", float(reward[lane]))
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        done = terminated | truncated
        ended = np.flatnonzero(done)
        if len(ended):
            finals = info["final_observation"]  # means something in the lanes that ended only
            mask = done.reshape(-1, *[1] * (finals.ndim - 1))
            final = self._observe(np.where(mask, finals, observation))
            names = [name for name in _INFO if name in info]
            for n in ended:
                infos[n] = {name: float(info[name][n]) for name in names}
                infos[n]["terminal_observation"] = final[n]
                infos[n]["TimeLimit.truncated"] = bool(truncated[n] and not terminated[n])
                if "episode_reward" in info:
                    infos[n]["episode"] = {"r": float(info["episode_reward"][n]), "l": int(info["episode_steps"][n])}
        return self._observe(observation), reward.astype(np.float32), done, infos

    def close(self) -> None:
        """There is nothing to close."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Returns an attribute of the lanes, once per lane."""
        value = None if attr_name == "render_mode" else getattr(self.lanes, attr_name)
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


class MarketVecEnv(LanesVecEnv):
    """The lanes of a market behind Stable-Baselines3's interface, with Gymnasium's spaces of a lane.

    Args:
        market: the lanes; autoreset is on.

    Raises:
        ConfigError: the lanes do not reset themselves.
    """

    def __init__(self, market: VectorMarket) -> None:
        if not market.config.autoreset:
            raise ConfigError("envs.autoreset", "must be true for a vector environment", False)
        self.market = market
        super().__init__(market, observation_space(market), action_space(market))
