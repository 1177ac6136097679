"""Several objectives at once: which they are, and how much each counts when it trades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from regimen.envs.spec import VectorEnv
from regimen.settings import one_line

if TYPE_CHECKING:
    from regimen.envs.wrappers.objective_lanes import Objectives

Objective = Literal["profit", "risk", "activity", "timing", "consistency", "exploration"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
"""All objectives, in the order of what `score` writes."""
PREFERENCE = "preference_"
"""What the names of the columns begin with that show a preference."""


class ObjectivesConfig(BaseModel):
    """A step is paid in several objectives, and each episode of learning has a preference among them, drawn at random.

    The preference is seen: one column for each objective, shares that sum to 1. So one agent learns what is best for
    every preference, and a user picks one afterwards. Nothing of it is learned from rewards, which would pick the
    objective that is easiest to earn.

    Raises:
        ConfigError: an unknown objective, or one twice; a preference of another length, negative, or that does not sum
            to 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["objectives"] = Field(default="objectives", description="the wrapper")
    names: tuple[Objective, ...] = Field(
        default=("profit", "risk"),
        min_length=1,
        description="what is paid for: profit, risk, activity, timing, consistency, exploration",
    )
    preference: tuple[float, ...] | None = Field(
        default=None, description="share of each objective when it trades; null: all alike"
    )

    if not TYPE_CHECKING:  # type checkers keep the signature that the fields make

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise one_line(error, type(self), values, "objectives.") from None

    @model_validator(mode="after")
    def _preference_is_of_the_objectives(self) -> Self:
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"names must be of different objectives; got {list(self.names)}")
        given = self.preference
        if given is None:
            return self
        if len(given) != len(self.names):
            rule = f"preference must have a share for each of {', '.join(self.names)}"
            raise ValueError(f"{rule}; got {list(given)}")
        if min(given) < 0.0:
            raise ValueError(f"preference must not be negative; got {list(given)}")
        if abs(sum(given) - 1.0) > 1e-6:
            raise ValueError(f"preference must sum to 1, not to {sum(given):.6g}; got {list(given)}")
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """The preference that trades."""
        return self.preference or (1.0 / len(self.names),) * len(self.names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that show a preference."""
        return tuple(PREFERENCE + name for name in self.names)

    @property
    def shows(self) -> Mapping[str, float]:
        """The columns that lanes show besides their own, and what they hold where a policy trades."""
        return dict(zip(self.columns, self.shares, strict=True))

    def wrap(self, env: VectorEnv) -> Objectives:
        """Returns the lanes with a vector of rewards, and a preference in each episode.

        Raises:
            ConfigError: lanes that are not of a market.
        """
        from regimen.envs.wrappers.objective_lanes import Objectives  # compiled, which a config alone does not need

        return Objectives(env, self)
