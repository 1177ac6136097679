"""`OptionsConfig`: which options there are, and every number that decides how they are chosen and learned, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from regimen.agents.soft.settings import SoftSettings
from regimen.errors import ConfigError

if TYPE_CHECKING:
    from regimen.envs import EnvSpec, VectorEnv


class _Option(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OpenConfig(_Option):
    """Opens a position: starts where none of that side is there, and ends with the bar."""

    kind: Literal["open"] = Field(default="open", description="opens a position")
    side: Literal["long", "short"] = Field(default="long", description="of the position")


class CloseConfig(_Option):
    """Closes the position: starts where there is one, and ends with the bar."""

    kind: Literal["close"] = Field(default="close", description="closes the position")


class WaitConfig(_Option):
    """Leaves everything as it is for some bars; can always start."""

    kind: Literal["wait"] = Field(default="wait", description="leaves everything as it is")
    bars: int = Field(default=4, ge=1, description="until it ends")


class _Column(_Option):
    column: str | None = Field(
        default=None, description="whose sign is the direction; null: the first that begins with return, or the first"
    )
    threshold: float = Field(default=0.0, ge=0.0, description="starts where the column is further from 0 than this")


class TrendConfig(_Column):
    """Takes the side of a column's sign and keeps it until the sign turns."""

    kind: Literal["trend"] = Field(default="trend", description="follows a column's sign")
    bars: int = Field(default=64, ge=1, description="after which it ends at the latest")


class ScalpConfig(_Column):
    """Takes the side against a column's sign, for few bars, and ends when the sign turns."""

    kind: Literal["scalp"] = Field(default="scalp", description="goes against a column's sign for few bars")
    bars: int = Field(default=4, ge=1, description="after which it ends at the latest")


OptionConfig = Annotated[OpenConfig | CloseConfig | WaitConfig | TrendConfig | ScalpConfig, Field(discriminator="kind")]
"""The union of options by rule; ``kind`` chooses."""
_USUAL: tuple[OptionConfig, ...] = (OpenConfig(), CloseConfig(), TrendConfig(), ScalpConfig(), WaitConfig())


class OptionsConfig(SoftSettings):
    """A soft actor-critic that chooses among options: an option decides bar by bar until it ends.

    An option is where it may start, what it does, and when it ends. What it earned is discounted bar by bar, and what
    follows by γ to the number of its bars. Options by rule are plain; learned ones are those of the option-critic: a
    policy and a probability of ending each, improved by what the chooser's critics say.

    Raises:
        ConfigError: an unknown key or a value out of its range; options none of which can always start.

    Source: Sutton, Precup and Singh 1999; Bacon, Harb and Precup 2017, arXiv 1609.05140.
    """

    implementation: ClassVar[str] = "regimen.agents.options.options:Options"
    kind: Literal["options"] = Field(default="options", description="the algorithm")
    options: tuple[OptionConfig, ...] = Field(default=_USUAL, description="by rule: open, close, wait, trend, scalp")
    learned: int = Field(default=2, ge=0, description="options whose policy and end are learned")
    longest: int = Field(default=32, ge=1, description="bars after which a learned option ends at the latest")
    inner_hidden: tuple[PositiveInt, ...] = Field(
        default=(32,), description="widths of the hidden layers of the learned options' networks"
    )
    inner_rate: float = Field(default=1e-3, gt=0.0, description="learning rate of Adam for the learned options")
    inner_entropy: float = Field(
        default=0.01, ge=0.0, description="weight of the entropy of a learned option's policy, per nat"
    )
    deliberation: float = Field(
        default=0.01, ge=0.0, description="what ending a learned option costs, in deviations of a reward"
    )
    flat: int | None = Field(
        default=None,
        ge=0,
        description="the choice that holds nothing; null: the middle one, or the first of an even number",
    )

    @model_validator(mode="after")
    def _something_can_always_start(self) -> Self:
        if not self.learned and not any(isinstance(each, WaitConfig) for each in self.options):
            rule = "options must have wait or a learned one among them, which can always start"
            raise ValueError(f"{rule}; got {[each.kind for each in self.options]}")
        if len(self.options) + self.learned < 2:
            raise ValueError(f"options must be at least two, with the learned ones; got {len(self.options)}")
        return self

    def alternatives(self, spec: EnvSpec) -> int:
        """Returns the number of options, by rule and learned."""
        del spec
        return len(self.options) + self.learned

    def wrap(self, env: VectorEnv) -> VectorEnv:
        """Returns the lanes as they are.

        Raises:
            ConfigError: verbs, which are no exposures; levels of which the flat one is not 0.
        """
        from regimen.agents.options.table import flat_choice
        from regimen.envs import LevelsConfig, VerbsConfig, markets_of

        for market in markets_of(env):
            actions = market.config.actions
            if isinstance(actions, VerbsConfig):
                raise ConfigError("environment.actions", "must be levels or continuous for options", actions.kind)
            if isinstance(actions, LevelsConfig):
                flat = flat_choice(self.flat, len(actions.levels))
                if flat >= len(actions.levels) or actions.levels[flat] != 0.0:
                    levels = list(actions.levels)
                    raise ConfigError("model.flat", f"must be the place of the level 0 among {levels}", flat)
        return env
