"""What shaping pays by: a potential of the observation, and a weight on it that follows how episodes end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from regimen.envs.spec import EnvSpec, require_shown

if TYPE_CHECKING:
    from regimen.envs.wrappers.learned_potential import LearnedPotential

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Potential(Protocol):
    """Φ, a number for each observation. It changes in `improve` only."""

    def __call__(self, rows: NDArray[Any]) -> Floats:
        """Returns Φ (row,) of observations (row, width)."""

    def watch(self, rows: NDArray[Any], rewards: Floats, terminated: Flags, truncated: Flags, finals: Floats) -> None:
        """Takes note of a step.

        Args:
            rows: (lane, width) what was acted on.
            rewards: (lane,) what the lanes below paid.
            terminated, truncated: (lane,) which episodes ended there.
            finals: (lane,) Φ of the last observation where an episode was cut; elsewhere not read.
        """

    def improve(self, rows: NDArray[Any]) -> None:
        """Learns where it is due; rows (lane, width) are what the lanes show now."""

    def begin(self) -> None:
        """Forgets the steps since it last learned: the lanes have been reset."""

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Returns copies of all that changes."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit."""


@final
class LinearPotential:
    """A weighted sum of columns, which never changes.

    Args:
        weights: by column.
        columns: of the lanes.

    Raises:
        ConfigError: a column that the lanes do not show.
    """

    def __init__(self, weights: Mapping[str, float], columns: Sequence[str]) -> None:
        require_shown("environment.wrappers.weights", weights, columns)
        self._weights = np.array([weights.get(name, 0.0) for name in columns])

    def __call__(self, rows: NDArray[Any]) -> Floats:
        """Returns Φ (row,) of observations (row, width)."""
        return np.asarray(rows.astype(np.float64) @ self._weights)

    def watch(self, rows: NDArray[Any], rewards: Floats, terminated: Flags, truncated: Flags, finals: Floats) -> None:
        """Does nothing."""

    def improve(self, rows: NDArray[Any]) -> None:
        """Does nothing."""

    def begin(self) -> None:
        """Does nothing."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns nothing."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Does nothing."""


class LearnedPotentialConfig(BaseModel):
    """Φ is a network that is fitted on the returns of the lanes' own rewards: an estimate of what a state is worth.

    It is 0 until it has been fitted once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    columns: tuple[str, ...] = Field(default=(), description="of the observation, which it reads; none: all")
    hidden: tuple[PositiveInt, ...] = Field(default=(32,), min_length=1, description="widths of the hidden layers")
    every: int = Field(default=128, ge=2, description="steps of a lane between two fits, which learn from those steps")
    updates: int = Field(default=100, ge=1, description="steps of Adam in a fit")
    learning_rate: float = Field(default=1e-3, gt=0.0, description="of Adam")
    minibatch_size: int = Field(default=512, ge=1, description="observations in a step of Adam")
    seed: int = Field(default=0, ge=0, description="of first weights and minibatches")

    def build(self, spec: EnvSpec, lanes: int, gamma: float) -> LearnedPotential:
        """Returns the potential of lanes.

        Raises:
            ConfigError: a column that they do not show.
        """
        require_shown("environment.wrappers.learned.columns", self.columns, spec.columns)
        from regimen.envs.wrappers.learned_potential import LearnedPotential

        return LearnedPotential(self, spec, lanes, gamma)


class AdaptiveWeightConfig(BaseModel):
    """The weight of a potential: it falls while most episodes earn, since then no one needs to be shown the way."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    good: float = Field(default=0.6, gt=0.0, lt=1.0, description="share of episodes that earn, from which it falls")
    rate: float = Field(default=0.1, gt=0.0, le=1.0, description="by which it falls, or rises below that share")
    episodes: int = Field(default=200, ge=1, description="that end between two changes, at least")
    least: float = Field(default=0.0, ge=0.0, description="lowest weight")
    most: float = Field(default=1.0, gt=0.0, description="highest weight, at which it begins")

    @model_validator(mode="after")
    def _bounds_are_apart(self) -> Self:
        if self.most <= self.least:
            raise ValueError(f"most must be above least; got {self.most:g} and {self.least:g}")
        return self


@final
class AdaptiveWeight:
    """See `AdaptiveWeightConfig`; None is a weight of 1.

    Attributes:
        weight: w, which changes in `improve` only.
    """

    def __init__(self, config: AdaptiveWeightConfig | None, lanes: int) -> None:
        self.config, self.weight = config, 1.0 if config is None else config.most
        self._paid, self._ended, self._earned = np.zeros(lanes), 0, 0

    def watch(self, rewards: Floats, ended: Flags) -> None:
        """Takes note of a step: (lane,) what the lanes below paid, and which episodes ended there."""
        self._paid += rewards
        if ended.any():
            self._ended += int(ended.sum())
            self._earned += int((self._paid[ended] > 0.0).sum())
            self._paid[ended] = 0.0

    def improve(self) -> None:
        """Moves the weight where enough episodes have ended."""
        config = self.config
        if config is None or self._ended < config.episodes:
            return
        up = self._earned < config.good * self._ended
        self.weight = float(np.clip(self.weight + (config.rate if up else -config.rate), config.least, config.most))
        self._ended = self._earned = 0

    def begin(self) -> None:
        """Forgets the episodes that are under way: the lanes have been reset."""
        self._paid[:] = 0.0

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes; nothing where the weight never does."""
        if self.config is None:
            return {}
        counts = np.array([self.weight, self._ended, self._earned], np.float64)
        return {"paid": self._paid.copy(), "counts": counts}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit."""
        if self.config is not None:
            self._paid = state["paid"].copy()
            weight, ended, earned = state["counts"].tolist()
            self.weight, self._ended, self._earned = weight, int(ended), int(earned)
