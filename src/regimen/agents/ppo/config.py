"""`PPOConfig`: every number that decides how proximal policy optimisation learns, once."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from regimen.learning import AgentSettings, BonusConfig


class PPOConfig(AgentSettings):
    """Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347) on a vector environment.

    The number of lanes is the environment's. A rollout is ``rollout_steps`` × lanes transitions.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    implementation: ClassVar[str] = "regimen.agents.ppo.ppo:PPO"
    kind: Literal["ppo"] = Field(default="ppo", description="the algorithm")
    rollout_steps: int = Field(default=32, ge=1, description="steps of every lane between two updates")
    epochs: int = Field(default=4, ge=1, description="passes over a rollout")
    minibatch_size: int = Field(default=2048, ge=2, description="transitions in one gradient step, at most")
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount of a step")
    gae_lambda: float = Field(default=0.95, ge=0.0, le=1.0, description="λ of the advantages; 0: one step, 1: all")
    clip: float = Field(default=0.2, gt=0.0, description="half-width of the band of probability ratios")
    entropy_coefficient: float = Field(default=0.0, ge=0.0, description="weight of the entropy, per nat")
    value_coefficient: float = Field(default=0.5, ge=0.0, description="weight of the critic's loss")
    gradient_clip: float = Field(default=0.5, gt=0.0, description="largest norm of a gradient")
    learning_rate: float = Field(default=3e-3, gt=0.0, description="learning rate of Adam at the first update")
    anneal: bool = Field(default=True, description="the learning rate falls linearly to 0 over a call of learn")
    hidden: tuple[PositiveInt, ...] = Field(default=(64, 64), description="widths of the hidden layers of each network")
    activation: Literal["tanh", "relu"] = Field(default="tanh", description="activation between the layers")
    log_std: float = Field(default=-0.5, ge=-5.0, le=2.0, description="first log σ of continuous actions, half-ranges")
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by what was seen")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    value_share: float = Field(
        default=0.25, gt=0.0, le=1.0, description="how far the critic's unit follows the targets of each rollout"
    )
    bonus: BonusConfig | None = Field(
        default=None,
        description="what is paid for seeing something new; null: nothing",
        exclude_if=lambda bonus: bonus is None,  # a config without one is written, and known, as before
    )
    threads: int = Field(
        default=1, ge=1, description="processors to learn on; with two, actor and critic are trained side by side"
    )
