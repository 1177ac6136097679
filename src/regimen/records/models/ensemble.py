"""Several models as one: which they are, from how many seeds each is fitted, and how they are combined."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from regimen.agents import AgentConfig, OwnAgentConfig
from regimen.learning import AgentSettings
from regimen.own import OwnSource
from regimen.policies import RuleConfig, RuleSettings
from regimen.policies.ensemble import CombineConfig, MeanConfig
from regimen.predictors import (
    BaselineConfig,
    EstimatorConfig,
    LightGBMConfig,
    LogisticConfig,
    OnlineConfig,
    OnlineSettings,
    PredictorConfig,
    TreesConfig,
)
from regimen.records.models.compound import CompoundSettings
from regimen.reprs import short_config
from regimen.seeding import torch_seed
from regimen.settings import ModelSettings

MemberConfig = Annotated[
    PredictorConfig | TreesConfig | OnlineConfig | EstimatorConfig | AgentConfig | OwnAgentConfig | RuleConfig,
    Field(discriminator="kind"),
]
"""Every model that may be a member: all but ensembles."""

_NOT_ADVISERS = (AgentSettings, RuleSettings, OnlineSettings)
_USUAL: tuple[MemberConfig, ...] = (LogisticConfig(), LightGBMConfig(), BaselineConfig())


class Member(NamedTuple):
    """One model that an ensemble fits in each window.

    Attributes:
        number: of its config among the members.
        model: its config.
        seed: decides everything random of it.
        title: what tables call it.
        place: its folder, below that of the members.
    """

    number: int
    model: ModelSettings
    seed: int
    title: str
    place: str


class EnsembleConfig(CompoundSettings):
    """Members of any family as one model; see the page on ensembles.

    What a member learns from is the run's: the same features, labels and slices as if it were trained alone.
    """

    kind: Literal["ensemble"] = Field("ensemble", description="Several models as one.")
    members: tuple[MemberConfig, ...] = Field(_USUAL, description="The models: of any kind but ensemble.")
    combine: CombineConfig = Field(
        MeanConfig(), description="mean, stack, hedge, thompson or discounted_thompson; a name alone has its defaults."
    )
    seeds: int = Field(1, ge=1, le=1000, description="Fits of each member that learns, each from a seed of its own.")

    reads: ClassVar[tuple[str, ...]] = tuple(dict.fromkeys(name for each in _USUAL for name in each.reads))

    def __repr__(self) -> str:
        return short_config(self)

    @field_validator("combine", mode="before")
    @classmethod
    def _name_is_a_kind(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _members_go_together(self) -> Self:
        if not self.members:
            raise ValueError("members must name at least one model; got []")
        if self.seeds > 1 and all(isinstance(each, RuleSettings) for each in self.members):
            raise ValueError(f"seeds must be 1 where no member learns; got {self.seeds}")
        for number, each in enumerate(self.members):
            if self.combine.kind == "stack" and isinstance(each, _NOT_ADVISERS):
                raise ValueError(
                    "combine must not be stack where a member says no probabilities out of fold, as agents, rules and "
                    f"models that learn on do not: mix exposures by mean or hedge; got {each.kind} as member {number}"
                )
        return self

    @property
    def say_probabilities(self) -> bool:
        """Whether all members say probabilities of SELL, HOLD and BUY of bars that they have not learned from.

        Agents and rules do not. Models that learn on have learned every bar before the test span, so that there is none
        to calibrate what members say together on.
        """
        return not any(isinstance(each, _NOT_ADVISERS) for each in self.members)

    @property
    def parts(self) -> dict[str, MemberConfig]:
        """The members by their place."""
        return {f"members.{number}": member for number, member in enumerate(self.members)}

    def located(self, began: Path) -> Self:
        """Returns it with the own code of its members counted from another folder, where the files are there."""
        there = [each.located(began) if isinstance(each, OwnSource) else each for each in self.members]
        return self.model_copy(update={"members": tuple(there)})

    @property
    def names(self) -> tuple[str, ...]:
        """What its members are called: their kinds, or the names of one's own."""
        return tuple(each.name if isinstance(each, OwnSource) else each.kind.replace("_", "-") for each in self.members)

    def fitted(self, seed: int) -> tuple[Member, ...]:
        """Returns every model that is fitted in a window, member after member.

        The first fit of a member has the ensemble's own seed, so it is the model that is trained alone with it.

        Args:
            seed: of the ensemble.
        """
        twice = {name for name, count in Counter(self.names).items() if count > 1}
        every: list[Member] = []
        for number, (model, name) in enumerate(zip(self.members, self.names, strict=True)):
            title = f"{name} {number + 1}" if name in twice else name
            fits = 1 if isinstance(model, RuleSettings) else self.seeds
            for k in range(fits):
                own = torch_seed(seed, "ensemble", "seed", k) if k else seed
                label = title if fits == 1 else f"{title}, seed {k + 1}"
                every.append(Member(number, model, own, label, f"{number}-{name}/seed-{k}"))
        return tuple(every)
