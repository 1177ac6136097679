"""Gymnasium's spaces of an environment's lanes, and the option of its resets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from regimen.envs.kinds import ContinuousConfig
from regimen.envs.vector_market import VectorMarket
from regimen.errors import ConfigError

LARGEST = float(np.finfo(np.float32).max)
"""Bound of observations: they are finite, and no narrower bound holds for all bars and accounts."""


def observation_space(env: VectorMarket) -> spaces.Box:
    """Returns the space of one lane's observation."""
    return spaces.Box(-LARGEST, LARGEST, env.observation_shape, dtype=np.dtype(env.config.precision).type)


def action_space(env: VectorMarket) -> gymnasium.Space[Any]:
    """Returns the space of one lane's action: a Box (symbol,); or Discrete, MultiDiscrete for a panel."""
    actions, symbols = env.config.actions, len(env.symbols)
    if isinstance(actions, ContinuousConfig):
        return spaces.Box(actions.low, actions.high, (symbols,), dtype=np.float32)
    choices = int(actions.high) + 1
    return spaces.Discrete(choices) if symbols == 1 else spaces.MultiDiscrete([choices] * symbols)


def one_option(options: Mapping[str, Any] | None, name: str) -> Any:
    """Returns the only option that `reset` takes, None where it is not given.

    Raises:
        ConfigError: another option, which would otherwise do nothing without a word.
    """
    for other, value in (options or {}).items():
        if other != name:
            raise ConfigError(f"options.{other}", f"is not a known option (there is {name!r})", value)
    return (options or {}).get(name)
