"""`MOSACConfig`: every number that decides how soft actor-critic of several objectives learns, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from regimen.agents.soft.settings import SoftSettings
from regimen.envs import LogWealthConfig, ObjectivesConfig
from regimen.errors import ConfigError

if TYPE_CHECKING:
    from regimen.envs import VectorEnv


class MOSACConfig(SoftSettings):
    """Soft actor-critic whose critics value several objectives, for every preference among them at once.

    The preference is in the observation. Each transition is learned from under a preference drawn anew, since what
    happened does not depend on it. On lanes that show no preference there is one objective, and this is SAC.

    Raises:
        ConfigError: an unknown key or a value out of its range; see `ObjectivesConfig`.
    """

    implementation: ClassVar[str] = "regimen.agents.mosac.mosac:MOSAC"
    kind: Literal["mosac"] = Field(default="mosac", description="the algorithm")
    objectives: ObjectivesConfig = Field(
        default_factory=ObjectivesConfig, description="what is paid for, and the preference that trades"
    )

    @field_validator("objectives", mode="before")
    @classmethod
    def _names_are_objectives(cls, value: object) -> object:
        return {"names": value} if isinstance(value, list | tuple) else value

    def wrap(self, env: VectorEnv) -> VectorEnv:
        """Returns the lanes with the objectives' rewards and a preference in each episode.

        Raises:
            ConfigError: lanes with a reward of their own choice, which nobody would be paid.
        """
        from regimen.envs import markets_of  # with it come compiled steps, which a config alone does not need

        for market in markets_of(env):
            reward = market.config.reward
            if reward != LogWealthConfig(scale=reward.scale):
                rule = "must be left out: mosac is paid in the objectives of its own section, model.objectives"
                raise ConfigError("environment.reward", rule, reward.kind)
        return self.objectives.wrap(env)

    @property
    def shows(self) -> Mapping[str, float]:
        """The preference that trades, by its columns."""
        return self.objectives.shows
