"""Adaptive difficulty: the market is made as hard as leaves a wanted share of episodes successful."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.envs.spec import VectorEnv
from regimen.envs.wrappers.staged import Staged
from regimen.envs.wrappers.stages import OWN, OwnStage

_SHARES = ("commission", "slippage", "volatility", "noise")


class AdaptiveDifficultyConfig(BaseModel):
    """The difficulty d, from 0 (the easiest stage) to 1 (the market as it is), follows how episodes end.

    After each look d rises by the gain times what the share of successes is above the target, or falls by what it is
    below. Added up over looks of n episodes in which d meets no bound, the share differs from the target by no more
    than 1/(gain·n), whatever the learner does: what d has moved is what the share was off.

    Source: OpenAI 2019, arXiv 1910.07113 (automatic domain randomisation widens by performance at a threshold); the
    step is that of stochastic approximation, Robbins and Monro 1951, with a constant gain for a learner that changes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["difficulty"] = Field(description="the wrapper")
    easiest: OwnStage = Field(default=OWN[0], description="own bars and costs at difficulty 0")
    target: float = Field(default=0.6, gt=0.0, lt=1.0, description="share of episodes that should succeed")
    gain: float = Field(default=0.1, gt=0.0, le=1.0, description="of an episode; of a look at most 1")
    episodes: int = Field(default=20, ge=1, description="that are looked at together, at least")
    least: float = Field(default=0.0, gt=-1.0, description="return of an episode, after costs, from which it succeeds")
    levels: int = Field(default=10, ge=1, le=100, description="steps from the easiest stage to the market as it is")

    @model_validator(mode="after")
    def _is_easier(self) -> Self:
        if self.easiest.is_true:
            raise ValueError("easiest must be easier than the market as it is: a share below 1")
        return self

    @property
    def listed(self) -> tuple[OwnStage, ...]:
        """The stages, from the easiest to the market as it is."""
        easiest = self.easiest
        between = [
            easiest.model_copy(
                update={
                    "name": f"difficulty {k / self.levels:g}",
                    **{name: (1 - k / self.levels) * getattr(easiest, name) + k / self.levels for name in _SHARES},
                }
            )
            for k in range(self.levels)
        ]
        return (*between, OwnStage(name="difficulty 1"))

    def wrap(self, env: VectorEnv) -> Staged:
        """Returns the lanes at a difficulty.

        Raises:
            ConfigError: lanes that are no bare markets; features that cannot be computed for other bars; a stage in
                which no episode can start.
        """
        return Staged(env, self.listed, AdaptiveDifficulty(self), "environment.wrappers.difficulty")


@final
class AdaptiveDifficulty:
    """Which difficulty it is; see `AdaptiveDifficultyConfig`.

    Attributes:
        level: d, from 0 to 1.
        episodes, least: see `Pace`.
    """

    def __init__(self, config: AdaptiveDifficultyConfig) -> None:
        self.config, self.level = config, 0.0
        self.episodes, self.least = config.episodes, config.least

    @property
    def stage(self) -> int:
        """Number of the stage that is nearest to the difficulty."""
        return round(self.level * self.config.levels)

    @property
    def numbers(self) -> Mapping[str, float]:
        """The difficulty."""
        return {"difficulty": self.level}

    def record(self, successes: int, episodes: int) -> None:
        """Moves the difficulty by what the share of successes is off the target."""
        gain = min(1.0, self.config.gain * episodes)
        self.level = min(max(self.level + gain * (successes / episodes - self.config.target), 0.0), 1.0)

    def pass_time(self, steps: int) -> None:
        """Does nothing: difficulty follows episodes alone."""

    def state(self) -> NDArray[np.float64]:
        """Returns all that changes."""
        return np.array([self.level])

    def restore(self, state: NDArray[np.float64]) -> None:
        """Goes on from a `state`."""
        self.level = float(state[0])
