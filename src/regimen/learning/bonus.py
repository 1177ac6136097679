"""What an agent is paid for seeing something new, beside its rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from regimen.errors import ConfigError
from regimen.stateful import Stateful

if TYPE_CHECKING:
    from torch import Tensor

    from regimen.envs import EnvSpec
    from regimen.learning.rnd import RND


class Bonus(Stateful, Protocol):
    """Novelty of transitions. All rows are what the networks see; an end in ruin has no successor and is left out."""

    def score(self, x: Tensor, actions: Tensor, successors: Tensor) -> Tensor:
        """Returns what each transition (row,) is paid, at least 0, in the rewards' unit.

        Args:
            x: (row, width) where it was acted.
            actions: (row, ...) as they were drawn.
            successors: (row, width) what was seen next; of an episode that was cut, its own last observation.
        """

    def improve(self, x: Tensor, actions: Tensor, successors: Tensor) -> Mapping[str, float]:
        """Learns from transitions, which are less of a novelty afterwards; returns numbers of an iteration."""


class RNDConfig(BaseModel):
    """Random network distillation: what a network has not learned yet of another, random one is new.

    Prices move by themselves and are new for ever; name the ``columns`` that an action can move (those of the account).

    Source: Burda, Edwards, Storkey and Klimov 2018, arXiv 1810.12894.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["rnd"] = Field(default="rnd", description="the bonus")
    weight: float = Field(default=0.1, gt=0.0, description="pay of a novelty of one deviation, in the rewards' unit")
    columns: tuple[str, ...] = Field(default=(), description="of the observation, whose novelty counts; none: all")
    hidden: tuple[PositiveInt, ...] = Field(default=(64,), min_length=1, description="widths of the hidden layers")
    features: int = Field(default=32, ge=1, description="numbers that the random network gives")
    learning_rate: float = Field(default=1e-3, gt=0.0, description="of Adam")
    minibatch_size: int = Field(default=512, ge=1, description="transitions in one gradient step, at most")

    def build(self, spec: EnvSpec, seed: int) -> RND:
        """Returns the bonus for the columns of an environment.

        Raises:
            ConfigError: a column that the environment does not show.
        """
        for name in self.columns:
            if name not in spec.columns:
                raise ConfigError("agents.bonus.columns", f"must be columns that lanes show, not {name!r}")
        from regimen.learning.rnd import RND

        return RND(self, spec, seed)


BonusConfig = RNDConfig
"""The union of bonuses; ``kind`` chooses."""
