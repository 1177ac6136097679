"""`DatasetConfig`: who acted in what an offline agent learns from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PartConfig(BaseModel):
    """One behaviour of a mixture, and how much of the dataset is its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    behaviour: Literal["uniform", "expert", "hindsight"] = Field(
        default="uniform", description="who acts: chance, the five votes of RuleExpert, or the best path in hindsight"
    )
    epsilon: float = Field(default=0.0, ge=0.0, le=1.0, description="probability of a uniformly random action instead")
    share: float = Field(default=1.0, gt=0.0, description="of the steps, in proportion to the other parts'")


class DatasetConfig(BaseModel):
    """Who acts while the dataset of an offline agent is recorded.

    One behaviour, or a ``mixture`` of them. The best path in hindsight knows the training slice's future: what is
    learned from it is imitation of that path, and is worth what it earns on other bars.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    behaviour: Literal["uniform", "expert", "hindsight", "mixture"] = Field(
        default="uniform",
        description="who acts: chance, the five votes of RuleExpert, the best path in hindsight, or several in turn",
    )
    epsilon: float = Field(
        default=0.0, ge=0.0, le=1.0, description="probability of a random action; of a mixture, in each part"
    )
    mixture: tuple[PartConfig, ...] = Field(
        default=(), description="the behaviours of a mixture, each with its epsilon and its share of the steps"
    )

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if self.behaviour == "mixture":
            if not self.mixture:
                raise ValueError("mixture must have at least one part for the behaviour 'mixture'")
            if self.epsilon:
                raise ValueError("epsilon must be given in the parts of a mixture, not beside it")
        elif self.mixture:
            raise ValueError(f"behaviour must be 'mixture' where parts are given; got {self.behaviour!r}")
        return self

    @property
    def parts(self) -> tuple[PartConfig, ...]:
        """The mixture, or the one behaviour as its only part."""
        if self.behaviour == "mixture":
            return self.mixture
        return (PartConfig(behaviour=self.behaviour, epsilon=self.epsilon),)
