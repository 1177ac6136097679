"""`SoftSettings`: the numbers that agents have in common which learn as soft actor-critic does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

from pydantic import Field, PositiveInt, model_validator

from regimen.errors import ConfigError
from regimen.learning import AgentSettings

if TYPE_CHECKING:
    from regimen.envs import EnvSpec


class SoftSettings(AgentSettings):
    """What decides how a soft actor-critic learns from its replay.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    kind: str = Field(description="the algorithm")
    rollout_steps: int = Field(default=32, ge=1, description="steps of every lane in one iteration")
    warmup_steps: int = Field(default=1000, ge=1, description="steps over all lanes before the first update, at random")
    update_ratio: float = Field(default=0.125, gt=0.0, description="updates for one environment step")
    batch_size: int = Field(default=256, ge=1, description="transitions in one update")
    capacity: int = Field(default=1_000_000, ge=1, description="transitions that are remembered")
    gamma: float = Field(default=0.998, ge=0.0, le=1.0, description="discount of a step")
    tau: float = Field(default=0.02, gt=0.0, le=1.0, description="share of the critics that their targets take over")
    learning_rate: float = Field(default=4e-3, gt=0.0, description="learning rate of Adam at the first update")
    anneal: bool = Field(default=True, description="the learning rate falls linearly to 0 over a call of learn")
    temperature_rate: float = Field(
        default=1e-2, gt=0.0, description="learning rate of Adam for the logarithm of the temperature"
    )
    temperature: float | None = Field(
        default=None, gt=0.0, description="reward per nat of entropy; null: learned from target_entropy"
    )
    target_entropy: float | None = Field(
        default=None, description="at the beginning of a call of learn; null: -1, or half of log(choices)"
    )
    last_target_entropy: float | None = Field(
        default=None, description="at its end, linear between; null: -4, or a two-hundredth of log(choices)"
    )
    hidden: tuple[PositiveInt, ...] = Field(default=(64, 64), description="widths of the hidden layers of each network")
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by what was seen")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    normalise_rewards: bool = Field(default=True, description="critics work in units of the rewards' deviation so far")
    threads: int = Field(default=1, ge=1, description="CPU threads of torch; several can stall on a busy machine")

    @model_validator(mode="after")
    def _learning_can_begin(self) -> Self:
        if self.warmup_steps > self.capacity:
            raise ValueError(f"warmup_steps must be at most capacity; got {self.warmup_steps} and {self.capacity}")
        return self

    def check_entropy(self, spec: EnvSpec) -> None:
        """Raises a `ConfigError` for a target entropy that no policy of the environment has."""
        most = math.log(spec.choices or 2)
        for name in ("target_entropy", "last_target_entropy"):
            wanted = getattr(self, name)
            if wanted is not None and wanted >= most:
                rule = f"must be below {most:.4g}, the entropy of a uniform action"
                raise ConfigError(f"agents.{name}", rule, wanted)

    def entropy_at(self, left: float, spec: EnvSpec) -> float:
        """Returns the entropy that the temperature is to hold, for the whole action, nats.

        Args:
            left: share of the call of learn that is left, 0 to 1.
            spec: of the environment.
        """
        choices = spec.choices
        first, last = (0.5 * math.log(choices), 0.005 * math.log(choices)) if choices else (-1.0, -4.0)
        first = first if self.target_entropy is None else self.target_entropy
        last = last if self.last_target_entropy is None else self.last_target_entropy
        return (last + (first - last) * left) * (1 if choices else spec.size)
