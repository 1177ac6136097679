"""A curriculum of markets: from easy ones to the market as it is, stage by stage, as episodes allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.envs.spec import VectorEnv
from regimen.envs.wrappers.staged import Staged
from regimen.envs.wrappers.stages import OWN, SIMULATED, OwnStage, SimulatedStage, Stage


class MarketCurriculumConfig(BaseModel):
    """An agent learns in easier markets first, and last in the one that it will be judged in.

    A stage is over once the share of its episodes that succeeded is above ``success`` with the lower end of its 95 %
    interval (Wilson), over at least so many episodes; the next look takes new ones. By ``steps`` the last stage is
    reached at the latest, each one before it having an equal part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["curriculum"] = Field(description="the wrapper")
    stages: Literal["simulated", "own"] | tuple[Stage, ...] = Field(
        default="simulated",
        description="five stages of simulated bars, or of the user's own; or a list, that ends at the market as it is",
    )
    success: float = Field(default=0.6, gt=0.0, lt=1.0, description="share of episodes that a stage asks for")
    episodes: int = Field(default=200, ge=20, description="that are looked at together, at least")
    least: float = Field(default=0.0, gt=-1.0, description="return of an episode, after costs, from which it succeeds")
    steps: int = Field(
        default=500_000, ge=1, description="environment steps over all lanes, by which the last stage is reached"
    )

    @model_validator(mode="after")
    def _ends_at_the_truth(self) -> Self:
        stages = self.listed
        if len(stages) < 2:
            raise ValueError(f"stages must be at least two; got {len(stages)}")
        if not stages[-1].is_true:
            last = stages[-1].name or f"number {len(stages)}"
            raise ValueError(f"stages must end at the market as it is, own bars with all shares 1; got {last!r}")
        return self

    @property
    def listed(self) -> tuple[OwnStage | SimulatedStage, ...]:
        """The stages, in order."""
        if isinstance(self.stages, str):
            return SIMULATED if self.stages == "simulated" else OWN
        return self.stages

    def wrap(self, env: VectorEnv) -> Staged:
        """Returns the lanes in the market of a stage.

        Raises:
            ConfigError: lanes that are no bare markets; features that cannot be computed for other bars; a stage in
                which no episode can start.
        """
        return Staged(env, self.listed, Gate(self), "environment.wrappers.curriculum")


@final
class Gate:
    """Whether a stage is over; see `MarketCurriculumConfig`.

    Attributes:
        stage: number of the stage now.
        episodes, least: see `Pace`.
    """

    def __init__(self, config: MarketCurriculumConfig) -> None:
        self.config, self.stage, self._done, self._last = config, 0, 0, len(config.listed) - 1
        self.episodes, self.least = config.episodes, config.least

    @property
    def numbers(self) -> Mapping[str, float]:
        """The stage, from 1."""
        return {"stage": float(self.stage + 1)}

    def record(self, successes: int, episodes: int) -> None:
        """Goes on to the next stage where the episodes of a look show that this one is mastered."""
        from regimen.metrics import wilson

        low, _ = wilson(np.array([successes / episodes]), np.array([episodes]))
        if low[0] > self.config.success:
            self.stage = min(self.stage + 1, self._last)

    def pass_time(self, steps: int) -> None:
        """Goes on to the next stage where the time of this one is up."""
        self._done += steps
        if self.stage < self._last and self._done * self._last >= self.config.steps * (self.stage + 1):
            self.stage += 1

    def state(self) -> NDArray[np.float64]:
        """Returns all that changes."""
        return np.array([self.stage, self._done], np.float64)

    def restore(self, state: NDArray[np.float64]) -> None:
        """Goes on from a `state`."""
        self.stage, self._done = int(state[0]), int(state[1])
