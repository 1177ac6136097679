"""`PPOConfig`: every number that decides how proximal policy optimisation learns, once."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from regimen.learning import BonusConfig, ClippedSettings


class PPOConfig(ClippedSettings):
    """Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347) on a vector environment.

    The number of lanes is the environment's. A rollout is ``rollout_steps`` × lanes transitions.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    implementation: ClassVar[str] = "regimen.agents.ppo.ppo:PPO"
    kind: Literal["ppo"] = Field(default="ppo", description="the algorithm")
    gae_lambda: float = Field(default=0.95, ge=0.0, le=1.0, description="λ of the advantages; 0: one step, 1: all")
    bonus: BonusConfig | None = Field(
        default=None,
        description="what is paid for seeing something new; null: nothing",
        exclude_if=lambda bonus: bonus is None,  # a config without one is written, and known, as before
    )
