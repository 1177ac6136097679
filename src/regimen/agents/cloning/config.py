"""`ClonedConfig`: whom an agent imitates, and every number that decides how, once."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt

from regimen.learning import AgentSettings
from regimen.policies import RuleConfig


class ClonedConfig(AgentSettings):
    """Imitation of an expert: behaviour cloning, or DAgger (Ross, Gordon and Bagnell 2011, arXiv 1011.0686).

    A round is ``rollout_steps`` × lanes states, and what the expert does in each of them. Behaviour cloning visits the
    expert's own states; DAgger those of the learner, where its mistakes lead, and asks the expert there.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    implementation: ClassVar[str] = "regimen.agents.cloning.cloned:Cloned"
    kind: Literal["cloned"] = Field(default="cloned", description="the algorithm")
    expert: Literal["votes", "hindsight", "optimum"] | Annotated[RuleConfig, Field(discriminator="kind")] = Field(
        default="votes",
        description="who is imitated: the five votes of RuleExpert; the best path in hindsight, which knows the "
        "training slice's future and is an upper bound; optimum, the best rule of a known market; or a rule's config",
    )
    visits: Literal["learner", "expert"] = Field(
        default="learner", description="whose states are visited: learner is DAgger, expert is behaviour cloning"
    )
    beta: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="in round i the expert acts in beta^i of the lanes; in the first in all",
    )
    capacity: int = Field(
        default=200_000, ge=1, description="states that are remembered, a uniform sample of all that were visited"
    )
    rollout_steps: int = Field(default=64, ge=1, description="steps of every lane in one round")
    gradient_steps: int = Field(default=64, ge=1, description="updates in one round")
    batch_size: int = Field(default=1024, ge=1, description="states in one update, at most")
    learning_rate: float = Field(default=3e-3, gt=0.0, description="learning rate of Adam at the first update")
    anneal: bool = Field(default=True, description="the learning rate falls linearly to 0 over a call of learn")
    gradient_clip: float = Field(default=1.0, gt=0.0, description="largest norm of a gradient")
    hidden: tuple[PositiveInt, ...] = Field(default=(64, 64), description="widths of the hidden layers")
    activation: Literal["tanh", "relu"] = Field(default="tanh", description="activation between the layers")
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by what was seen")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    threads: int = Field(default=1, ge=1, description="CPU threads of torch; several can stall on a busy machine")
