"""What a search is: parameters with their ranges, what is aimed at, who proposes trials, and how they are scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from regimen.splits import WalkForwardConfig

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
ObjectiveName = Literal["sharpe", "turnover", "skill"]


class Parameter(BaseModel):
    """The values that one key of a run's config may take; a plain list is its choices."""

    model_config = _STRICT

    low: float | None = Field(None, description="Least value of a range.")
    high: float | None = Field(None, description="Greatest value of a range, itself one of them.")
    log: bool = Field(False, description="Equal ratios of a range are equally likely, instead of equal differences.")
    points: int = Field(5, ge=2, description="Values of a range that a grid tries.")
    choices: tuple[JsonValue, ...] | None = Field(None, min_length=1, description="The values themselves.")
    when: dict[str, JsonValue] = Field(
        {}, description="Only with these values of other keys: {model.kind: baseline}; a list allows any of its own."
    )

    @model_validator(mode="after")
    def _one_of_two_forms(self) -> Self:
        if self.choices is None:
            if self.low is None or self.high is None:
                raise ValueError("must have low and high, or choices")
            if not self.low < self.high:
                raise ValueError(f"must have a low below high; got {self.low:g} and {self.high:g}")
            if self.log and self.low <= 0.0:
                raise ValueError(f"must have a low above 0 with log; got {self.low:g}")
        elif self.low is not None or self.high is not None or self.log:
            raise ValueError("must have low and high, or choices, and not both")
        elif any(choice in self.choices[:number] for number, choice in enumerate(self.choices)):
            raise ValueError(f"must have each choice once; got {list(self.choices)}")
        return self


class HyperbandConfig(BaseModel):
    """Many trials with few epochs, and the best of each group with more: Li et al. 2018, Hyperband.

    A trial that is dropped keeps its checkpoint, and can be revived.
    """

    model_config = _STRICT

    smallest: int = Field(1, ge=1, description="Epochs after which the first trials are compared.")
    factor: int = Field(3, ge=2, description="One in so many goes on, with so many times the epochs.")


class SearchConfig(BaseModel):
    """The section ``search`` of a config file; `regimen tune` alone reads it."""

    model_config = _STRICT

    space: dict[str, Parameter] = Field(
        {}, description="By dotted key of the config, the values to try; empty: the small space of the model's kind."
    )
    objectives: tuple[ObjectiveName, ...] = Field(
        ("sharpe",), min_length=1, description="sharpe (net, more), turnover (less), skill (more); the first decides."
    )
    sampler: Literal["tpe", "random", "grid"] = Field("tpe", description="Who proposes the values of a trial.")
    batch: int = Field(4, ge=1, description="Trials that are proposed together, knowing those before; not a process.")
    hyperband: HyperbandConfig | None = Field(None, description="Stops trials that fall behind early.")
    splits: WalkForwardConfig = Field(
        WalkForwardConfig(train="50%", test="25%"),
        description="Windows inside the bars before the first test span of the run: each trial is scored on theirs.",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Of the proposals.")

    @field_validator("space", mode="before")
    @classmethod
    def _list_is_choices(cls, space: object) -> object:
        if not isinstance(space, Mapping):
            return space
        return {name: {"choices": each} if isinstance(each, list | tuple) else each for name, each in space.items()}

    @field_validator("objectives", mode="before")
    @classmethod
    def _one_is_a_tuple(cls, objectives: object) -> object:
        return (objectives,) if isinstance(objectives, str) else objectives

    @field_validator("hyperband", mode="before")
    @classmethod
    def _true_is_the_default(cls, hyperband: object) -> object:
        return {} if hyperband is True else None if hyperband is False else hyperband

    @field_validator("splits")
    @classmethod
    def _begins_anew(cls, splits: WalkForwardConfig) -> WalkForwardConfig:
        if splits.warm_start:
            raise ValueError("must not have warm_start: a trial keeps no model for its next window to begin from")
        return splits

    @model_validator(mode="after")
    def _what_fits_together(self) -> Self:
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"objectives must hold each once; got {list(self.objectives)}")
        if self.hyperband is not None and len(self.objectives) > 1:
            raise ValueError("hyperband must have one objective, by which trials are dropped")
        if self.hyperband is not None and self.sampler == "grid":
            raise ValueError("hyperband must go with tpe or random: a grid tries each of its values to the end")
        return self

    def identity(self) -> dict[str, Any]:
        """Returns what must be equal in a study that is gone on with, as plain values."""
        return self.model_dump(mode="json")
