"""`VTraceConfig`: every number that decides how an agent learns from actors that lag behind, once."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from regimen.agents.compute_text import ComputeText
from regimen.learning import AgentSettings


class VTraceConfig(AgentSettings):
    """IMPALA's V-trace (Espeholt et al. 2018, arXiv 1802.01561) with actors whose lag is fixed.

    The lanes are the environment's, shared out among the actors. A round is ``rollout_steps`` × lanes transitions.

    Raises:
        ConfigError: an unknown key or a value out of its range; c̄ above ρ̄.
    """

    implementation: ClassVar[str] = "regimen.agents.vtrace.vtrace:VTraceAgent"
    kind: Literal["vtrace"] = Field(default="vtrace", description="the algorithm")
    actors: int = Field(default=2, ge=1, description="groups of lanes, each stepped by one actor")
    compute: ComputeText = Field(default="local", description="where actors live; no number depends on it")
    lag: int = Field(default=1, ge=0, description="updates by which what an actor acts with is behind, exactly")
    rollout_steps: int = Field(default=32, ge=1, description="steps of every lane between two updates")
    epochs: int = Field(default=4, ge=1, description="passes over a round")
    minibatch_size: int = Field(default=2048, ge=2, description="transitions in one gradient step, at most")
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount of a step")
    trace_lambda: float = Field(default=0.95, ge=0.0, le=1.0, description="λ of the traces; 0: one step, 1: all")
    rho_bar: float = Field(default=1.0, gt=0.0, description="largest ratio π/μ of a step's own correction")
    c_bar: float = Field(default=1.0, gt=0.0, description="largest ratio π/μ along a trace; at most rho_bar")
    clip: float = Field(default=0.2, gt=0.0, description="half-width of the band around the policy before the update")
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
        default=0.25, gt=0.0, le=1.0, description="how far the critic's unit follows the targets of each round"
    )
    threads: int = Field(
        default=1, ge=1, description="processors to learn on; with two, actor and critic are trained side by side"
    )

    @model_validator(mode="after")
    def _traces_are_cut_first(self) -> Self:
        if self.c_bar > self.rho_bar:
            raise ValueError(f"c_bar must be at most rho_bar; got {self.c_bar:g} and {self.rho_bar:g}")
        return self
