"""Two models as one: the first decides, the second says whether acting on it pays."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from regimen.learning import AgentSettings
from regimen.own import OwnSource
from regimen.policies import MomentumConfig, RuleSettings
from regimen.predictors import LogisticConfig, OnlineSettings
from regimen.records.models.compound import CompoundSettings
from regimen.records.models.ensemble import MemberConfig
from regimen.reprs import short_config
from regimen.settings import ModelSettings

_FIRST, _SECOND = MomentumConfig(), LogisticConfig()


def _without_paths(sections: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(sections) if name != "augment")


class MetaConfig(CompoundSettings):
    """Meta-labels: a primary of any kind says the side, a secondary whether acting on it pays after a round trip.

    The secondary is fitted on the rows of the training slice at which the primary acts, from the same features and
    what the primary does. Where the primary learns, its decisions there are out of fold.

    Source: López de Prado, Advances in Financial Machine Learning (2018), section 3.6.
    """

    kind: Literal["meta"] = Field("meta", description="One model decides, a second says whether to act on it.")
    primary: MemberConfig = Field(_FIRST, description="Says the side: any model but ensembles and this.")
    secondary: MemberConfig = Field(_SECOND, description="Says whether acting pays: any model with probabilities.")
    threshold: float = Field(
        0.5, ge=0.0, lt=1.0, description="Act where the probability that acting pays is above this."
    )
    size: bool = Field(False, description="That probability sizes what is done: nothing at the threshold, all at 1.")
    folds: int = Field(
        5,
        ge=2,
        le=100,
        description="Parts of the training slice; a primary that learns decides each from the others, an agent from "
        "those before.",
    )

    reads: ClassVar[tuple[str, ...]] = _without_paths((*_FIRST.reads, *_SECOND.reads))

    def __repr__(self) -> str:
        return short_config(self)

    @field_validator("secondary")
    @classmethod
    def _says_probabilities(cls, secondary: ModelSettings) -> ModelSettings:
        if isinstance(secondary, AgentSettings | RuleSettings):
            kind = type(secondary).model_fields["kind"].default
            raise ValueError(f"secondary must say probabilities, which rules and agents do not; got {kind}")
        return secondary

    @model_validator(mode="after")
    def _parts_are_fitted_on_folds(self) -> Self:
        for name, part in self.parts.items():
            if isinstance(part, OnlineSettings):
                rule = "must be fitted on folds of the training slice, which a model that learns on is not"
                raise ValueError(f"{name} {rule}; got {part.kind}")
        return self

    @property
    def parts(self) -> dict[str, MemberConfig]:
        """Both models by the name of their field."""
        return {"primary": self.primary, "secondary": self.secondary}

    @property
    def say_probabilities(self) -> bool:
        """Whether the primary says probabilities, by which its exposure may be sized."""
        return not isinstance(self.primary, AgentSettings | RuleSettings)

    def located(self, began: Path) -> Self:
        """Returns it with own code counted from another folder, where the files are there."""
        there = {name: each.located(began) for name, each in self.parts.items() if isinstance(each, OwnSource)}
        return self.model_copy(update=there)

    def sections(self) -> tuple[str, ...]:
        """Returns what both read together, but for paths, on which the primary decides nothing."""
        return _without_paths(super().sections())
