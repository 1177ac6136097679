"""`HybridESConfig`: what decides how evolution and a gradient learn together, beside what decides it of each."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from regimen.agents.sac.config import SACConfig


class HybridESConfig(SACConfig):
    """Evolutionary reinforcement learning (Khadka and Tumer 2018, arXiv 1805.07917), with SAC as the learner.

    Its fields are SAC's, for the learner, and these, for the population. A generation is ``rollout_steps`` steps of
    every lane; each member has an equal share of them, and so have the parent, the learner and what explores for it.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    implementation: ClassVar[str] = "regimen.agents.hybrid_evolution.hybrid_es:HybridES"
    kind: Literal["hybrid_es"] = Field(default="hybrid_es", description="the algorithm")  # type: ignore[assignment]
    population: int = Field(default=16, ge=4, description="members, in mirrored pairs around the parent")
    sigma: float = Field(default=0.1, gt=0.0, description="standard deviation of the noise on the parent's weights")
    evolution_rate: float = Field(default=0.03, gt=0.0, description="learning rate of Adam for the parent's weights")
    weight_decay: float = Field(default=0.005, ge=0.0, description="how much of the parent its gradient takes away")
    margin: float = Field(
        default=3.0, ge=0.0, description="standard errors by which learner or parent must beat the other to replace it"
    )
    patience: float = Field(
        default=0.7, ge=0.0, lt=1.0, description="how much of what is known of the two a generation keeps"
    )

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if self.population % 2:
            raise ValueError(f"population must be even; got {self.population}")
        return self
