"""`ESConfig`: every number that decides how an evolution strategy learns, once."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from regimen.agents.compute_text import ComputeText
from regimen.learning import AgentSettings


class ESConfig(AgentSettings):
    """OpenAI's evolution strategy (Salimans et al. 2017, arXiv 1703.03864) on a vector environment.

    The lanes are the environment's: each member of the population has an equal share of them, the parent has the rest.

    Raises:
        ConfigError: an unknown key or a value out of its range; a population that is not made of pairs for each actor.
    """

    implementation: ClassVar[str] = "regimen.agents.evolution.es:ES"
    kind: Literal["es"] = Field(default="es", description="the algorithm")
    population: int = Field(default=64, ge=4, description="members, in mirrored pairs around the parent")
    rollout_steps: int = Field(default=64, ge=1, description="steps of every lane by which a member is judged, at most")
    sigma: float = Field(default=0.1, gt=0.0, description="standard deviation of the noise on the weights")
    learning_rate: float = Field(default=0.03, gt=0.0, description="learning rate of Adam at the first update")
    anneal: bool = Field(default=True, description="the learning rate falls linearly to 0 over a call of learn")
    weight_decay: float = Field(default=0.005, ge=0.0, description="how much of the weights the gradient takes away")
    ranks: bool = Field(default=True, description="members count by their rank; false: by what they earned")
    hidden: tuple[PositiveInt, ...] = Field(default=(16,), description="widths of the hidden layers")
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by what was seen")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    actors: int = Field(default=1, ge=1, description="parts of population and lanes, each walked by one actor")
    compute: ComputeText = Field(default="local", description="where actors live; no number depends on it")
    threads: int = Field(default=1, ge=1, description="CPU threads of torch")

    @model_validator(mode="after")
    def _pairs_stay_together(self) -> Self:
        if self.population % (2 * self.actors):
            pairs = "even" if self.actors == 1 else f"a multiple of {2 * self.actors}: pairs, as many for each actor"
            raise ValueError(f"population must be {pairs}; got {self.population}")
        return self
