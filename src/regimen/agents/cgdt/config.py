"""`CGDTConfig`: every number that decides how a critic-guided decision transformer learns, once."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from regimen.learning import AgentSettings, DatasetConfig


class CGDTConfig(AgentSettings):
    """Critic-guided decision transformer (Wang et al. 2023, arXiv 2312.13716) on recorded choices.

    With ``guidance`` 0 it is the decision transformer (Chen et al. 2021, arXiv 2106.01345), which takes luck for skill
    (Paster et al. 2022, arXiv 2205.15967).

    Raises:
        ConfigError: an unknown key, a value out of its range, heads that do not divide the width, or guidance by a
            critic that no action changes.
    """

    implementation: ClassVar[str] = "regimen.agents.cgdt.cgdt:CGDT"
    kind: Literal["cgdt"] = Field(default="cgdt", description="the algorithm")
    dataset: DatasetConfig = Field(default_factory=DatasetConfig, description="who acts while the data is recorded")
    updates: int = Field(default=10_000, ge=1, description="gradient steps of one call of learn")
    report_updates: int = Field(default=100, ge=1, description="updates in one iteration")
    batch_size: int = Field(default=64, ge=1, description="context windows in one update")
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount of the returns-to-go")
    context: int = Field(default=64, ge=1, description="steps that the transformer sees, the present one included")
    width: int = Field(default=256, ge=1, description="width of a token and of the critic's first layer")
    layers: int = Field(default=6, ge=1, description="blocks of the transformer")
    heads: int = Field(default=8, ge=1, description="attention heads; must divide the width")
    hidden: int = Field(default=1024, ge=1, description="width between the two feed-forward maps of a block")
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0, description="dropout in embeddings and blocks, while training")
    critic: Literal["state_action", "gaussian", "state"] = Field(
        default="state_action",
        description="mean return of an action in a state; the same with its own deviation, as in the paper; or of a "
        "state alone, which cannot guide",
    )
    critic_hidden: int = Field(default=128, ge=1, description="width of the critic's second layer")
    critic_expectile: float = Field(
        default=0.5,
        gt=0.0,
        lt=1.0,
        description="weight of returns above the critic's mean; 0.5: the mean, above 0.5: optimistic",
    )
    guidance: float = Field(default=20.0, ge=0.0, description="weight of the critic's guidance; 0: plain transformer")
    guidance_expectile: float = Field(
        default=0.9, gt=0.0, lt=1.0, description="weight of an expected return that is below the target"
    )
    guidance_ramp: float = Field(
        default=0.2, ge=0.0, le=1.0, description="share of the updates over which guidance grows from 0, linearly"
    )
    target_quantile: float = Field(
        default=0.9, ge=0.0, le=1.0, description="the target when acting: quantile of the data's returns-to-go"
    )
    learning_rate: float = Field(default=3e-4, gt=0.0, description="learning rate of AdamW after the warm-up")
    critic_learning_rate: float = Field(
        default=1e-3, gt=0.0, description="learning rate of the critic after the warm-up"
    )
    warmup: float = Field(default=0.05, ge=0.0, le=1.0, description="share of the updates in which the rates rise")
    anneal: bool = Field(default=True, description="the rates fall linearly to 0 afterwards")
    weight_decay: float = Field(default=1e-4, ge=0.0, description="of AdamW")
    gradient_clip: float = Field(
        default=1.0, gt=0.0, description="largest norm of transformer's and critic's gradients"
    )
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by the data's")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto: cuda where there is one")
    precision: Literal["float32", "bf16"] = Field(
        default="float32", description="precision of the transformer's products; auto: bf16 where the device has it"
    )
    threads: int = Field(default=1, ge=1, description="CPU threads of torch; several can stall on a busy machine")

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads must divide width; got {self.heads} and {self.width}")
        if self.critic == "state" and self.guidance > 0.0:
            raise ValueError("guidance must be 0 with the critic 'state', which no action changes")
        return self

    def rate(self, done: float) -> float:
        """Returns the factor of the learning rates after a share of the updates: up over ``warmup``, then down to 0."""
        if done < self.warmup:
            return (done + 1e-3) / (self.warmup + 1e-3)
        left = (1.0 - done) / (1.0 - self.warmup) if self.warmup < 1.0 else 1.0
        return left if self.anneal else 1.0
