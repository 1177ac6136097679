"""`RecurrentPPOConfig`: every number that decides how PPO with a memory learns, once."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from regimen.learning import AgentSettings, AuxiliaryConfig, BonusConfig


class RecurrentPPOConfig(AgentSettings):
    """Proximal policy optimisation (arXiv 1707.06347) of an LSTM, whose actions depend on the whole episode so far.

    The number of lanes is the environment's. A rollout is ``rollout_steps`` × lanes transitions; every lane of it is
    cut into sequences of ``sequence_length`` steps, through which gradients flow.

    Raises:
        ConfigError: an unknown key, a value out of its range, or sequences that do not divide a rollout.
    """

    implementation: ClassVar[str] = "regimen.agents.recurrent_ppo.recurrent_ppo:RecurrentPPO"
    kind: Literal["recurrent_ppo"] = Field(default="recurrent_ppo", description="the algorithm")
    rollout_steps: int = Field(default=64, ge=1, description="steps of every lane between two updates")
    sequence_length: int = Field(
        default=64, ge=1, description="steps through which gradients flow; divides rollout_steps"
    )
    epochs: int = Field(default=4, ge=1, description="passes over a rollout")
    minibatch_size: int = Field(
        default=2048, ge=2, description="transitions in one gradient step, at most; always at least one whole sequence"
    )
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount of a step")
    gae_lambda: float = Field(default=0.95, ge=0.0, le=1.0, description="λ of the advantages; 0: one step, 1: all")
    clip: float = Field(default=0.2, gt=0.0, description="half-width of the band of probability ratios")
    entropy_coefficient: float = Field(default=0.0, ge=0.0, description="weight of the entropy, per nat")
    value_coefficient: float = Field(default=0.5, ge=0.0, description="weight of the critic's loss")
    gradient_clip: float = Field(default=0.5, gt=0.0, description="largest norm of a gradient")
    learning_rate: float = Field(default=3e-3, gt=0.0, description="learning rate of Adam at the first update")
    anneal: bool = Field(default=True, description="the learning rate falls linearly to 0 over a call of learn")
    hidden: int = Field(default=128, ge=1, description="width of the encoder and of each layer of the LSTM")
    layers: int = Field(default=2, ge=1, description="layers of the LSTM")
    head: int = Field(default=64, ge=1, description="width of the hidden layer of the actor's and the critic's head")
    activation: Literal["tanh", "relu"] = Field(
        default="tanh", description="activation after the encoder and inside the heads"
    )
    memory: bool = Field(
        default=True, description="false: the state is forgotten after every step, to see what the memory is worth"
    )
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
    auxiliary: AuxiliaryConfig | None = Field(
        default=None,
        description="what the memory learns to foretell besides; null: nothing",
        exclude_if=lambda auxiliary: auxiliary is None,  # a config without one is written, and known, as before
    )
    threads: int = Field(default=1, ge=1, description="CPU threads of torch; several can stall on a busy machine")

    @model_validator(mode="after")
    def _sequences_fill_the_rollout(self) -> Self:
        if self.rollout_steps % self.sequence_length:
            raise ValueError(
                f"sequence_length must divide rollout_steps; got {self.sequence_length} and {self.rollout_steps}"
            )
        return self
